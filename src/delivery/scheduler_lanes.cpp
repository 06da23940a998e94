#include "scheduler.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <boost/asio/post.hpp>

namespace hikyaku::delivery
{
namespace
{

constexpr std::size_t disposal_batch = 64;

} // namespace

void scheduler::place_new_lanes()
{
    for (const auto lane : queue_.take_new_lanes())
    {
        const auto id = queue_.id_of(lane);
        if (!id.is_tail())
        {
            domain_of(domain_id{id.value}).lanes.push_back(lane);
        }
        wake_lane(lane);
    }
}

domain_entry& scheduler::domain_of(domain_id id)
{
    auto& d = domains_[id];
    if (!d)
    {
        d = std::make_unique<domain_entry>();
        d->id = id;
        d->name = deps_.domains.name(id);
    }
    return *d;
}

/// The lane may have something to send: see that its site hears of it, now or when it is due.
void scheduler::wake_lane(queue::lane_index lane)
{
    const auto wall = deps_.clock_source.wall();
    if (!queue_.has_ready(lane, wall))
    {
        watch_due(lane);
        return;
    }
    const auto id = queue_.id_of(lane);
    if (id.is_tail())
    {
        pump_tail(lane);
        return;
    }
    auto& d = domain_of(domain_id{id.value});
    switch (d.now)
    {
    case domain_entry::state::unresolved:
        resolve(d);
        break;
    case domain_entry::state::resolved:
        if (d.expires <= deps_.clock_source.mono())
        {
            resolve(d); // the old answer serves until the new one is there
        }
        if (d.where != nullptr)
        {
            d.where->ring.insert(lane);
            pump(*d.where);
        }
        break;
    case domain_entry::state::refused:
        dispose(d);
        break;
    case domain_entry::state::resolving:
    case domain_entry::state::waiting:
        break;
    }
}

void scheduler::watch_due(queue::lane_index lane)
{
    const auto due = queue_.next_wake(lane, deps_.clock_source.wall());
    if (due != wall_time{})
    {
        due_.set(lane, due);
    }
}

/// Deals the recipients of a tail lane out to their domains' sites.
void scheduler::pump_tail(queue::lane_index lane)
{
    std::vector<queue::lease> leases;
    std::size_t& out = tail_out_[lane];
    const auto wall = deps_.clock_source.wall();
    while (out < tail_out_max && may_lease())
    {
        leases.clear();
        if (queue_.take(lane, 64, wall, leases) == 0)
        {
            break;
        }
        out += leases.size();
        for (const auto& l : leases)
        {
            domain_of(l.domain).waiting.push_back(l);
        }
        for (const auto& l : leases)
        {
            auto& d = domain_of(l.domain);
            if (d.now == domain_entry::state::unresolved)
            {
                resolve(d);
            }
            else if (d.now != domain_entry::state::resolving)
            {
                release_waiting(d);
            }
        }
    }
    watch_due(lane);
}

std::optional<dns::mx_answer> scheduler::route_answer(const std::string& domain,
                                                      std::uint16_t& port) const
{
    auto found = options_.routes.find(domain);
    if (found == options_.routes.end())
    {
        found = options_.routes.find("*");
    }
    if (found == options_.routes.end())
    {
        return std::nullopt;
    }
    port = found->second.port;
    dns::mx_answer answer;
    answer.domain = found->second.host;
    const auto address = dns::parse_ip(found->second.host);
    if (address)
    {
        answer.status = dns::lookup_status::ok;
        answer.hosts = {{found->second.host, 0, {*address}}};
        answer.site = "route:" + found->second.host + ":" + std::to_string(port);
        answer.ttl = std::chrono::hours{24};
    }
    return answer;
}

void scheduler::resolve(domain_entry& d)
{
    if (d.now == domain_entry::state::resolving)
    {
        return;
    }
    if (d.now != domain_entry::state::resolved)
    {
        d.now = domain_entry::state::resolving;
    }
    d.expires = mono_time::max(); // asked for: not again before the answer
    std::uint16_t port = 0;
    const auto routed = route_answer(d.name, port);
    const auto id = d.id;
    if (routed && routed->status == dns::lookup_status::ok)
    {
        on_resolved(id, std::make_shared<const dns::mx_answer>(*routed));
        return;
    }
    resolver_->resolve_mx(routed ? routed->domain : d.name,
                          [this, id](std::shared_ptr<const dns::mx_answer> answer)
                          { on_resolved(id, std::move(answer)); });
}

void scheduler::on_resolved(domain_id id, std::shared_ptr<const dns::mx_answer> answer)
{
    if (stopping_)
    {
        return;
    }
    auto& d = domain_of(id);
    const auto now = deps_.clock_source.mono();
    d.expires = now + answer->ttl;
    if (answer->status == dns::lookup_status::ok)
    {
        d.answer = std::move(answer);
        d.failures = 0;
        d.now = domain_entry::state::resolved;
        attach(d);
        return;
    }
    if (dns::is_permanent(answer->status))
    {
        d.answer = std::move(answer);
        d.now = domain_entry::state::refused;
        dispose(d);
        return;
    }
    if (d.now == domain_entry::state::resolved)
    {
        d.expires = now + seconds{30}; // the old answer goes on
        return;
    }
    const auto failed = std::move(answer);
    defer_domain(d, *failed);
}

void scheduler::attach(domain_entry& d)
{
    site& s = obtain_site(d);
    if (d.where != nullptr && d.where != &s)
    {
        for (const auto lane : d.lanes)
        {
            d.where->ring.erase(lane);
        }
    }
    d.where = &s;
    release_waiting(d);
    const auto wall = deps_.clock_source.wall();
    for (const auto lane : d.lanes)
    {
        if (queue_.has_ready(lane, wall))
        {
            s.ring.insert(lane);
        }
        else
        {
            watch_due(lane);
        }
    }
    pump(s);
}

/// Sends a domain's waiting leases where its state says.
void scheduler::release_waiting(domain_entry& d)
{
    switch (d.now)
    {
    case domain_entry::state::resolved:
        if (d.where == nullptr)
        {
            return;
        }
        for (const auto& l : d.waiting)
        {
            d.where->parked.push_back(l);
        }
        d.waiting.clear();
        pump(*d.where);
        break;
    case domain_entry::state::refused:
        dispose(d);
        break;
    case domain_entry::state::waiting:
    {
        const std::vector<queue::lease> leases(d.waiting.begin(), d.waiting.end());
        d.waiting.clear();
        for (const auto& l : leases)
        {
            leave_tail(l);
        }
        const auto in =
            std::chrono::duration_cast<milliseconds>(d.retry_at - deps_.clock_source.mono());
        if (!leases.empty())
        {
            submit_postponed(leases, deps_.clock_source.wall() + std::max(in, milliseconds{1000}));
        }
        for (const auto& l : leases)
        {
            watch_due(l.lane);
        }
        break;
    }
    case domain_entry::state::unresolved:
    case domain_entry::state::resolving:
        break;
    }
}

/// DNS failed: one recipient records the attempt, the domain waits.
void scheduler::defer_domain(domain_entry& d, const dns::mx_answer& answer)
{
    d.now = domain_entry::state::waiting;
    waiting_domains_.insert(d.id);
    d.failures = std::min(d.failures + 1, 16U);
    // As long as a site that can't be reached: the limits of its domain say how long.
    const auto limits = shaping_->effective(d.name, {}).limits;
    const auto wait =
        std::min(limits.suspension_max, limits.suspension_first * (1 << (d.failures - 1)));
    d.retry_at = deps_.clock_source.mono() + wait;
    d.answer = std::make_shared<const dns::mx_answer>(answer);
    log::info("domain_deferred",
              {{"domain", d.name}, {"reason", answer.reason}, {"retry_in_s", wait.count() / 1000}});
    std::vector<queue::lease> one;
    if (!d.waiting.empty())
    {
        one.push_back(d.waiting.front());
        leave_tail(one.back());
        d.waiting.pop_front();
    }
    for (std::size_t i = 0; one.empty() && i < d.lanes.size(); ++i)
    {
        (void)queue_.take(d.lanes[i], 1, deps_.clock_source.wall(), one);
    }
    if (!one.empty())
    {
        load_for_disposal(d, std::move(one));
    }
    release_waiting(d);
}

/// Every recipient of a domain that takes no mail bounces, in batches.
void scheduler::dispose(domain_entry& d)
{
    if (d.disposing || !may_lease())
    {
        return;
    }
    std::vector<queue::lease> batch;
    while (!d.waiting.empty() && batch.size() < disposal_batch)
    {
        batch.push_back(d.waiting.front());
        leave_tail(batch.back());
        d.waiting.pop_front();
    }
    const auto wall = deps_.clock_source.wall();
    for (const auto lane : d.lanes)
    {
        if (batch.size() < disposal_batch && queue_.has_ready(lane, wall))
        {
            (void)queue_.take(lane, disposal_batch - batch.size(), wall, batch);
        }
        watch_due(lane);
    }
    if (!batch.empty())
    {
        d.disposing = true;
        load_for_disposal(d, std::move(batch));
    }
}

void scheduler::load_for_disposal(domain_entry& d, std::vector<queue::lease> leases)
{
    auto batch = std::make_shared<std::vector<work>>();
    for (auto& l : leases)
    {
        batch->emplace_back().l = l;
    }
    const auto id = d.id;
    const auto answer = d.answer;
    const bool bounce = dns::is_permanent(answer->status);
    ++loading_;
    const bool posted = deps_.pool.post(
        [this, batch, id, answer, bounce]
        {
            hooks_.load(*batch);
            asio::post(context_,
                       [this, batch, id, answer, bounce]
                       {
                           --loading_;
                           std::vector<work> others;
                           for (auto& w : *batch)
                           {
                               if (w.what != fate::send)
                               {
                                   others.push_back(std::move(w));
                                   continue;
                               }
                               auto o = make_outcome(w, bounce ? queue::disposition::bounced
                                                               : queue::disposition::deferred);
                               o.f.attempt = w.l.state.attempts + 1;
                               o.f.enhanced = dns::enhanced_code(answer->status);
                               o.f.reply = answer->reason;
                               o.f.cls = dns::lookup_status_name(answer->status);
                               o.f.stage = "dns";
                               add_outcome(std::move(o));
                           }
                           after_load(std::move(others));
                           auto& again = domain_of(id);
                           again.disposing = false;
                           if (bounce)
                           {
                               dispose(again);
                           }
                       });
        });
    if (!posted)
    {
        --loading_;
        d.disposing = false;
        for (const auto& w : *batch)
        {
            queue_.give_back(w.l);
        }
    }
}

/// A lease dealt out of a tail lane has found a session, or its end.
void scheduler::leave_tail(const queue::lease& l)
{
    if (queue_.id_of(l.lane).is_tail())
    {
        auto& out = tail_out_[l.lane];
        HK_ASSERT(out > 0);
        --out;
    }
}

/// Takes back what waits for a site or an answer, so that the campaign can be closed.
void scheduler::reclaim(const queue::campaign_ref& c)
{
    const auto take_back = [&](std::deque<queue::lease>& from)
    {
        std::erase_if(from,
                      [&](const queue::lease& l)
                      {
                          if (l.campaign != c)
                          {
                              return false;
                          }
                          leave_tail(l);
                          queue_.give_back(l);
                          return true;
                      });
    };
    for (auto& [key, s] : sites_)
    {
        take_back(s->parked);
    }
    for (auto& [id, d] : domains_)
    {
        take_back(d->waiting);
    }
}

} // namespace hikyaku::delivery
