#include "reply_class.h"
#include "scheduler.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace hikyaku::delivery
{
namespace
{

constexpr std::size_t disposal_batch = 64;

/// The answer without hosts on the deny list; refused when all of them are.
std::shared_ptr<const dns::mx_answer> without_denied(const shaping::shaping_table& shaping,
                                                     std::shared_ptr<const dns::mx_answer> answer)
{
    const auto is_denied = [&](const dns::mx_host& h) { return shaping.denies_mx(h.name); };
    if (answer->status != dns::lookup_status::ok ||
        std::none_of(answer->hosts.begin(), answer->hosts.end(), is_denied))
    {
        return answer;
    }
    auto out = std::make_shared<dns::mx_answer>(*answer);
    const std::string first = out->hosts.front().name;
    std::erase_if(out->hosts, is_denied);
    if (out->hosts.empty())
    {
        out->status = dns::lookup_status::refused_address;
        out->reason = "the mail host " + first + " of " + out->domain +
                      " is on the deny list: is the domain misspelled?";
    }
    return out;
}

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
    if (const auto held = holds_.find(lane); held != holds_.end() && held->second <= wall)
    {
        holds_.erase(held);
    }
    if (!queue_.has_ready(lane, wall) || holds_.contains(lane))
    {
        watch_due(lane);
        return;
    }
    if (const auto until = lane_held_until(lane))
    {
        hold_lane(lane, *until);
        return;
    }
    const auto id = queue_.id_of(lane);
    if (id.is_tail())
    {
        pump_tail(lane);
        return;
    }
    auto& d = domain_of(domain_id{id.value});
    forget_old_refusal(d);
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
            enter_site(*d.where, lane);
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

/// By a suspension of its campaign or tenant.
std::optional<wall_time> scheduler::lane_held_until(queue::lane_index lane)
{
    if (suspensions_.empty())
    {
        return std::nullopt;
    }
    const auto& c = queue_.campaign_of(lane);
    const auto tenant = held_until(shaping::suspension_kind::tenant, tenant_of(c.tenant).name);
    return tenant ? tenant : campaign_held_until(c);
}

/// A domain that took no mail is asked about again when the answer is too old.
void scheduler::forget_old_refusal(domain_entry& d)
{
    if (d.now == domain_entry::state::refused && !d.disposing &&
        d.expires <= deps_.clock_source.mono())
    {
        d.now = domain_entry::state::unresolved;
    }
}

void scheduler::watch_due(queue::lane_index lane)
{
    if (const auto retries = queue_.retries_of(lane); retries != lane)
    {
        watch_due(retries);
    }
    auto due = queue_.next_wake(lane, deps_.clock_source.wall());
    if (const auto held = holds_.find(lane); held != holds_.end())
    {
        due = due == wall_time{} ? held->second : std::min(due, held->second);
    }
    if (due != wall_time{})
    {
        due_.set(lane, due);
    }
}

/// The lane is handed out of no more until then.
void scheduler::hold_lane(queue::lane_index lane, wall_time until)
{
    auto& held = holds_[lane];
    held = std::max(held, until);
    due_.set(lane, held);
}

/// The lane takes its place among those of its tenant and stream, for its campaign's pool.
void scheduler::enter_site(site& s, queue::lane_index lane)
{
    const auto& c = queue_.campaign_of(lane);
    const auto* life = queue_.find_lifecycle(c);
    HK_ASSERT(life != nullptr);
    stand_of(s, c).flows.insert({c.tenant, life->transactional},
                                {life->expires_at, queue_.rank_of(lane), lane});
}

void scheduler::leave_site(queue::lane_index lane)
{
    const auto id = queue_.id_of(lane);
    if (id.is_tail())
    {
        return;
    }
    auto& d = domain_of(domain_id{id.value});
    if (d.where == nullptr)
    {
        return;
    }
    for (auto& [name, st] : d.where->stands)
    {
        st.flows.erase(lane);
    }
}

/// Deals the recipients of a tail lane out to their domains' sites.
void scheduler::pump_tail(queue::lane_index lane)
{
    std::vector<queue::lease> leases;
    std::size_t& out = tail_out_[lane];
    const auto wall = deps_.clock_source.wall();
    // What is dealt out may come back at once, when the tenant has reached a limit of its own.
    while (out < tail_out_max && may_lease() && !holds_.contains(lane))
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
            forget_old_refusal(d);
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
    if (out < tail_out_max && !may_lease())
    {
        rewake_.insert(lane);
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
    answer = without_denied(*shaping_, std::move(answer));
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
            leave_site(lane);
        }
    }
    d.where = &s;
    release_waiting(d);
    const auto wall = deps_.clock_source.wall();
    for (const auto lane : d.lanes)
    {
        if (queue_.has_ready(lane, wall) && !holds_.contains(lane))
        {
            enter_site(s, lane);
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
            const auto* life = queue_.find_lifecycle(l.campaign);
            HK_ASSERT(life != nullptr);
            stand_of(*d.where, l.campaign).flows.park({l.campaign.tenant, life->transactional}, l);
        }
        d.waiting.clear();
        if (const auto held = site_held_until(*d.where))
        {
            postpone_parked(*d.where, *held);
        }
        else if (!d.where->paths.empty())
        {
            postpone_if_dead(*d.where);
        }
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
        load_for_disposal(std::move(one), disposal_of(d));
    }
    release_waiting(d);
}

/// Every recipient of a domain that takes no mail bounces, in batches.
void scheduler::dispose(domain_entry& d)
{
    if (d.disposing)
    {
        return;
    }
    if (!may_lease())
    {
        undisposed_.insert(d.id);
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
        load_for_disposal(std::move(batch), disposal_of(d));
    }
}

scheduler::disposal scheduler::disposal_of(const domain_entry& d)
{
    const auto& answer = *d.answer;
    return {dns::is_permanent(answer.status) ? queue::disposition::bounced
                                             : queue::disposition::deferred,
            dns::enhanced_code(answer.status),
            answer.reason,
            dns::lookup_status_name(answer.status),
            "dns",
            d.id,
            {},
            effect_of_lookup(answer.status)};
}

/// Ends leases without a try, once their recipients have been looked up.
void scheduler::load_for_disposal(std::vector<queue::lease> leases, disposal how)
{
    auto batch = std::make_shared<std::vector<work>>();
    for (auto& l : leases)
    {
        batch->emplace_back().l = l;
    }
    const auto go_on = [this](const disposal& done)
    {
        if (done.domain != domain_id{})
        {
            auto& d = domain_of(done.domain);
            d.disposing = false;
            if (done.what == queue::disposition::bounced)
            {
                dispose(d);
            }
        }
        else if (auto* s = done.cls == "operator" ? find_site(done.site) : nullptr)
        {
            pump(*s);
        }
    };
    ++loading_;
    const bool posted = deps_.pool.post(
        [this, batch, how, go_on]
        {
            hooks_.load(*batch);
            asio::post(context_,
                       [this, batch, how, go_on]
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
                               auto o = make_outcome(w, how.what);
                               o.f.attempt = w.l.state.attempts + 1;
                               o.f.enhanced = how.enhanced;
                               o.f.reply = how.reply;
                               o.f.cls = how.cls;
                               o.f.stage = how.stage;
                               o.f.contact = static_cast<std::uint8_t>(how.contact);
                               add_outcome(std::move(o));
                           }
                           settle_now();
                           after_load(std::move(others));
                           go_on(how);
                       });
        });
    if (!posted)
    {
        --loading_;
        for (const auto& w : *batch)
        {
            give_back(w.l);
        }
        if (how.domain != domain_id{})
        {
            domain_of(how.domain).disposing = false;
            undisposed_.insert(how.domain);
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
        if (--out == tail_out_max / 2)
        {
            rewake_.insert(l.lane);
        }
    }
}

/// Takes back what waits for a site or an answer, so that the campaign can be closed.
void scheduler::reclaim(const queue::campaign_ref& c)
{
    const auto is_its = [&](const queue::lease& l) { return l.campaign == c; };
    for (auto& [key, s] : sites_)
    {
        for (auto& [name, st] : s->stands)
        {
            for (const auto& l :
                 st.flows.parked() > 0 ? st.flows.unpark(is_its) : std::vector<queue::lease>())
            {
                leave_tail(l);
                give_back(l);
            }
        }
        for (auto& [number, p] : s->paths)
        {
            std::erase_if(p->sticky,
                          [&](const queue::lease& l)
                          {
                              if (is_its(l))
                              {
                                  give_back(l);
                              }
                              return is_its(l);
                          });
        }
    }
    for (auto& [id, d] : domains_)
    {
        std::erase_if(d->waiting,
                      [&](const queue::lease& l)
                      {
                          if (is_its(l))
                          {
                              leave_tail(l);
                              give_back(l);
                          }
                          return is_its(l);
                      });
    }
}

} // namespace hikyaku::delivery
