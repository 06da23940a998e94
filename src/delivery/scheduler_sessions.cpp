#include "scheduler.h"

#include "reply_class.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <boost/asio/post.hpp>

namespace hikyaku::delivery
{

void scheduler::open_session(path& p, std::vector<queue::lease> leases)
{
    const auto id = next_session_++;
    auto& entry = sessions_[id];
    entry.where = &p;
    entry.shard = next_shard_++ % shards_.size();
    entry.opened = deps_.clock_source.mono();
    p.sessions.insert(id);
    if (p.provider != nullptr)
    {
        ++p.provider->sessions;
    }
    load_for(id, std::move(leases), p.plan);
}

void scheduler::load_for(session_id id, std::vector<queue::lease> leases,
                         std::shared_ptr<const connection_plan> new_plan)
{
    auto& entry = sessions_.at(id);
    entry.given += leases.size();
    entry.given_today = (entry.day == today() ? entry.given_today : 0) + leases.size();
    entry.day = today();
    auto batch = std::make_shared<std::vector<work>>();
    batch->reserve(leases.size());
    for (auto& l : leases)
    {
        auto& w = batch->emplace_back();
        w.l = l;
        const auto* life = queue_.find_lifecycle(l.campaign);
        w.transactional = life != nullptr && life->transactional;
    }
    auto& target = *shards_[entry.shard];
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
    return_unsent(*entry.where, entry, batch->size());
    entry.given -= batch->size();
    for (const auto& w : *batch)
    {
        give_back(w.l);
    }
    // Not from here: whoever pumps would open the next one.
    pool_rests_until_ = deps_.clock_source.mono() + pool_rest;
    asio::post(context_,
               [this, id, is_new = new_plan != nullptr]
               {
                   session_report nothing;
                   nothing.session = id;
                   if (is_new)
                   {
                       on_session_over(std::move(nothing));
                   }
                   else
                   {
                       on_session_wants(id);
                   }
               });
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
            return_permit(w.l);
            submit(queue_.move({w.l}, w.domain_now, deps_.clock_source.wall()), {w.l.campaign});
            place_new_lanes();
            break;
        }
        case fate::release:
        case fate::send:
            give_back(w.l);
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
    path& p = *entry.where;
    if (p.retired)
    {
        return;
    }
    entry.is_idle = true;
    entry.idle_place = p.idle.insert(p.idle.end(), id);
    ++idle_;
    pump(p.where);
}

/// The session is idle no more.
void scheduler::rouse(session_entry& e)
{
    HK_ASSERT(e.is_idle);
    e.where->idle.erase(e.idle_place);
    e.is_idle = false;
    --idle_;
}

void scheduler::on_session_connected(session_id id)
{
    const auto found = sessions_.find(id);
    if (found != sessions_.end() && !found->second.answered)
    {
        path& p = *found->second.where;
        found->second.answered = true;
        p.health.connected();
        pump(p.where); // a probe that came through lets the others in
    }
}

void scheduler::on_session_over(session_report report)
{
    const auto found = sessions_.find(report.session);
    HK_ASSERT(found != sessions_.end());
    path& p = *found->second.where;
    site& s = p.where;
    if (found->second.is_idle)
    {
        rouse(found->second);
    }
    const bool answered = found->second.answered;
    return_unsent(p, found->second, report.unsent.size());
    ending_ -= found->second.ending ? 1 : 0;
    sessions_.erase(found);
    p.sessions.erase(report.session);
    if (p.provider != nullptr)
    {
        --p.provider->sessions;
    }
    if (report.connected)
    {
        if (!answered)
        {
            p.health.connected();
        }
        if (report.end.site_failure)
        {
            p.window.on_throttled();
            p.last_reply = report.end.text;
            s.last_reply = report.end.text;
        }
    }
    else if (report.connect_failed)
    {
        on_connect_failed(p, report);
    }
    else
    {
        p.health.abandoned(deps_.clock_source.mono());
    }
    hand_on_place(); // before its own work comes back
    give_back_all(report.unsent);
    if (p.retired && p.sessions.empty())
    {
        forget_path(p);
    }
    pump_provider(s); // others first: it would always be served again
    pump(s);
}

/// Recipients that were handed to the session and not tried: their tokens are there again. What
/// was counted for a day that is over stays counted.
void scheduler::return_unsent(path& p, session_entry& e, std::size_t unsent)
{
    const auto warm = e.day == today() ? std::min(unsent, e.given_today) : 0;
    e.given_today -= warm;
    return_tokens(p, warm);
    return_rate_tokens(p, unsent - warm);
}

/// A refusal at connect, banner or EHLO: the path is marked, one recipient records the attempt.
void scheduler::on_connect_failed(path& p, session_report& report)
{
    site& s = p.where;
    p.window.on_failure();
    p.last_reply = report.end.text;
    s.last_reply = report.end.text;
    const bool had_work = !report.unsent.empty();
    const bool refused = report.refused_address;
    const auto whose = had_work ? report.unsent.front().l.campaign : queue::campaign_ref{};
    const auto decided = match_rules(p, whose, report.end.code, report.end.enhanced,
                                     report.end.stage, report.end.text);
    if (decided.next_mx)
    {
        (void)skip_host(p, report.mx);
    }
    const bool suspended = p.health.connect_failed(deps_.clock_source.mono(), deps_.random);
    log::info("site_connect_failed", {{"site", s.key},
                                      {"source", p.plan->source},
                                      {"mx", report.mx},
                                      {"stage", smtp::to_string(report.end.stage)},
                                      {"reply", report.end.text},
                                      {"suspended", suspended ? "yes" : "no"}});
    while (!report.unsent.empty())
    {
        work w = std::move(report.unsent.front());
        report.unsent.erase(report.unsent.begin());
        const bool bounce = refused || decided.verdict == shaping::verdict_change::bounce;
        auto o =
            make_outcome(w, bounce ? queue::disposition::bounced : queue::disposition::deferred);
        o.f.attempt = w.l.state.attempts + 1;
        o.f.site = s.key;
        o.f.mx = report.mx;
        o.f.source = p.plan->source;
        o.f.code = static_cast<std::uint16_t>(report.end.code);
        o.f.enhanced = refused ? "5.4.4" : smtp::format_enhanced_code(report.end.enhanced);
        o.f.reply = report.end.text;
        o.f.stage = smtp::to_string(report.end.stage);
        classify_end(o.f, *classifier_, report);
        add_outcome(std::move(o));
        if (!bounce)
        {
            break; // only the first one counts as tried
        }
    }
    if (suspended)
    {
        postpone_if_dead(s);
    }
    if (had_work)
    {
        settle_now();
    }
}

/// When no source reaches the site any more, what is parked there waits on disk.
void scheduler::postpone_if_dead(site& s)
{
    std::optional<mono_time> earliest;
    const auto mono = deps_.clock_source.mono();
    for (const auto& [number, p] : s.paths)
    {
        const auto resumes = p->health.resumes_at();
        if (!resumes || *resumes <= mono)
        {
            return; // up, or to be probed with what waits
        }
        earliest = earliest ? std::min(*earliest, *resumes) : *resumes;
    }
    if (earliest)
    {
        const auto at = now();
        postpone_parked(s, at.wall_of(*earliest));
    }
}

void scheduler::give_back_all(std::vector<work>& unsent)
{
    std::set<queue::lane_index> lanes;
    std::set<queue::campaign_ref> campaigns;
    for (const auto& w : unsent)
    {
        give_back(w.l);
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
