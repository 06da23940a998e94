#include "scheduler.h"

#include <hikyaku/base/assert.h>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace hikyaku::delivery
{
namespace
{

/// How long a lane rests that found too many waiting before it.
constexpr milliseconds short_hold{1'000};

/// How long a retry rests whose source has too many waiting already.
constexpr milliseconds sticky_rest{15'000};

} // namespace

std::uint64_t scheduler::take_tokens(path& p, std::uint64_t n)
{
    const auto mono = deps_.clock_source.mono();
    if (p.messages)
    {
        n = p.messages->take(mono, n);
    }
    if (p.provider != nullptr && p.provider->messages)
    {
        const auto granted = p.provider->messages->take(mono, n);
        if (p.messages && granted < n)
        {
            p.messages->give_back(n - granted);
        }
        n = granted;
    }
    if (const auto cap = warm_up_cap_of(p))
    {
        const auto granted = warm_up_.take(p.number, p.where.key, today(), *cap, n);
        return_rate_tokens(p, n - granted);
        n = granted;
    }
    return n;
}

void scheduler::return_tokens(path& p, std::uint64_t n)
{
    if (n > 0 && warm_up_cap_of(p))
    {
        // The plan may be newer than what is returned: that was never counted.
        const auto used = warm_up_.used(p.number, p.where.key, today());
        warm_up_.give_back(p.number, p.where.key, today(), std::min(n, used));
    }
    return_rate_tokens(p, n);
}

void scheduler::return_rate_tokens(path& p, std::uint64_t n)
{
    if (n == 0)
    {
        return;
    }
    if (p.messages)
    {
        p.messages->give_back(n);
    }
    if (p.provider != nullptr && p.provider->messages)
    {
        p.provider->messages->give_back(n);
    }
}

/// Leases up to `count` for the path, within its message rates: what must leave from here first,
/// then a fair choice of the stand (may be null).
bool scheduler::take_batch(path& p, stand* st, bool urgent_only, std::size_t count,
                           std::vector<queue::lease>& out)
{
    const auto granted = take_tokens(p, count);
    if (!urgent_only)
    {
        take_sticky(p, granted, out);
    }
    if (st != nullptr)
    {
        fill_from(p, *st, urgent_only, granted, out);
    }
    return_tokens(p, granted - std::min<std::uint64_t>(granted, out.size()));
    return !out.empty();
}

/// Retries that had to wait for the path, but for those that are suspended by now.
void scheduler::take_sticky(path& p, std::size_t count, std::vector<queue::lease>& out)
{
    put_aside later;
    while (out.size() < count && !p.sticky.empty())
    {
        const auto l = p.sticky.front();
        p.sticky.pop_front();
        const auto flow = flow_held(l.campaign.tenant, p.where);
        const auto until = flow ? std::optional(flow->until) : campaign_held_until(l.campaign);
        if (until)
        {
            return_permit(l);
            later[*until].push_back(l);
            continue;
        }
        out.push_back(l);
    }
    for (const auto& [until, leases] : later)
    {
        submit_postponed(leases, until);
        for (const auto& l : leases)
        {
            watch_due(l.lane);
        }
    }
}

void scheduler::fill_from(path& p, stand& st, bool urgent_only, std::size_t count,
                          std::vector<queue::lease>& out)
{
    const auto wall = deps_.clock_source.wall();
    std::vector<queue::lease> fresh;
    std::vector<queue::lease> from_tails;
    put_aside later;
    std::size_t tried = 0;
    while (out.size() < count && tried < count + put_aside_max)
    {
        const auto turn = st.flows.next(urgent_only);
        if (!turn)
        {
            break;
        }
        if (const auto hold = flow_held(turn->flow.tenant, p.where))
        {
            hold_flow(st, turn->flow, *hold);
            continue;
        }
        const auto c = turn->parked ? st.flows.front_parked(turn->flow).campaign
                                    : queue_.campaign_of(turn->lane);
        if (const auto until = campaign_held_until(c))
        {
            if (turn->parked)
            {
                hold_parked(st, c, *until);
                continue;
            }
            st.flows.erase(turn->lane);
            hold_lane(turn->lane, *until);
            continue;
        }
        auto& tenant = tenant_of(turn->flow.tenant);
        const std::uint64_t want =
            turn->parked ? 1 : std::min<std::size_t>(turn->credit, count - out.size());
        const auto permits = tenant.quota ? tenant.quota->take(date_of(tenant), want) : want;
        if (permits == 0)
        {
            const auto block = tenant.quota->blocked(date_of(tenant));
            const auto until = block && !block->may_come_back ? block->until : wall + short_hold;
            hold_flow(st, turn->flow, {until, true});
            continue;
        }
        fresh.clear();
        if (turn->parked)
        {
            fresh.push_back(st.flows.take_parked(turn->flow));
            leave_tail(fresh.back());
            from_tails.push_back(fresh.back());
            st.flows.charge(turn->flow, 1);
        }
        else
        {
            const auto got = queue_.take(turn->lane, permits, wall, fresh);
            if (got > 0)
            {
                st.flows.charge(turn->flow, static_cast<std::uint32_t>(got));
            }
            if (got < permits)
            {
                st.flows.erase(turn->lane);
                watch_due(turn->lane);
            }
        }
        if (tenant.quota && fresh.size() < permits)
        {
            tenant.quota->settle(date_of(tenant), 0, permits - fresh.size());
        }
        tried += fresh.size();
        for (auto& l : fresh)
        {
            l.has_permit = tenant.quota.has_value();
            dispatch(p, st, l, out, later);
        }
    }
    for (const auto& [until, leases] : later)
    {
        submit_postponed(leases, until);
        for (const auto& l : leases)
        {
            watch_due(l.lane);
        }
    }
    refill_tails(from_tails);
}

/// A retry keeps its source: greylisting remembers the address.
void scheduler::dispatch(path& p, stand& st, queue::lease l, std::vector<queue::lease>& out,
                         put_aside& later)
{
    const auto before = sources_->find_number(l.state.source);
    if (!l.is_retry() || !before || *before == p.source || !st.rotation.has(*before))
    {
        l.state.source = p.number;
        out.push_back(l);
        return;
    }
    path& own = obtain_path(p.where, *before);
    const auto at = now();
    auto away = own.adaptation.suspended_until();
    if (const auto dead = own.health.resumes_at(); dead && *dead > at.mono)
    {
        away = std::max(away.value_or(*dead), *dead);
    }
    if (!away && own.sticky.size() < sticky_max)
    {
        own.sticky.push_back(l);
        list(own.where);
        return;
    }
    // Aside, on disk: the lane has others, that another source may send.
    return_permit(l);
    const auto until = away ? at.wall_of(*away) : at.wall + sticky_rest;
    later[std::max(until, at.wall + short_hold)].push_back(l);
}

/// Whether a suspension keeps the tenant's mail to the site back, and until when.
std::optional<scheduler::flow_hold> scheduler::flow_held(tenant_id id, const site& s)
{
    if (suspensions_.empty())
    {
        return std::nullopt;
    }
    const auto at = now();
    const auto& tenant = tenant_of(id).name;
    const auto* e = suspensions_.find(shaping::suspension_kind::tenant, tenant, at.mono);
    const bool everywhere = e != nullptr;
    if (e == nullptr)
    {
        e = suspensions_.find_tenant_site(tenant, s.key, at.mono);
    }
    if (e == nullptr)
    {
        return std::nullopt;
    }
    return flow_hold{at.wall_of(e->until), everywhere};
}

std::optional<wall_time> scheduler::campaign_held_until(const queue::campaign_ref& c) const
{
    return suspensions_.empty()
               ? std::nullopt
               : held_until(shaping::suspension_kind::campaign, campaign_text(c.campaign));
}

/// By a suspension of this kind.
std::optional<wall_time> scheduler::held_until(shaping::suspension_kind kind,
                                               const std::string& name) const
{
    const auto at = now();
    const auto* e = suspensions_.find(kind, name, at.mono);
    return e != nullptr ? std::optional(at.wall_of(e->until)) : std::nullopt;
}

/// Takes a tenant's mail out of the stand until then.
void scheduler::hold_flow(stand& st, const flow_key& flow, const flow_hold& hold)
{
    const auto parked =
        st.flows.unpark([&](const queue::lease& l) { return l.campaign.tenant == flow.tenant; });
    for (const auto& l : parked)
    {
        leave_tail(l);
        if (hold.everywhere)
        {
            // Its lane has nothing for anybody then: no need to write.
            give_back(l);
            hold_lane(l.lane, hold.until);
        }
    }
    if (!parked.empty() && !hold.everywhere)
    {
        submit_postponed(parked, hold.until);
    }
    const auto lanes = st.flows.extract([&](queue::lane_index lane)
                                        { return queue_.campaign_of(lane).tenant == flow.tenant; });
    for (const auto lane : lanes)
    {
        hold_lane(lane, hold.until);
    }
    for (const auto& l : parked)
    {
        watch_due(l.lane);
    }
}

/// A suspended campaign's rare domains go back to their lanes, which wait.
void scheduler::hold_parked(stand& st, const queue::campaign_ref& c, wall_time until)
{
    for (const auto& l :
         st.flows.unpark([&](const queue::lease& one) { return one.campaign == c; }))
    {
        leave_tail(l);
        give_back(l);
        hold_lane(l.lane, until);
    }
}

scheduler::tenant_entry& scheduler::tenant_of(tenant_id id)
{
    const auto [found, fresh] = tenants_.try_emplace(id);
    auto& t = found->second;
    if (fresh)
    {
        t.name = tenant_text(id);
        if (hooks_.terms_of)
        {
            t.terms = hooks_.terms_of(id);
            make_quota(id, t);
        }
    }
    return t;
}

shaping::local_date scheduler::date_of(const tenant_entry& t) const
{
    return shaping::make_local_date(deps_.clock_source.wall(), t.terms.offset_minutes);
}

void scheduler::return_permit(const queue::lease& l)
{
    auto& t = tenant_of(l.campaign.tenant);
    if (l.has_permit && t.quota)
    {
        t.quota->settle(date_of(t), 0, 1);
    }
}

/// The lease goes back unused, with its permit.
void scheduler::give_back(const queue::lease& l)
{
    return_permit(l);
    auto clean = l;
    clean.has_permit = false;
    queue_.give_back(clean);
    rewake_.insert(l.lane);
}

/// Tail lanes that gave leases away may deal out more.
void scheduler::refill_tails(const std::vector<queue::lease>& gone)
{
    std::set<queue::lane_index> tails;
    for (const auto& l : gone)
    {
        tails.insert(l.lane);
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
}

} // namespace hikyaku::delivery
