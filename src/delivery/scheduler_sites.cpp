#include "scheduler.h"

#include "reply_class.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <boost/asio/post.hpp>

namespace hikyaku::delivery
{

site& scheduler::obtain_site(domain_entry& d)
{
    std::uint16_t port = options_.smtp_port;
    const bool is_route = route_answer(d.name, port).has_value();
    std::vector<std::string> hosts;
    for (const auto& h : d.answer->hosts)
    {
        hosts.push_back(h.name);
    }
    const auto effective = shaping_->effective(d.name, hosts);
    const auto now = deps_.clock_source.mono();
    auto& slot = sites_[d.answer->site];
    if (!slot)
    {
        slot = std::make_unique<site>(d.answer->site, effective, started_);
    }
    slot->provider = effective.provider;
    slot->limits = effective.limits;
    slot->window.set_policy(
        {effective.limits.connections_initial, effective.limits.connections_max});
    slot->health.set_policy({effective.limits.connect_failures_max,
                             effective.limits.suspension_first, effective.limits.suspension_max,
                             20});
    slot->set_rates(now);
    auto plan = std::make_shared<connection_plan>();
    plan->mx = d.answer;
    plan->site = slot->key;
    plan->port = port;
    plan->is_route = is_route;
    plan->limits = effective.limits;
    plan->source = options_.default_source.name;
    plan->ehlo_name = options_.default_source.ehlo_name.empty() ? options_.hostname
                                                                : options_.default_source.ehlo_name;
    plan->local_v4 = options_.default_source.address_v4;
    plan->local_v6 = options_.default_source.address_v6;
    slot->plan = std::move(plan);
    return *slot;
}

/// Gives the site's work to its idle sessions, then to new ones, as far as its limits allow.
void scheduler::pump(site& s)
{
    if (!may_lease())
    {
        return;
    }
    if (s.health.state() != shaping::health_state::suspended)
    {
        serve_idle(s);
    }
    while (s.has_work() && s.sessions < std::min(s.window.size(), s.limits.connections_max))
    {
        if (sessions_.size() >= options_.sessions_max)
        {
            if (!std::exchange(s.waits_for_place, true))
            {
                wait_for_place_.push_back(&s);
            }
            return;
        }
        const auto now = deps_.clock_source.mono();
        if (s.connections && s.connections->next_at(1) > now)
        {
            return;
        }
        if (!s.health.may_connect(now))
        {
            return;
        }
        std::vector<queue::lease> leases;
        if (!take_batch(s, leases))
        {
            s.health.abandoned(now);
            return;
        }
        if (s.connections)
        {
            (void)s.connections->take(now, 1);
        }
        open_session(s, std::move(leases));
    }
}

void scheduler::serve_idle(site& s)
{
    while (!s.idle.empty() && s.has_work())
    {
        std::vector<queue::lease> leases;
        if (!take_batch(s, leases))
        {
            return;
        }
        const auto id = s.idle.front();
        s.idle.pop_front();
        auto& entry = sessions_.at(id);
        entry.is_idle = false;
        load_for(id, std::move(leases), nullptr);
    }
}

/// Leases up to a batch for the site: fair over its lanes, within its message rate.
bool scheduler::take_batch(site& s, std::vector<queue::lease>& out)
{
    const auto now = deps_.clock_source.mono();
    const auto wall = deps_.clock_source.wall();
    std::uint64_t room = options_.batch;
    if (s.messages)
    {
        room = s.messages->take(now, room);
    }
    const std::uint64_t granted = room;
    while (out.size() < granted && !s.parked.empty())
    {
        const auto l = s.parked.front();
        s.parked.pop_front();
        leave_tail(l);
        out.push_back(l);
    }
    const std::size_t from_tails = out.size();
    while (out.size() < granted)
    {
        const auto turn = s.ring.next();
        if (!turn)
        {
            break;
        }
        const std::size_t want = std::min<std::size_t>(turn->credit, granted - out.size());
        const auto got = queue_.take(turn->which, want, wall, out);
        if (got > 0)
        {
            s.ring.charge(turn->which, static_cast<std::uint32_t>(got));
        }
        if (got < want)
        {
            s.ring.erase(turn->which);
            watch_due(turn->which);
        }
    }
    if (s.messages && out.size() < granted)
    {
        s.messages->give_back(granted - out.size());
    }
    // A tail lane that gave leases away may deal out more.
    std::set<queue::lane_index> tails;
    for (std::size_t i = 0; i < from_tails; ++i)
    {
        tails.insert(out[i].lane);
    }
    for (const auto lane : tails)
    {
        if (tail_out_[lane] <= tail_out_max / 2)
        {
            asio::post(context_,
                       [this, lane, c = queue_.campaign_of(lane)]
                       {
                           if (queue_.find_lifecycle(c) != nullptr && queue_.is_lane_of(lane, c))
                           {
                               wake_lane(lane);
                           }
                       });
        }
    }
    return !out.empty();
}

void scheduler::open_session(site& s, std::vector<queue::lease> leases)
{
    const auto id = next_session_++;
    auto& entry = sessions_[id];
    entry.where = &s;
    entry.shard = next_shard_++ % shards_.size();
    ++s.sessions;
    load_for(id, std::move(leases), s.plan);
}

void scheduler::load_for(session_id id, std::vector<queue::lease> leases,
                         std::shared_ptr<const connection_plan> new_plan)
{
    auto batch = std::make_shared<std::vector<work>>();
    batch->reserve(leases.size());
    for (auto& l : leases)
    {
        batch->emplace_back().l = l;
    }
    auto& target = *shards_[sessions_.at(id).shard];
    ++loading_;
    const bool posted = deps_.pool.post(
        [this, batch, id, &target, new_plan]
        {
            hooks_.load(*batch);
            std::vector<work> sendable;
            std::vector<work> others;
            for (auto& w : *batch)
            {
                (w.what == fate::send ? sendable : others).push_back(std::move(w));
            }
            if (new_plan != nullptr)
            {
                target.open(id, new_plan, std::move(sendable));
            }
            else if (!sendable.empty())
            {
                target.give(id, std::move(sendable));
            }
            else
            {
                // Nothing came of it: ask again on the session's behalf.
                asio::post(context_, [this, id] { on_session_wants(id); });
            }
            asio::post(context_,
                       [this, others = std::move(others)]() mutable
                       {
                           --loading_;
                           after_load(std::move(others));
                       });
        });
    if (posted)
    {
        return;
    }
    --loading_;
    for (const auto& w : *batch)
    {
        queue_.give_back(w.l);
    }
    session_report nothing;
    nothing.session = id;
    if (new_plan != nullptr)
    {
        on_session_over(std::move(nothing));
    }
    else
    {
        on_session_wants(id);
    }
}

/// Recipients that loading decided about.
void scheduler::after_load(std::vector<work> not_sent)
{
    for (auto& w : not_sent)
    {
        switch (w.what)
        {
        case fate::skip:
        {
            auto o = make_outcome(w, w.skip_as);
            o.f.cls = w.skip_class;
            o.f.reply = w.skip_reason;
            add_outcome(std::move(o));
            break;
        }
        case fate::moved:
        {
            submit(queue_.move({w.l}, w.domain_now, deps_.clock_source.wall()), {w.l.campaign});
            place_new_lanes();
            break;
        }
        case fate::release:
        case fate::send:
            queue_.give_back(w.l);
            break;
        }
    }
    if (!not_sent.empty())
    {
        settle_now();
    }
}

void scheduler::on_session_wants(session_id id)
{
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.is_idle)
    {
        return;
    }
    auto& entry = found->second;
    site& s = *entry.where;
    entry.is_idle = true;
    entry.idle_place = s.idle.insert(s.idle.end(), id);
    if (may_lease())
    {
        serve_idle(s);
    }
}

void scheduler::on_session_connected(session_id id)
{
    const auto found = sessions_.find(id);
    if (found != sessions_.end() && !found->second.answered)
    {
        found->second.answered = true;
        found->second.where->health.connected();
        pump(*found->second.where); // a probe that came through lets the others in
    }
}

void scheduler::on_session_over(session_report report)
{
    const auto found = sessions_.find(report.session);
    HK_ASSERT(found != sessions_.end());
    site& s = *found->second.where;
    if (found->second.is_idle)
    {
        s.idle.erase(found->second.idle_place);
    }
    const bool answered = found->second.answered;
    sessions_.erase(found);
    --s.sessions;
    const auto now = deps_.clock_source.mono();
    if (report.connected)
    {
        if (!answered)
        {
            s.health.connected();
        }
        if (report.end.site_failure)
        {
            s.window.on_throttled();
            s.last_reply = report.end.text;
        }
    }
    else if (report.connect_failed)
    {
        on_connect_failed(s, report);
    }
    else
    {
        s.health.abandoned(now);
    }
    hand_on_place(); // before its own work comes back
    give_back_all(report.unsent);
    pump(s);
}

/// A session that ends makes room for the site that has waited longest, not for its own again.
void scheduler::hand_on_place()
{
    while (!wait_for_place_.empty() && sessions_.size() < options_.sessions_max)
    {
        site& next = *wait_for_place_.front();
        wait_for_place_.pop_front();
        next.waits_for_place = false;
        pump(next);
    }
}

/// A refusal at connect, banner or EHLO: the site is marked, one recipient records the attempt.
void scheduler::on_connect_failed(site& s, session_report& report)
{
    s.window.on_failure();
    s.last_reply = report.end.text;
    const bool suspended = s.health.connect_failed(deps_.clock_source.mono(), deps_.random);
    log::info("site_connect_failed", {{"site", s.key},
                                      {"mx", report.mx},
                                      {"stage", smtp::to_string(report.end.stage)},
                                      {"reply", report.end.text},
                                      {"suspended", suspended ? "yes" : "no"}});
    const bool had_work = !report.unsent.empty();
    const bool refused = report.refused_address;
    while (!report.unsent.empty())
    {
        work w = std::move(report.unsent.front());
        report.unsent.erase(report.unsent.begin());
        auto o =
            make_outcome(w, refused ? queue::disposition::bounced : queue::disposition::deferred);
        o.f.attempt = w.l.state.attempts + 1;
        o.f.site = s.key;
        o.f.mx = report.mx;
        o.f.source = s.plan->source;
        o.f.code = static_cast<std::uint16_t>(report.end.code);
        o.f.enhanced = refused ? "5.4.4" : smtp::format_enhanced_code(report.end.enhanced);
        o.f.reply = report.end.text;
        o.f.stage = smtp::to_string(report.end.stage);
        o.f.cls = refused ? "refused_address"
                          : reply_class(report.end.code, report.end.enhanced, report.end.stage);
        add_outcome(std::move(o));
        if (!refused)
        {
            break; // only the first one counts as tried
        }
    }
    if (suspended)
    {
        postpone_parked(s);
    }
    if (had_work)
    {
        settle_now();
    }
}

/// Rare domains of a suspended site must not stand before the others of their tail lanes.
void scheduler::postpone_parked(site& s)
{
    const auto resumes = s.health.resumes_at();
    if (s.parked.empty() || !resumes)
    {
        return;
    }
    const std::vector<queue::lease> leases(s.parked.begin(), s.parked.end());
    s.parked.clear();
    std::set<queue::lane_index> lanes;
    for (const auto& l : leases)
    {
        leave_tail(l);
        lanes.insert(l.lane);
    }
    const auto in = std::chrono::duration_cast<milliseconds>(*resumes - deps_.clock_source.mono());
    submit_postponed(leases, deps_.clock_source.wall() + std::max(in, milliseconds{1000}));
    for (const auto lane : lanes)
    {
        watch_due(lane);
    }
}

void scheduler::give_back_all(std::vector<work>& unsent)
{
    std::set<queue::lane_index> lanes;
    std::set<queue::campaign_ref> campaigns;
    for (const auto& w : unsent)
    {
        queue_.give_back(w.l);
        lanes.insert(w.l.lane);
        campaigns.insert(w.l.campaign);
    }
    unsent.clear();
    for (const auto lane : lanes)
    {
        wake_lane(lane);
    }
    for (const auto& c : campaigns)
    {
        try_to_close(c);
    }
}

} // namespace hikyaku::delivery
