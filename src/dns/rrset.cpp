#include <hikyaku/dns/rrset.h>

#include <algorithm>
#include <utility>

#include <hikyaku/dns/name.h>

namespace hikyaku::dns
{

namespace
{

const cname_data* find_alias(const message& response, const std::string& name,
                             std::chrono::seconds& ttl)
{
    for (const record& r : response.answers)
    {
        if (r.type == record_type::cname && r.name == name)
        {
            ttl = std::min(ttl, r.ttl);
            return &std::get<cname_data>(r.data);
        }
    }
    return nullptr;
}

/// The time a "no" about `name` may be kept (RFC 2308 section 5), or nullptr without its SOA.
const record* find_soa(const message& response, const std::string& name)
{
    for (const record& r : response.authority)
    {
        if (is_at_or_below(name, r.name))
        {
            return &r;
        }
    }
    return nullptr;
}

} // namespace

std::chrono::seconds bounded_ttl(std::chrono::seconds ttl) noexcept
{
    return std::clamp(ttl, ttl_min, ttl_max);
}

std::chrono::seconds bounded_negative_ttl(std::chrono::seconds ttl) noexcept
{
    return std::clamp(ttl, negative_ttl_min, negative_ttl_max);
}

alias_walk::alias_walk(std::string name, record_type type)
    : name_(std::move(name)), type_(type), ttl_(std::chrono::seconds::max()), seen_{name_}
{
}

bool alias_walk::collect(const message& response, rrset& out) const
{
    for (const record& r : response.answers)
    {
        if (r.type == type_ && r.name == name_)
        {
            out.records.push_back(r);
            out.ttl = std::min(out.ttl, r.ttl);
        }
    }
    return !out.records.empty();
}

rrset alias_walk::finish(rrset_status status, std::string what, std::chrono::seconds ttl) const
{
    rrset out;
    out.status = status;
    out.name = name_;
    out.ttl = ttl;
    if (!what.empty())
    {
        out.reason = std::move(what) + " for " + record_type_name(type_) + " of " + name_;
    }
    return out;
}

rrset alias_walk::take(const message& response)
{
    if (response.truncated)
    {
        return finish(rrset_status::failed, "truncated answer");
    }
    if (response.code != response_code::no_error && response.code != response_code::name_error)
    {
        return finish(rrset_status::failed, response_code_name(response.code));
    }
    const std::string asked = name_;
    while (true)
    {
        rrset found = finish(rrset_status::found, {}, ttl_);
        if (collect(response, found))
        {
            return found;
        }
        const cname_data* alias = find_alias(response, name_, ttl_);
        if (alias == nullptr)
        {
            break;
        }
        name_ = alias->target;
        if (!seen_.insert(name_).second)
        {
            return finish(rrset_status::alias_loop, "CNAME loop", ttl_);
        }
        if (seen_.size() > cname_chain_max + 1)
        {
            return finish(rrset_status::alias_chain_too_long, "too many CNAMEs");
        }
    }
    return nothing_found(response, name_ != asked);
}

rrset alias_walk::nothing_found(const message& response, bool moved) const
{
    const record* soa = find_soa(response, name_);
    const std::chrono::seconds ttl =
        soa == nullptr ? std::chrono::seconds{0}
                       : std::min({ttl_, soa->ttl, std::get<soa_data>(soa->data).minimum});
    if (response.code == response_code::name_error)
    {
        return finish(rrset_status::no_name, "NXDOMAIN", ttl);
    }
    if (moved && soa == nullptr)
    {
        return finish(rrset_status::follow, {});
    }
    return finish(rrset_status::no_data, "no data", ttl);
}

} // namespace hikyaku::dns
