#include <hikyaku/shaping/suspension_table.h>

#include "stored_state.h"

#include <algorithm>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{
namespace
{

adaptation_event event_of(const suspension_entry& e, adaptation_phase phase, instant now)
{
    adaptation_event out;
    out.phase = phase;
    out.what = adapted::suspended;
    out.scope = e.kind;
    out.subject = e.subject;
    out.cause = e.cause;
    out.began = e.began;
    out.ends = phase == adaptation_phase::ended
                   ? now.wall
                   : now.wall + std::chrono::ceil<milliseconds>(e.until - now.mono);
    return out;
}

// Only the members that `kind` names.
adaptation_subject named_part(suspension_kind kind, const adaptation_subject& s)
{
    adaptation_subject out;
    switch (kind)
    {
    case suspension_kind::site:
        out.site = s.site;
        break;
    case suspension_kind::source_site:
        out.site = s.site;
        out.source = s.source;
        break;
    case suspension_kind::tenant_site:
        out.site = s.site;
        out.tenant = s.tenant;
        break;
    case suspension_kind::campaign:
        out.campaign = s.campaign;
        // For whom, so that an event can be shown to its tenant.
        out.tenant = s.tenant;
        break;
    case suspension_kind::tenant:
        out.tenant = s.tenant;
        break;
    }
    return out;
}

bool is_kind(std::uint8_t kind)
{
    return kind >= static_cast<std::uint8_t>(suspension_kind::site) &&
           kind <= static_cast<std::uint8_t>(suspension_kind::tenant) &&
           kind != static_cast<std::uint8_t>(suspension_kind::source_site);
}

failure damaged()
{
    return failure{"the stored suspensions are damaged"};
}

} // namespace

suspension_table::key_view suspension_table::view_of(suspension_kind kind,
                                                     const adaptation_subject& s,
                                                     bool by_operator) noexcept
{
    switch (kind)
    {
    case suspension_kind::site:
        return {kind, s.site, {}, by_operator};
    case suspension_kind::source_site:
        return {kind, s.source, s.site, by_operator};
    case suspension_kind::tenant_site:
        return {kind, s.tenant, s.site, by_operator};
    case suspension_kind::campaign:
        return {kind, s.campaign, {}, by_operator};
    case suspension_kind::tenant:
        return {kind, s.tenant, {}, by_operator};
    }
    return {kind, {}, {}, by_operator};
}

result<void, failure> suspension_table::suspend(suspension_kind kind,
                                                const adaptation_subject& subject,
                                                milliseconds duration, bool by_operator,
                                                const adaptation_cause& cause, instant now,
                                                std::vector<adaptation_event>& out)
{
    HK_ASSERT(kind != suspension_kind::source_site);
    HK_ASSERT(duration > milliseconds{0});
    const key_view id = view_of(kind, subject, by_operator);
    const bool needs_two = kind == suspension_kind::tenant_site;
    if (id.first.empty() || (needs_two && id.second.empty()) || id.first.size() > id_bytes_max ||
        id.second.size() > id_bytes_max || subject.tenant.size() > id_bytes_max)
    {
        return failure{"who is to be suspended has a name of 1 to 512 bytes"};
    }
    const mono_time until = now.mono + std::min(duration, operator_duration_max);
    const auto found = entries_.find(id);
    if (found != entries_.end() && found->second.until > now.mono)
    {
        suspension_entry& e = found->second;
        if (until > e.until)
        {
            e.until = until;
            e.cause = cause;
            if (by_operator || until - e.told_until >= told_step)
            {
                e.told_until = until;
                out.push_back(event_of(e, adaptation_phase::changed, now));
            }
        }
        return {};
    }
    if (found != entries_.end())
    {
        out.push_back(event_of(found->second, adaptation_phase::ended, now));
        entries_.erase(found);
    }
    if (!make_room(until, now, out))
    {
        return failure{"10000 suspensions are in force: no room for another"};
    }
    suspension_entry e{kind, named_part(kind, subject), by_operator, cause, now.wall, until, until};
    out.push_back(event_of(e, adaptation_phase::began, now));
    entries_.emplace(key{id.kind, std::string(id.first), std::string(id.second), by_operator},
                     std::move(e));
    return {};
}

bool suspension_table::make_room(mono_time until, instant now, std::vector<adaptation_event>& out)
{
    if (entries_.size() < entries_max)
    {
        return true;
    }
    auto soonest = entries_.end();
    for (auto at = entries_.begin(); at != entries_.end(); ++at)
    {
        if (!at->second.by_operator &&
            (soonest == entries_.end() || at->second.until < soonest->second.until))
        {
            soonest = at;
        }
    }
    if (soonest == entries_.end() || soonest->second.until >= until)
    {
        return false;
    }
    out.push_back(event_of(soonest->second, adaptation_phase::ended, now));
    entries_.erase(soonest);
    return true;
}

bool suspension_table::resume(suspension_kind kind, const adaptation_subject& subject,
                              bool operators_only, instant now, std::vector<adaptation_event>& out)
{
    bool any = false;
    for (const bool by_operator : {true, false})
    {
        const auto found = entries_.find(view_of(kind, subject, by_operator));
        if (found == entries_.end() || (operators_only && !by_operator))
        {
            continue;
        }
        any = any || found->second.until > now.mono;
        out.push_back(event_of(found->second, adaptation_phase::ended, now));
        entries_.erase(found);
    }
    return any;
}

const suspension_entry* suspension_table::find_any(suspension_kind kind, std::string_view first,
                                                   std::string_view second, mono_time now) const
{
    const suspension_entry* out = nullptr;
    for (const bool by_operator : {true, false})
    {
        const auto found = entries_.find(key_view{kind, first, second, by_operator});
        if (found != entries_.end() && found->second.until > now &&
            (out == nullptr || out->until < found->second.until))
        {
            out = &found->second;
        }
    }
    return out;
}

const suspension_entry* suspension_table::find(suspension_kind kind, std::string_view id,
                                               mono_time now) const
{
    return entries_.empty() ? nullptr : find_any(kind, id, {}, now);
}

const suspension_entry* suspension_table::find_tenant_site(std::string_view tenant,
                                                           std::string_view site,
                                                           mono_time now) const
{
    return entries_.empty() ? nullptr : find_any(suspension_kind::tenant_site, tenant, site, now);
}

void suspension_table::step(instant now, std::vector<adaptation_event>& out)
{
    std::erase_if(entries_,
                  [&](const auto& item)
                  {
                      const bool over = item.second.until <= now.mono;
                      if (over)
                      {
                          out.push_back(event_of(item.second, adaptation_phase::ended, now));
                      }
                      return over;
                  });
}

std::optional<mono_time> suspension_table::next_step() const noexcept
{
    std::optional<mono_time> out;
    for (const auto& [id, e] : entries_)
    {
        out = std::min(out.value_or(e.until), e.until);
    }
    return out;
}

std::vector<adaptation_event> suspension_table::active(instant now) const
{
    std::vector<adaptation_event> out;
    for (const auto& [id, e] : entries_)
    {
        if (e.until > now.mono)
        {
            out.push_back(event_of(e, adaptation_phase::changed, now));
        }
    }
    return out;
}

// Layout: README.md.
std::string suspension_table::encode(instant now) const
{
    std::string out;
    put_be(out, state_version);
    put_wall(out, now.wall);
    for (const auto& [id, e] : entries_)
    {
        put_be(out, static_cast<std::uint8_t>(e.kind));
        put_be(out, static_cast<std::uint8_t>(e.by_operator ? 1 : 0));
        put_string(out, e.subject.site);
        put_string(out, e.subject.tenant);
        put_string(out, e.subject.campaign);
        put_cause(out, e.cause);
        put_wall(out, e.began);
        put_left(out, e.until, now);
    }
    return out;
}

result<void, failure> suspension_table::decode(std::string_view bytes, instant now)
{
    byte_reader in(bytes);
    decltype(entries_) entries;
    if (!bytes.empty() && in.u8() != state_version)
    {
        return failure{"the stored suspensions are of another version"};
    }
    const milliseconds elapsed =
        bytes.empty() ? milliseconds{0} : elapsed_since(take_wall(in), now);
    while (in.ok() && !in.at_end())
    {
        suspension_entry e;
        const std::uint8_t kind = in.u8();
        const std::uint8_t by_operator = in.u8();
        e.subject.site = in.string();
        e.subject.tenant = in.string();
        e.subject.campaign = in.string();
        e.cause = take_cause(in);
        e.began = std::min(take_wall(in), now.wall);
        const auto until = take_left(in, elapsed, operator_duration_max + milliseconds{1}, now);
        if (!in.ok() || !is_kind(kind) || by_operator > 1 || !until ||
            entries.size() >= entries_max)
        {
            return damaged();
        }
        e.kind = static_cast<suspension_kind>(kind);
        e.by_operator = by_operator == 1;
        e.until = *until;
        e.told_until = *until;
        const key_view id = view_of(e.kind, e.subject, e.by_operator);
        if (id.first.empty() || id.first.size() > id_bytes_max || id.second.size() > id_bytes_max ||
            !entries
                 .emplace(
                     key{id.kind, std::string(id.first), std::string(id.second), e.by_operator}, e)
                 .second)
        {
            return damaged();
        }
    }
    if (!in.ok())
    {
        return damaged();
    }
    entries_ = std::move(entries);
    return {};
}

} // namespace hikyaku::shaping
