#include <hikyaku/dns/mx_plan.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <hikyaku/base/assert.h>

namespace hikyaku::dns
{

namespace
{

template <class Iterator> void shuffle(Iterator first, Iterator last, random_source& random)
{
    for (auto left = static_cast<std::uint64_t>(last - first); left > 1; --left)
    {
        const auto pick = static_cast<std::ptrdiff_t>(random.below(left));
        std::iter_swap(first + pick, first + static_cast<std::ptrdiff_t>(left - 1));
    }
}

/// Shuffles every run of equal preference. @pre sorted by preference
template <class Hosts, class Preference>
void shuffle_equals(Hosts& hosts, Preference preference, random_source& random)
{
    for (auto first = hosts.begin(); first != hosts.end();)
    {
        const auto last = std::find_if(first, hosts.end(), [&](const auto& h)
                                       { return preference(h) != preference(*first); });
        shuffle(first, last, random);
        first = last;
    }
}

std::uint16_t preference_of(const mx_host& host) noexcept
{
    return host.preference;
}

/// IPv4 and IPv6 in turn, IPv4 first.
std::vector<ip_address> in_turn(const std::vector<ip_address>& v4,
                                const std::vector<ip_address>& v6)
{
    std::vector<ip_address> out;
    out.reserve(v4.size() + v6.size());
    for (std::size_t i = 0; i < std::max(v4.size(), v6.size()); ++i)
    {
        if (i < v4.size())
        {
            out.push_back(v4[i]);
        }
        if (i < v6.size())
        {
            out.push_back(v6[i]);
        }
    }
    return out;
}

/// Distinct addresses in the order of the answer, no more than can be kept.
std::vector<ip_address> addresses_of(const rrset& set)
{
    std::vector<ip_address> out;
    for (const record& r : set.records)
    {
        const ip_address* address = std::get_if<ip_address>(&r.data);
        if (address != nullptr && std::find(out.begin(), out.end(), *address) == out.end())
        {
            out.push_back(*address);
        }
        if (out.size() == host_addresses_max)
        {
            break;
        }
    }
    return out;
}

bool failed(const rrset& set) noexcept
{
    return set.status == rrset_status::failed || set.status == rrset_status::alias_chain_too_long;
}

bool either(const rrset& a, const rrset& b, rrset_status status) noexcept
{
    return a.status == status || b.status == status;
}

/// Hosts by preference and name, each once; the root left out.
std::vector<mx_host> hosts_of(const rrset& mx)
{
    std::map<std::string, std::uint16_t> best;
    for (const record& r : mx.records)
    {
        const auto* data = std::get_if<mx_data>(&r.data);
        if (data == nullptr || data->exchange.empty())
        {
            continue;
        }
        const auto [at, added] = best.emplace(data->exchange, data->preference);
        at->second = std::min(at->second, data->preference);
    }
    std::vector<mx_host> hosts;
    for (const auto& [name, preference] : best)
    {
        hosts.push_back({name, preference, {}});
    }
    std::sort(hosts.begin(), hosts.end(), [](const mx_host& l, const mx_host& r)
              { return std::tie(l.preference, l.name) < std::tie(r.preference, r.name); });
    return hosts;
}

bool is_null_mx(const rrset& mx)
{
    return mx.records.size() == 1 && std::get<mx_data>(mx.records.front().data) == mx_data{};
}

void plan_records(mx_answer& out, const rrset& mx, random_source& random)
{
    out.records_seen = mx.records.size();
    out.ttl = bounded_ttl(mx.ttl);
    if (is_null_mx(mx))
    {
        out.status = lookup_status::null_mx;
        out.reason = "null MX: " + out.domain + " accepts no mail";
        return;
    }
    out.hosts = hosts_of(mx);
    if (out.hosts.empty())
    {
        out.status = lookup_status::no_address;
        out.reason = "every MX of " + out.domain + " is the root";
        return;
    }
    if (out.hosts.size() > mx_hosts_max)
    {
        out.hosts.resize(mx_hosts_max);
    }
    out.status = lookup_status::ok;
    out.site = site_key(out.hosts);
    shuffle_equals(out.hosts, preference_of, random);
}

void plan_implicit(mx_answer& out, const rrset& mx)
{
    out.ttl = bounded_negative_ttl(mx.ttl);
    if (mx.name.empty())
    {
        out.status = lookup_status::no_address;
        out.reason = out.domain + " is an alias of the root";
        return;
    }
    out.status = lookup_status::ok;
    out.implicit_mx = true;
    // Behind an alias the host is the alias' end, which is what a lone MX would name.
    out.hosts = {{mx.name, 0, {}}};
    out.site = site_key(out.hosts);
}

void fail(mx_answer& out, lookup_status status, const rrset& mx)
{
    out.status = status;
    out.reason = mx.reason;
    out.ttl = is_permanent(status) ? bounded_negative_ttl(mx.ttl) : std::chrono::seconds{0};
}

} // namespace

mx_answer plan_mx(std::string_view domain, const rrset& mx, random_source& random)
{
    HK_ASSERT(mx.status != rrset_status::follow);
    mx_answer out;
    out.domain = domain;
    switch (mx.status)
    {
    case rrset_status::found:
        plan_records(out, mx, random);
        break;
    case rrset_status::no_data:
        plan_implicit(out, mx);
        break;
    case rrset_status::no_name:
        fail(out, lookup_status::no_domain, mx);
        break;
    case rrset_status::alias_loop:
        fail(out, lookup_status::loop, mx);
        break;
    case rrset_status::follow:
    case rrset_status::alias_chain_too_long:
    case rrset_status::failed:
        fail(out, lookup_status::temporary, mx);
        break;
    }
    return out;
}

host_addresses join_addresses(const rrset& a, const rrset& aaaa)
{
    HK_ASSERT(!either(a, aaaa, rrset_status::follow));
    host_addresses out;
    out.addresses = in_turn(addresses_of(a), addresses_of(aaaa));
    if (out.addresses.size() > host_addresses_max)
    {
        out.addresses.resize(host_addresses_max);
    }
    out.temporary = failed(a) || failed(aaaa);
    if (!out.addresses.empty())
    {
        out.ttl = bounded_ttl(std::min(a.status == rrset_status::found ? a.ttl : ttl_max,
                                       aaaa.status == rrset_status::found ? aaaa.ttl : ttl_max));
        // The other family is asked for again before long.
        out.ttl = out.temporary ? std::min(out.ttl, negative_ttl_max) : out.ttl;
        return out;
    }
    out.reason = failed(aaaa) && !failed(a) ? aaaa.reason : a.reason;
    if (!out.temporary)
    {
        out.no_name = either(a, aaaa, rrset_status::no_name);
        out.alias_loop = either(a, aaaa, rrset_status::alias_loop);
        out.ttl = bounded_negative_ttl(std::min(a.ttl, aaaa.ttl));
    }
    return out;
}

std::string site_key(const std::vector<mx_host>& hosts)
{
    std::vector<std::string_view> names;
    for (const mx_host& host : hosts)
    {
        names.push_back(host.name);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::string out;
    for (const std::string_view name : names)
    {
        if (!out.empty())
        {
            out.push_back(',');
        }
        out.append(name);
    }
    return out;
}

std::vector<connection_target> connection_order(const mx_answer& answer, random_source& random)
{
    std::vector<const mx_host*> hosts;
    for (const mx_host& host : answer.hosts)
    {
        hosts.push_back(&host);
    }
    shuffle_equals(hosts, [](const mx_host* h) { return h->preference; }, random);
    std::vector<connection_target> out;
    for (const mx_host* host : hosts)
    {
        std::vector<ip_address> v4;
        std::vector<ip_address> v6;
        for (const ip_address& address : host->addresses)
        {
            (address.is_v4() ? v4 : v6).push_back(address);
        }
        shuffle(v4.begin(), v4.end(), random);
        shuffle(v6.begin(), v6.end(), random);
        for (const ip_address& address : in_turn(v4, v6))
        {
            out.push_back({host, address});
        }
    }
    return out;
}

mx_answer without_self(mx_answer answer, const self_test& is_self)
{
    const auto self = std::find_if(answer.hosts.begin(), answer.hosts.end(), is_self);
    if (answer.status != lookup_status::ok || self == answer.hosts.end())
    {
        return answer;
    }
    const std::uint16_t ours = self->preference;
    std::erase_if(answer.hosts, [&](const mx_host& h) { return h.preference >= ours; });
    if (answer.hosts.empty())
    {
        answer.status = lookup_status::loop;
        answer.reason = "this host is the best MX of " + answer.domain;
    }
    return answer;
}

} // namespace hikyaku::dns
