#include <hikyaku/dns/mx_plan.h>

#include <algorithm>
#include <utility>

#include <hikyaku/base/assert.h>

namespace hikyaku::dns
{

namespace
{

/// What no host having an address means.
lookup_status status_without_address(const mx_answer& plan,
                                     const std::vector<host_addresses>& hosts)
{
    const auto any = [&](bool host_addresses::* flag)
    { return std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return h.*flag; }); };
    const auto all = [&](bool host_addresses::* flag)
    { return std::all_of(hosts.begin(), hosts.end(), [&](const auto& h) { return h.*flag; }); };
    if (any(&host_addresses::temporary))
    {
        return lookup_status::temporary;
    }
    if (all(&host_addresses::alias_loop))
    {
        return lookup_status::loop;
    }
    if (plan.implicit_mx && all(&host_addresses::no_name))
    {
        return lookup_status::no_domain;
    }
    return lookup_status::no_address;
}

std::string first_reason(const std::vector<host_addresses>& hosts, bool temporary)
{
    for (const host_addresses& host : hosts)
    {
        if (host.temporary == temporary && !host.reason.empty())
        {
            return host.reason;
        }
    }
    return "no address";
}

} // namespace

mx_answer decide(mx_answer plan, std::vector<host_addresses> hosts)
{
    HK_ASSERT(plan.status == lookup_status::ok);
    HK_ASSERT(hosts.size() == plan.hosts.size() && !hosts.empty());
    bool some_address = false;
    for (std::size_t i = 0; i < hosts.size(); ++i)
    {
        const bool unknown = hosts[i].addresses.empty() && hosts[i].temporary;
        some_address = some_address || !hosts[i].addresses.empty();
        // A host that could not be asked must not stay without addresses for a day.
        plan.ttl = std::min(plan.ttl, unknown ? negative_ttl_min : hosts[i].ttl);
        plan.hosts[i].addresses = std::move(hosts[i].addresses);
    }
    if (some_address)
    {
        return plan;
    }
    plan.status = status_without_address(plan, hosts);
    const bool temporary = plan.status == lookup_status::temporary;
    plan.reason = first_reason(hosts, temporary);
    if (temporary)
    {
        plan.ttl = std::chrono::seconds{0};
    }
    return plan;
}

} // namespace hikyaku::dns
