#include "scheduler.h"

#include <algorithm>

namespace hikyaku::delivery
{
namespace
{

const char* health_name(shaping::health_state h)
{
    switch (h)
    {
    case shaping::health_state::up:
        return "up";
    case shaping::health_state::suspended:
        return "suspended";
    case shaping::health_state::probing:
        return "probing";
    }
    return "up";
}

std::int64_t ms_until(std::optional<mono_time> t, mono_time now)
{
    return t ? std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(*t - now).count())
             : 0;
}

} // namespace

path_view scheduler::view_path(const path& p)
{
    const auto at = now();
    path_view v;
    v.source = p.adaptation.source();
    v.health = health_name(p.health.state());
    v.sessions = p.sessions.size();
    v.idle = p.idle.size();
    v.window = p.connections_allowed();
    v.sticky = p.sticky.size();
    v.limits = p.limits();
    v.adaptations = p.adaptation.active(at);
    v.last_reply = p.last_reply;
    v.resumes_in_ms = std::max(ms_until(p.health.resumes_at(), at.mono),
                               ms_until(p.adaptation.suspended_until(), at.mono));
    if (p.adaptation.suspended_until())
    {
        v.health = "suspended";
    }
    return v;
}

site_view scheduler::view_site(const site& s)
{
    const auto at = now();
    site_view v;
    v.site = s.key;
    v.provider = s.provider;
    for (const auto& h : s.mx->hosts)
    {
        v.mx.push_back(h.name);
    }
    for (const auto& [name, st] : s.stands)
    {
        v.lanes_ready += st.flows.lanes();
        v.parked += st.flows.parked();
    }
    v.ready = v.parked;
    v.last_reply = s.last_reply;
    v.health = s.paths.empty() ? "up" : "";
    bool waits_for_rate = false;
    bool full = true;
    for (const auto& [number, p] : s.paths)
    {
        v.paths.push_back(view_path(*p));
        const auto& one = v.paths.back();
        v.sessions += one.sessions;
        v.window += one.window;
        // The best path tells whether mail goes out at all.
        const bool better = v.health.empty() || one.health == "up" ||
                            (one.health == "probing" && v.health == "suspended");
        v.health = better ? one.health : v.health;
        v.resumes_in_ms =
            v.resumes_in_ms == 0 ? one.resumes_in_ms : std::min(v.resumes_in_ms, one.resumes_in_ms);
        waits_for_rate = waits_for_rate || !has_tokens(*p);
        full = full && one.sessions >= one.window;
    }
    if (v.health == "up")
    {
        v.resumes_in_ms = 0;
    }
    if (const auto held = site_held_until(s))
    {
        v.health = "suspended";
        v.resumes_in_ms = (*held - at.wall).count();
    }
    const bool work = s.has_work();
    v.next_action = s.bounce_until > at.mono   ? "bounces what is ready"
                    : v.health == "suspended"  ? "waits for the end of the suspension"
                    : v.health == "probing"    ? "waits for one connection to get through"
                    : !work && v.sessions > 0  ? "finishes what is in flight"
                    : !work                    ? "nothing to send now"
                    : waits_for_rate           ? "waits for the message rate"
                    : full && !s.paths.empty() ? "waits for a connection to be free"
                                               : "sends";
    return v;
}

/// Adds up the recipients of each site's own lanes.
void scheduler::count_lanes(std::map<const site*, site_view*>& into)
{
    for (const auto& c : queue_.campaigns())
    {
        // Chunks that were not read yet count as full ones.
        const auto waiting = queue_.pending(c) - std::min(queue_.pending(c), queue_.in_flight(c));
        for (const auto& lane : queue_.lanes(c))
        {
            if (lane.lane.is_tail())
            {
                continue;
            }
            const auto d = domains_.find(domain_id{lane.lane.value});
            if (d == domains_.end() || d->second->where == nullptr)
            {
                continue;
            }
            const auto found = into.find(d->second->where);
            if (found != into.end())
            {
                found->second->ready += std::min(lane.ready, waiting);
                found->second->in_flight += lane.in_flight;
            }
        }
    }
}

engine_view scheduler::view()
{
    engine_view v;
    v.sites.reserve(sites_.size());
    std::map<const site*, site_view*> places;
    for (const auto& [key, s] : sites_)
    {
        v.sites.push_back(view_site(*s));
        places[s.get()] = &v.sites.back();
    }
    count_lanes(places);
    for (const auto& c : queue_.campaigns())
    {
        v.campaigns.push_back(*view_campaign(c));
        v.in_flight += v.campaigns.back().in_flight;
    }
    v.sessions = sessions_.size();
    std::copy(std::begin(dispositions_), std::end(dispositions_), std::begin(v.dispositions));
    v.held = held_ || deps_.disk.low();
    v.held_because = held_ ? held_because_ : deps_.disk.low() ? "the disk is nearly full" : "";
    v.damaged_lanes = queue_.damaged_lanes();
    v.loop_lag_ms = lag_ms_;
    v.transactions = transactions_.read();
    v.suspensions = suspensions_.active(now());
    v.history.assign(history_.begin(), history_.end());
    v.adaptations = adaptations_;
    return v;
}

std::optional<campaign_view> scheduler::view_campaign(const queue::campaign_ref& c) const
{
    const auto* life = queue_.find_lifecycle(c);
    if (life == nullptr)
    {
        return std::nullopt;
    }
    campaign_view v;
    v.campaign = c;
    v.state = life->state;
    v.recipients = queue_.expansion(c).recipients;
    v.pending = queue_.pending(c);
    v.in_flight = queue_.in_flight(c);
    v.counts = queue_.counts(c);
    return v;
}

std::vector<session_view> scheduler::sessions() const
{
    std::vector<session_view> out;
    out.reserve(sessions_.size());
    const auto mono = deps_.clock_source.mono();
    for (const auto& [id, e] : sessions_)
    {
        session_view v;
        v.id = id;
        v.site = e.where->where.key;
        v.source = e.where->adaptation.source();
        v.state = e.is_idle ? "idle" : e.answered ? "sending" : "connecting";
        v.age_ms = std::chrono::duration_cast<milliseconds>(mono - e.opened).count();
        v.messages = e.messages;
        out.push_back(std::move(v));
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return out;
}

} // namespace hikyaku::delivery
