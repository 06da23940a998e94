#include <hikyaku/dns/explain.h>

namespace hikyaku::dns
{

namespace
{

const char* decision_of(lookup_status status)
{
    if (status == lookup_status::ok)
    {
        return "deliver";
    }
    return is_permanent(status) ? "bounce" : "defer";
}

json::object explain_host(const mx_host& host)
{
    json::array addresses;
    for (const ip_address& address : host.addresses)
    {
        addresses.emplace_back(format_ip(address));
    }
    return {{"name", host.name}, {"preference", host.preference}, {"addresses", addresses}};
}

} // namespace

json::value explain_mx(const mx_answer& answer)
{
    json::array hosts;
    json::array plan;
    for (const mx_host& host : answer.hosts)
    {
        hosts.emplace_back(explain_host(host));
        for (const ip_address& address : host.addresses)
        {
            plan.emplace_back(json::object{{"host", host.name}, {"address", format_ip(address)}});
        }
    }
    json::object out;
    out["domain"] = answer.domain;
    out["status"] = lookup_status_name(answer.status);
    out["decision"] = decision_of(answer.status);
    out["permanent"] = is_permanent(answer.status);
    out["code"] = enhanced_code(answer.status);
    out["reason"] = answer.reason;
    out["site"] = answer.site;
    out["ttl_s"] = answer.ttl.count();
    out["implicit_mx"] = answer.implicit_mx;
    out["records_seen"] = answer.records_seen;
    out["hosts"] = std::move(hosts);
    out["plan"] = std::move(plan);
    return out;
}

} // namespace hikyaku::dns
