#include "scheduler.h"

#include <algorithm>
#include <cmath>

namespace hikyaku::delivery
{
namespace
{

double per_second(const std::optional<shaping::rate>& r)
{
    return r ? static_cast<double>(r->count) * 1000.0 / static_cast<double>(r->per.count()) : 0;
}

} // namespace

explanation scheduler::explain(const queue::campaign_ref& c, const std::string& domain,
                               const queue::recipient_place& place)
{
    explanation out;
    out.domain = domain;
    const auto* life = queue_.find_lifecycle(c);
    out.attempts = place.state.attempts;
    out.ahead = place.ahead;
    out.state = place.settled ? "settled" : life == nullptr ? "unknown_here" : "waiting";
    if (place.settled || life == nullptr)
    {
        return out;
    }
    const auto at = now();
    if (place.due > at.wall)
    {
        out.next_try = place.due;
        out.reasons.push_back({"not_due", "a later try is scheduled", place.due});
    }
    explain_waiting(out, c, *life);
    const auto id = deps_.domains.find(domain);
    const auto entry = id ? domains_.find(*id) : domains_.end();
    if (entry == domains_.end())
    {
        return out;
    }
    const auto& d = *entry->second;
    if (d.now == domain_entry::state::waiting || d.now == domain_entry::state::resolving)
    {
        const bool failed = d.now == domain_entry::state::waiting;
        out.reasons.push_back({"dns", failed ? d.answer->reason : "the domain is being looked up",
                               failed ? at.wall_of(d.retry_at) : wall_time{}});
    }
    if (d.where != nullptr)
    {
        explain_site(out, *d.where, c);
    }
    if (out.reasons.empty() && out.ahead > 0)
    {
        out.reasons.push_back({"others_first", "others of its lane are handed out before it", {}});
    }
    return out;
}

/// What the campaign, the tenant and the daemon say.
void scheduler::explain_waiting(explanation& out, const queue::campaign_ref& c,
                                const queue::lifecycle& life)
{
    const auto at = now();
    if (held_ || deps_.disk.low())
    {
        out.reasons.push_back(
            {"held", held_ ? held_because_ : "the disk is nearly full", wall_time{}});
    }
    if (life.state == queue::campaign_state::paused)
    {
        out.reasons.push_back({"campaign_paused", "the campaign is paused", {}});
    }
    if (life.state == queue::campaign_state::scheduled || life.send_at > at.wall)
    {
        out.reasons.push_back({"not_started", "the campaign has not begun", life.send_at});
    }
    if (const auto until = campaign_held_until(c))
    {
        out.reasons.push_back({"suspended_campaign", "the campaign is suspended", *until});
    }
    auto& tenant = tenant_of(c.tenant);
    if (const auto* e = suspensions_.find(shaping::suspension_kind::tenant, tenant.name, at.mono))
    {
        out.reasons.push_back({"suspended_tenant", e->cause.reply, at.wall_of(e->until)});
    }
    if (tenant.quota)
    {
        if (const auto block = tenant.quota->blocked(date_of(tenant)))
        {
            out.reasons.push_back(
                {"quota",
                 "the tenant's quota is used up: " + std::string(shaping::to_string(block->rule)),
                 block->until});
        }
    }
}

void scheduler::explain_site(explanation& out, site& s, const queue::campaign_ref& c)
{
    out.site = s.key;
    out.provider = s.provider;
    const auto at = now();
    if (const auto until = site_held_until(s))
    {
        out.reasons.push_back({"suspended_site", "the site is suspended", *until});
    }
    const auto& tenant = tenant_of(c.tenant).name;
    if (const auto* e = suspensions_.find_tenant_site(tenant, s.key, at.mono))
    {
        out.reasons.push_back({"suspended_tenant_site", e->cause.reply, at.wall_of(e->until)});
    }
    // One source that may send is enough; otherwise each says what keeps it back.
    const auto& pool = pool_of(c);
    const auto before = out.reasons.size();
    for (const auto& share : pool.shares)
    {
        auto& p = obtain_path(s, share.source);
        if (can_take(p, false))
        {
            out.source = p.adaptation.source();
            out.reasons.resize(before);
            return;
        }
        explain_path(out, p);
    }
}

void scheduler::explain_path(explanation& out, path& p)
{
    const auto at = now();
    const auto add = [&](const char* what, const std::string& detail, wall_time until)
    { out.reasons.push_back({what, p.adaptation.source() + ": " + detail, until}); };
    if (const auto until = p.adaptation.suspended_until())
    {
        add("suspended_source", "the site has suspended this source", at.wall_of(*until));
    }
    if (const auto until = p.health.resumes_at())
    {
        add("unreachable", p.last_reply.empty() ? "the site can't be reached" : p.last_reply,
            at.wall_of(*until));
    }
    if (p.messages && p.messages->next_at(1) > at.mono)
    {
        add("message_rate", "the message rate is used up", at.wall_of(p.messages->next_at(1)));
    }
    if (p.provider != nullptr && p.provider->messages && p.provider->messages->next_at(1) > at.mono)
    {
        add("provider", "the provider's message rate is used up",
            at.wall_of(p.provider->messages->next_at(1)));
    }
    const auto cap = warm_up_cap_of(p);
    if (cap && warm_up_.used(p.number, p.where.key, today()) >= *cap)
    {
        const auto date =
            shaping::make_local_date(deps_.clock_source.wall(), options_.offset_minutes);
        add("warm_up", "today's share of this warming source is used up", date.day_ends);
    }
    if (p.connections && p.connections->next_at(1) > at.mono && p.idle.empty())
    {
        add("connection_rate", "the rate of new connections is used up",
            at.wall_of(p.connections->next_at(1)));
    }
    if (p.sessions.size() >= p.connections_allowed() && p.idle.empty())
    {
        add("connections", "every connection allowed is busy", {});
    }
    const auto& provider_max = p.limits().provider_connections_max;
    if (p.provider != nullptr && provider_max && p.provider->sessions >= *provider_max)
    {
        add("provider", "every connection to the provider is busy", {});
    }
}

std::vector<forecast_line>
scheduler::forecast(const std::vector<std::pair<std::string, std::uint64_t>>& recipients_by_domain,
                    const std::string& pool_name)
{
    const auto* named = pool_name.empty() ? nullptr : sources_->find_pool(pool_name);
    const auto& pool = named != nullptr ? *named : sources_->default_pool();
    std::map<std::string, forecast_line> lines;
    std::map<std::string, site*> places;
    for (const auto& [domain, count] : recipients_by_domain)
    {
        const auto id = deps_.domains.find(domain);
        const auto entry = id ? domains_.find(*id) : domains_.end();
        site* s = entry != domains_.end() ? entry->second->where : nullptr;
        const auto key = s != nullptr ? s->key : domain;
        auto& line = lines[key];
        line.site = key;
        line.recipients += count;
        line.limited_by = s == nullptr ? "unresolved" : "";
        places[key] = s;
    }
    const auto v = view();
    std::map<std::string_view, std::uint64_t> ready;
    for (const auto& one : v.sites)
    {
        ready[one.site] = one.ready;
    }
    std::vector<forecast_line> out;
    for (auto& [key, line] : lines)
    {
        forecast_site(line, places[key], pool);
        const auto now_there = ready.find(key);
        const std::uint64_t waiting = now_there == ready.end() ? 0 : now_there->second;
        if (line.per_second > 0)
        {
            line.seconds_alone = static_cast<double>(line.recipients) / line.per_second;
            line.seconds_behind_queue =
                static_cast<double>(line.recipients + waiting) / line.per_second;
        }
        out.push_back(std::move(line));
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b)
              { return a.seconds_behind_queue > b.seconds_behind_queue; });
    return out;
}

/// Messages a second that the site takes from the pool, by limits in force and, where they say
/// nothing, by what its connections manage.
void scheduler::forecast_site(forecast_line& line, site* s, const shaping::pool_rule& pool)
{
    const auto view = transactions_.read();
    const double seconds_each =
        std::max(0.001, view.count == 0 ? 0.2 : view.sum_s / static_cast<double>(view.count));
    const auto limits = s != nullptr ? s->limits : shaping_->effective(line.site, {}).limits;
    line.provider = s != nullptr ? s->provider : std::string();
    for (const auto& share : pool.shares)
    {
        const auto in_force = s != nullptr ? obtain_path(*s, share.source).limits() : limits;
        const double by_rate = per_second(in_force.message_rate);
        const double by_connections = in_force.connections_max / seconds_each;
        const bool rate_decides = by_rate > 0 && by_rate < by_connections;
        line.per_second += rate_decides ? by_rate : by_connections;
        if (line.limited_by.empty())
        {
            line.limited_by = rate_decides ? "message_rate" : "connections";
        }
    }
    const double by_provider = per_second(limits.provider_message_rate);
    if (by_provider > 0 && by_provider < line.per_second)
    {
        line.per_second = by_provider;
        line.limited_by = "provider_message_rate";
    }
    if (s != nullptr && site_held_until(*s))
    {
        line.limited_by = "suspended";
    }
}

} // namespace hikyaku::delivery
