#include "scheduler.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::delivery
{
namespace
{

/// Other sites of a provider that are looked at when one of its connections has ended.
constexpr std::size_t provider_pump_max = 16;

bool has_own_limits(const shaping::effective_limits& e)
{
    return std::any_of(e.trace.begin(), e.trace.end(), [](const shaping::limit_origin& o)
                       { return o.layer == shaping::limits_layer::domain; });
}

std::vector<std::string> host_names(const dns::mx_answer& answer)
{
    std::vector<std::string> out;
    out.reserve(answer.hosts.size());
    for (const auto& h : answer.hosts)
    {
        out.push_back(h.name);
    }
    return out;
}

} // namespace

/// The site of a resolved domain. A domain with limits of its own is a site of its own.
site& scheduler::obtain_site(domain_entry& d)
{
    std::uint16_t port = options_.smtp_port;
    const bool is_route = route_answer(d.name, port).has_value();
    const auto effective = shaping_->effective(d.name, host_names(*d.answer));
    const auto key = has_own_limits(effective) ? d.answer->site + "/" + d.name : d.answer->site;
    auto& slot = sites_[key];
    if (!slot)
    {
        slot = std::make_unique<site>();
        slot->key = key;
    }
    site& s = *slot;
    const bool same_provider = s.provider == effective.provider;
    if (!same_provider)
    {
        provider_sites_[s.provider].erase(&s);
    }
    s.provider = effective.provider;
    if (!s.provider.empty())
    {
        provider_sites_[s.provider].insert(&s);
    }
    const bool same =
        same_provider && s.limits == effective.limits && s.port == port && s.is_route == is_route;
    const bool same_mx = s.mx != nullptr && s.mx->hosts == d.answer->hosts;
    s.limits = effective.limits;
    s.mx = d.answer;
    s.port = port;
    s.is_route = is_route;
    for (auto& [number, p] : s.paths)
    {
        if (!same)
        {
            renew_path(*p);
        }
        else if (!same_mx)
        {
            renew_plan(*p);
        }
    }
    return s;
}

path& scheduler::obtain_path(site& s, std::size_t source)
{
    const auto number = sources_->number_of(source);
    auto& slot = s.paths[number];
    if (slot)
    {
        return *slot;
    }
    const auto& rule = sources_->sources()[source];
    slot = std::make_unique<path>(s, number, s.key, rule.name, s.limits, shaping_->adaptation());
    path& p = *slot;
    p.source = source;
    if (const auto old = stored_.find({s.key, number}); old != stored_.end())
    {
        const auto restored = p.adaptation.decode(old->second, now());
        if (restored.has_error())
        {
            log::warning("adaptation_unreadable",
                         {{"site", s.key}, {"reason", restored.error().text}});
        }
        else if (!p.adaptation.is_idle())
        {
            adapted_.insert(&p);
        }
        stored_.erase(old);
    }
    renew_path(p);
    return p;
}

/// Configured limits, provider or source have changed.
void scheduler::renew_path(path& p)
{
    site& s = p.where;
    std::vector<shaping::adaptation_event> events;
    p.adaptation.set_configured(s.limits, shaping_->adaptation(), now(), events);
    auto* share = s.provider.empty() ? nullptr : &providers_[{s.provider, p.number}];
    if (share != p.provider)
    {
        const auto open = static_cast<unsigned>(p.sessions.size());
        if (p.provider != nullptr)
        {
            p.provider->sessions -= open;
        }
        if (share != nullptr)
        {
            share->sessions += open;
        }
        p.provider = share;
    }
    const auto mono = deps_.clock_source.mono();
    if (share != nullptr)
    {
        share->gate->set_rate(s.limits.provider_message_rate, mono, started_);
        set_rate(share->messages, s.limits.provider_message_rate, mono, started_);
    }
    p.apply_limits(mono, started_);
    renew_plan(p);
    on_events(events);
}

void scheduler::renew_plan(path& p)
{
    if (p.retired)
    {
        return; // nothing is opened any more, and its source is in no table
    }
    const site& s = p.where;
    const auto& rule = sources_->sources()[p.source];
    auto plan = std::make_shared<connection_plan>();
    plan->mx = s.mx;
    plan->site = s.key;
    plan->port = s.port;
    plan->is_route = s.is_route;
    plan->limits = p.limits();
    plan->source = rule.name;
    plan->source_number = p.number;
    plan->ehlo_name = rule.ehlo_name.empty() ? options_.hostname : rule.ehlo_name;
    plan->local_v4 = rule.address_v4;
    plan->local_v6 = rule.address_v6;
    plan->classifier = classifier_;
    const auto mono = deps_.clock_source.mono();
    std::erase_if(p.skipped, [mono](const auto& e) { return e.second <= mono; });
    for (const auto& [host, until] : p.skipped)
    {
        plan->skipped.insert(host);
    }
    plan->gate = p.gate;
    plan->dial_gate = p.dial_gate;
    plan->provider_gate = p.provider != nullptr ? p.provider->gate : nullptr;
    p.plan = std::move(plan);
}

const shaping::pool_rule& scheduler::pool_of(const queue::campaign_ref& c)
{
    auto found = pools_.find(c);
    if (found == pools_.end())
    {
        found = pools_.emplace(c, hooks_.pool_of ? hooks_.pool_of(c) : std::string()).first;
    }
    const auto* pool = found->second.empty() ? nullptr : sources_->find_pool(found->second);
    return pool != nullptr ? *pool : sources_->default_pool();
}

/// The site may have work: ticks look at it until it has none.
void scheduler::list(site& s)
{
    if (!std::exchange(s.is_listed, true))
    {
        listed_.insert(&s);
    }
}

/// Whether a tick can do nothing for it: it has no session and stands in line for one.
bool scheduler::only_waits(const site& s) const
{
    return s.waits_for_place && sessions_.size() >= broadcast_sessions_max() &&
           suspensions_.empty() && s.bounce_until == mono_time{} && s.sessions() == 0 &&
           !s.has_urgent();
}

/// Each tick begins behind the site that the last one began with: what sites share goes round.
void scheduler::pump_listed()
{
    std::erase_if(listed_,
                  [](site* s)
                  {
                      s->is_listed = s->has_work();
                      return !s->is_listed;
                  });
    if (listed_.empty())
    {
        return;
    }
    auto it = first_listed_ != nullptr ? listed_.upper_bound(first_listed_) : listed_.begin();
    it = it == listed_.end() ? listed_.begin() : it;
    first_listed_ = *it;
    for (auto left = listed_.size(); left > 0; --left) // pumping may add some
    {
        if (!only_waits(**it))
        {
            pump(**it);
        }
        ++it;
        it = it == listed_.end() ? listed_.begin() : it;
    }
}

stand& scheduler::stand_of(site& s, const queue::campaign_ref& c)
{
    const auto& pool = pool_of(c);
    list(s);
    return s.stands.try_emplace(pool.name, pool).first->second;
}

std::size_t scheduler::broadcast_sessions_max() const
{
    // Rounded up: one of a few is a reserve, too.
    const std::size_t reserve =
        (std::size_t{options_.sessions_max} * options_.transactional_reserve_percent + 99) / 100;
    return std::max<std::size_t>(1, options_.sessions_max - reserve);
}

std::optional<wall_time> scheduler::site_held_until(const site& s) const
{
    return suspensions_.empty() ? std::nullopt : held_until(shaping::suspension_kind::site, s.key);
}

/// Gives the site's work to its idle sessions and to new ones, as far as limits allow.
void scheduler::pump(site& s)
{
    if (!may_lease() || !s.has_work())
    {
        return;
    }
    if (s.bounce_until > deps_.clock_source.mono())
    {
        bounce_ready(s);
        return;
    }
    if (const auto held = site_held_until(s))
    {
        postpone_parked(s, *held);
        return;
    }
    bool progress = true;
    while (progress && may_lease())
    {
        progress = false;
        for (auto& [number, p] : s.paths)
        {
            if (!p->sticky.empty() && can_take(*p, false))
            {
                const bool served = serve(*p, nullptr);
                progress = progress || served;
            }
        }
        // Pools take turns: each round begins behind the one that was served last.
        auto it = s.stands.upper_bound(s.last_stand);
        for (std::size_t i = 0; i < s.stands.size(); ++i)
        {
            it = it == s.stands.end() ? s.stands.begin() : it;
            if (!it->second.flows.empty() && serve_stand(s, it->second))
            {
                s.last_stand = it->first;
                progress = true;
            }
            ++it;
        }
    }
}

bool scheduler::serve_stand(site& s, stand& st)
{
    const bool urgent = st.flows.has_urgent();
    const auto chosen = st.rotation.next([&](std::size_t source)
                                         { return can_take(obtain_path(s, source), urgent); });
    if (chosen)
    {
        return serve(obtain_path(s, *chosen), &st);
    }
    if (sessions_.size() >= broadcast_sessions_max())
    {
        wait_for_place(s);
    }
    return urgent && squeeze_in(s, st);
}

void scheduler::wait_for_place(site& s)
{
    if (!std::exchange(s.waits_for_place, true))
    {
        wait_for_place_.push_back(&s);
    }
}

/// A session that ends makes room for the site that has waited longest, not for its own again.
void scheduler::hand_on_place()
{
    // Each is asked once: those that still find no room stand at the end again.
    for (auto left = wait_for_place_.size();
         left > 0 && sessions_.size() < broadcast_sessions_max(); --left)
    {
        site& next = *wait_for_place_.front();
        wait_for_place_.pop_front();
        next.waits_for_place = false;
        pump(next);
    }
}

/// One batch for an idle session of the path, or for a new one. @pre can_take(p, …)
bool scheduler::serve(path& p, stand* st)
{
    const auto mono = deps_.clock_source.mono();
    const bool to_idle = !p.idle.empty();
    if (!to_idle && !p.health.may_connect(mono))
    {
        return false;
    }
    // No more than the connection may carry: the rest would only come back.
    const std::size_t room =
        p.limits().messages_per_connection - (to_idle ? sessions_.at(p.idle.front()).given : 0);
    // Places of the reserve are for transactional mail, also when it has been sent.
    const std::size_t staying = sessions_.size() - ending_;
    const bool urgent_only =
        to_idle ? staying > broadcast_sessions_max() : sessions_.size() >= broadcast_sessions_max();
    std::vector<queue::lease> leases;
    if (!take_batch(p, st, urgent_only, std::min<std::size_t>(options_.batch, room), leases))
    {
        if (!to_idle)
        {
            p.health.abandoned(mono);
        }
        else if (urgent_only)
        {
            end_idle_session(p.idle.front());
        }
        return false;
    }
    if (to_idle)
    {
        const auto id = p.idle.front();
        rouse(sessions_.at(id));
        load_for(id, std::move(leases), nullptr);
        return true;
    }
    if (p.connections)
    {
        (void)p.connections->take(mono, 1);
    }
    open_session(p, std::move(leases));
    return true;
}

/// Every connection is busy and no other is allowed: transactional mail goes to the front of one
/// that works, so that it waits for one message and not for a batch.
bool scheduler::squeeze_in(site& s, stand& st)
{
    session_entry* best = nullptr;
    session_id best_id = 0;
    for (auto& [number, p] : s.paths)
    {
        if (!st.rotation.has(p->source) || p->retired || p->adaptation.suspended_until() ||
            p->health.state() != shaping::health_state::up || !has_tokens(*p))
        {
            continue;
        }
        for (const auto id : p->sessions)
        {
            auto& entry = sessions_.at(id);
            if (entry.answered && !entry.is_idle && entry.urgent < urgent_per_session_max &&
                (best == nullptr || entry.urgent < best->urgent))
            {
                best = &entry;
                best_id = id;
            }
        }
    }
    if (best == nullptr)
    {
        return false;
    }
    std::vector<queue::lease> leases;
    if (!take_batch(*best->where, &st, true, urgent_per_session_max - best->urgent, leases))
    {
        return false;
    }
    best->urgent += static_cast<unsigned>(leases.size());
    load_for(best_id, std::move(leases), nullptr);
    return true;
}

bool scheduler::can_take(path& p, bool urgent)
{
    if (p.retired || p.adaptation.suspended_until() || !has_tokens(p))
    {
        return false;
    }
    end_spent_sessions(p);
    if (!p.idle.empty())
    {
        return p.health.state() != shaping::health_state::suspended;
    }
    return may_open(p, urgent);
}

/// An idle session gets no more.
void scheduler::end_idle_session(session_id id)
{
    auto& entry = sessions_.at(id);
    rouse(entry);
    if (!std::exchange(entry.ending, true))
    {
        ++ending_;
    }
    shards_[entry.shard]->finish(id);
}

/// Idle sessions that have been handed all that their connection may carry: some of it was not
/// sent, so they would wait for more.
void scheduler::end_spent_sessions(path& p)
{
    while (!p.idle.empty())
    {
        const auto id = p.idle.front();
        if (sessions_.at(id).given < p.limits().messages_per_connection)
        {
            return;
        }
        end_idle_session(id);
    }
}

bool scheduler::may_open(const path& p, bool urgent) const
{
    const auto mono = deps_.clock_source.mono();
    const auto resumes = p.health.resumes_at();
    const bool alive =
        p.health.state() == shaping::health_state::up ||
        (p.health.state() == shaping::health_state::suspended && resumes && *resumes <= mono);
    const auto& provider_max = p.limits().provider_connections_max;
    return alive && p.sessions.size() < p.connections_allowed() &&
           sessions_.size() < (urgent ? options_.sessions_max : broadcast_sessions_max()) &&
           (p.provider == nullptr || !provider_max || p.provider->sessions < *provider_max) &&
           (!p.connections || p.connections->next_at(1) <= mono);
}

bool scheduler::has_tokens(path& p)
{
    const auto mono = deps_.clock_source.mono();
    const auto cap = warm_up_cap_of(p);
    return (!cap || warm_up_.used(p.number, p.where.key, today()) < *cap) &&
           (!p.messages || p.messages->next_at(1) <= mono) &&
           (p.provider == nullptr || !p.provider->messages ||
            p.provider->messages->next_at(1) <= mono);
}

/// What a warming source may send to the site today; nullopt: no cap.
std::optional<std::uint64_t> scheduler::warm_up_cap_of(const path& p) const
{
    if (p.retired)
    {
        return std::nullopt;
    }
    const auto& plan = sources_->sources()[p.source].warm_up;
    return plan ? shaping::warm_up_cap(*plan, today()) : std::nullopt;
}

shaping::day_number scheduler::today() const
{
    return shaping::make_local_date(deps_.clock_source.wall(), options_.offset_minutes).day;
}

/// A connection of the site's provider has ended: the provider's next sites may have waited for it.
void scheduler::pump_provider(site& ended)
{
    const auto found = provider_sites_.find(ended.provider);
    if (ended.provider.empty() || found == provider_sites_.end())
    {
        return;
    }
    auto& sites = found->second;
    std::size_t pumped = 0;
    auto it = sites.upper_bound(&ended);
    for (auto left = sites.size(); left > 0 && pumped < provider_pump_max; --left)
    {
        it = it == sites.end() ? sites.begin() : it;
        if ((*it)->has_work())
        {
            pump(**it);
            ++pumped;
        }
        ++it;
    }
}

/// Rare domains of a site that is held must not stand before the others of their tail lanes.
void scheduler::postpone_parked(site& s, wall_time until)
{
    std::vector<queue::lease> leases;
    for (auto& [name, st] : s.stands)
    {
        auto out = st.flows.unpark([](const queue::lease&) { return true; });
        leases.insert(leases.end(), out.begin(), out.end());
    }
    if (leases.empty())
    {
        return;
    }
    std::set<queue::lane_index> lanes;
    for (const auto& l : leases)
    {
        leave_tail(l);
        lanes.insert(l.lane);
    }
    const auto wall = deps_.clock_source.wall();
    submit_postponed(leases,
                     std::clamp(until, wall + milliseconds{1000}, wall + put_aside_for_max));
    for (const auto lane : lanes)
    {
        watch_due(lane);
    }
}

/// The operator gave the site up: what is ready ends now, in batches.
void scheduler::bounce_ready(site& s)
{
    constexpr std::size_t batch = 64;
    std::vector<queue::lease> leases;
    for (auto& [name, st] : s.stands)
    {
        for (auto& l : st.flows.unpark([](const queue::lease&) { return true; }))
        {
            leave_tail(l);
            leases.push_back(l);
        }
        while (leases.size() < batch)
        {
            const auto turn = st.flows.next(false);
            if (!turn)
            {
                break;
            }
            const auto lane = turn->lane;
            const auto want = std::min<std::size_t>(turn->credit, batch - leases.size());
            const auto got = queue_.take(lane, want, deps_.clock_source.wall(), leases);
            if (got > 0)
            {
                st.flows.charge(turn->flow, static_cast<std::uint32_t>(got));
            }
            if (got < want)
            {
                st.flows.erase(lane);
                watch_due(lane);
            }
        }
    }
    for (auto& [number, p] : s.paths)
    {
        leases.insert(leases.end(), p->sticky.begin(), p->sticky.end());
        p->sticky.clear();
    }
    if (!leases.empty())
    {
        // Until all that waits has ended.
        s.bounce_until = std::max(s.bounce_until, deps_.clock_source.mono() + milliseconds{1'000});
        load_for_disposal(std::move(leases), {queue::disposition::bounced,
                                              "5.7.0",
                                              s.bounce_reason,
                                              "operator",
                                              "operator",
                                              {},
                                              s.key});
    }
}

/// After their transaction; what they have not sent comes back.
void scheduler::retire_sessions(path& p)
{
    for (const auto id : p.sessions)
    {
        shards_[sessions_.at(id).shard]->retire(id);
    }
}

/// The path's source is gone: its sessions end, what waits for it goes elsewhere.
void scheduler::retire(path& p)
{
    p.retired = true;
    retire_sessions(p);
    for (const auto& l : p.sticky)
    {
        give_back(l);
    }
    p.sticky.clear();
}

void scheduler::forget_path(path& p)
{
    adapted_.erase(&p);
    unsaved_.erase(&p);
    p.where.paths.erase(p.number);
}

site* scheduler::find_site(const std::string& name)
{
    if (const auto found = sites_.find(name); found != sites_.end())
    {
        return found->second.get();
    }
    for (const auto& [key, s] : sites_)
    {
        const auto is_it = [&](const dns::mx_host& h) { return h.name == name; };
        if (s->mx != nullptr && std::any_of(s->mx->hosts.begin(), s->mx->hosts.end(), is_it))
        {
            return s.get();
        }
    }
    return nullptr;
}

} // namespace hikyaku::delivery
