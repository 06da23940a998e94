#include <hikyaku/identity/sender_domains.h>

#include "domain_keys.h"
#include "rows.h"

#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::identity
{
namespace
{

problem no_such_domain()
{
    return {problem_kind::not_found, "", "there is no such domain"};
}

bool is_pending(const dkim_key_row& key)
{
    return key.state == key_state::pending;
}

/// Whether new keys can be made now.
result<void, problem> check_rotation(const sender_domain& d)
{
    if (std::any_of(d.keys.begin(), d.keys.end(), is_pending))
    {
        return problem{problem_kind::conflict, "",
                       "keys are pending already: publish their records first"};
    }
    const auto signing = std::count_if(d.keys.begin(), d.keys.end(), [](const dkim_key_row& key)
                                       { return key.state == key_state::active; });
    if (d.keys.size() + static_cast<std::size_t>(signing) > keys_per_domain_max)
    {
        return problem{problem_kind::limit, "",
                       "the domain has " + std::to_string(d.keys.size()) +
                           " keys: wait until the retiring ones are gone"};
    }
    return {};
}

std::string describe(const std::vector<key_event>& events)
{
    std::string out;
    for (const auto& e : events)
    {
        out += out.empty() ? "" : ", ";
        out += e.selector + " " + to_string(e.from) + " to " + to_string(e.to);
    }
    return out;
}

} // namespace

result<sender_domain, problem> sender_domains::rotate(const oplog::actor& who, tenant_id tenant,
                                                      std::uint64_t id)
{
    auto row = find(tenant, id);
    if (row.has_error() || !row->has_value())
    {
        return row.has_error() ? row.error() : no_such_domain();
    }
    if (const auto allowed = check_rotation(**row); allowed.has_error())
    {
        return allowed.error();
    }
    // Outside of the gate: it takes time.
    std::vector<dkim_key_row> made;
    const unsigned generation = next_generation(**row);
    for (const auto& key : (*row)->keys)
    {
        if (key.state != key_state::active)
        {
            continue;
        }
        auto fresh = make_domain_key(deps().master, **row, key.kind, generation);
        if (fresh.has_error())
        {
            log::error("dkim_key_failed", {{"reason", fresh.error().text}});
            return problem{problem_kind::unavailable, "", fresh.error().text};
        }
        fresh->state = key_state::pending;
        fresh->since = deps().clock_source.wall();
        made.push_back(std::move(*fresh));
    }
    auto c = deps().log.begin(tenant, who, "domain.rotate");
    row = find(tenant, id);
    if (row.has_error() || !row->has_value())
    {
        return row.has_error() ? row.error() : no_such_domain();
    }
    sender_domain d = std::move(**row);
    const auto allowed = check_rotation(d);
    if (allowed.has_error() || next_generation(d) != generation)
    {
        return allowed.has_error() ? allowed.error()
                                   : problem{problem_kind::conflict, "", "keys have changed"};
    }
    c.set_detail(made.empty() ? std::string() : made.front().selector);
    std::move(made.begin(), made.end(), std::back_inserter(d.keys));
    c.data().put(store::space::data, domain_row_key(id), encode(d));
    c.set_object(public_domain_id(id));
    c.commit();
    return d;
}

result<sender_domains::key_progress, problem>
sender_domains::advance_keys(tenant_id tenant, std::uint64_t id,
                             const std::vector<key_sighting>& seen, milliseconds retire_after)
{
    auto row = find(tenant, id);
    if (row.has_error() || !row->has_value())
    {
        return row.has_error() ? row.error() : no_such_domain();
    }
    const auto now = deps().clock_source.wall();
    auto trial = (*row)->keys;
    if (!identity::advance_keys(trial, seen, now, retire_after).changed)
    {
        return key_progress{std::move(**row), false};
    }
    auto c = deps().log.begin(tenant, oplog::system_actor(), "domain.keys");
    row = find(tenant, id);
    if (row.has_error() || !row->has_value())
    {
        return row.has_error() ? row.error() : no_such_domain();
    }
    key_progress out{std::move(**row), false};
    const auto changes = identity::advance_keys(out.domain.keys, seen, now, retire_after);
    if (!changes.changed)
    {
        return out;
    }
    out.switched = std::any_of(changes.events.begin(), changes.events.end(),
                               [](const key_event& e) { return e.to == key_state::active; });
    c.data().put(store::space::data, domain_row_key(id), encode(out.domain));
    c.set_object(public_domain_id(id));
    c.set_detail(changes.events.empty() ? "record seen or lost" : describe(changes.events));
    c.commit([&] { forget(tenant, out.domain.domain); });
    for (const auto& e : changes.events)
    {
        log::info("dkim_key_changed", {{"tenant", tenant.value},
                                       {"domain", out.domain.domain},
                                       {"selector", e.selector},
                                       {"from", to_string(e.from)},
                                       {"to", to_string(e.to)}});
    }
    return out;
}

} // namespace hikyaku::identity
