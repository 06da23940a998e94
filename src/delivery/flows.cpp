#include "flows.h"

#include <hikyaku/base/assert.h>

namespace hikyaku::delivery
{

flow_table::slot flow_table::obtain(const flow_key& key)
{
    const auto [found, fresh] = slots_.try_emplace(key, static_cast<slot>(flows_.size()));
    if (!fresh)
    {
        return found->second;
    }
    if (free_.empty())
    {
        flows_.push_back({key, {}, {}});
    }
    else
    {
        found->second = free_.back();
        free_.pop_back();
        flows_[found->second].key = key;
    }
    return found->second;
}

shaping::ready_ring& flow_table::ring_of(const flow_key& key)
{
    return key.transactional ? urgent_ : broadcast_;
}

void flow_table::enter(slot s)
{
    auto& ring = ring_of(flows_[s].key);
    if (!ring.contains(s))
    {
        ring.insert(s);
    }
}

void flow_table::leave_if_empty(slot s)
{
    if (flows_[s].empty() && ring_of(flows_[s].key).erase(s))
    {
        slots_.erase(flows_[s].key);
        free_.push_back(s);
    }
}

void flow_table::insert(const flow_key& flow, const lane_order& order)
{
    const auto found = where_.find(order.lane);
    if (found != where_.end())
    {
        const auto& [there, old] = found->second;
        if (flows_[there].key == flow && old == order)
        {
            return;
        }
        erase(order.lane);
    }
    const slot s = obtain(flow);
    flows_[s].lanes.insert(order);
    where_.emplace(order.lane, std::pair{s, order});
    enter(s);
}

bool flow_table::erase(queue::lane_index lane)
{
    const auto found = where_.find(lane);
    if (found == where_.end())
    {
        return false;
    }
    const auto [s, order] = found->second;
    where_.erase(found);
    flows_[s].lanes.erase(order);
    leave_if_empty(s);
    return true;
}

void flow_table::park(const flow_key& flow, const queue::lease& l)
{
    const slot s = obtain(flow);
    flows_[s].parked[l.rank].push_back(l);
    ++parked_;
    enter(s);
}

std::optional<flow_table::turn> flow_table::next(bool urgent_only)
{
    if (urgent_only && urgent_.empty())
    {
        return std::nullopt;
    }
    const bool broadcast_now =
        !urgent_only && !broadcast_.empty() && (urgent_.empty() || urgent_run_ >= urgent_share);
    const auto found = broadcast_now ? broadcast_.next() : urgent_.next();
    if (!found)
    {
        return std::nullopt;
    }
    const auto& f = flows_[found->which];
    turn t;
    t.flow = f.key;
    t.credit = found->credit;
    if (!urgent_.empty() && !broadcast_.empty() && !urgent_only)
    {
        // Both wait: the share decides how long this run may be.
        t.credit = broadcast_now ? 1 : std::min(t.credit, urgent_share - urgent_run_);
    }
    t.parked =
        !f.parked.empty() && (f.lanes.empty() || f.parked.begin()->first <= f.lanes.begin()->rank);
    t.lane = f.lanes.empty() ? 0 : f.lanes.begin()->lane;
    return t;
}

queue::lease flow_table::take_parked(const flow_key& flow)
{
    const slot s = slots_.at(flow);
    auto& parked = flows_[s].parked;
    HK_ASSERT(!parked.empty());
    auto& first = parked.begin()->second;
    const auto l = first.front();
    first.pop_front();
    if (first.empty())
    {
        parked.erase(parked.begin());
    }
    --parked_;
    return l;
}

const queue::lease& flow_table::front_parked(const flow_key& flow) const
{
    const auto& parked = flows_[slots_.at(flow)].parked;
    HK_ASSERT(!parked.empty());
    return parked.begin()->second.front();
}

void flow_table::charge(const flow_key& flow, std::uint32_t units)
{
    const slot s = slots_.at(flow);
    ring_of(flow).charge(s, units);
    urgent_run_ = flow.transactional ? urgent_run_ + units : 0;
    leave_if_empty(s);
}

void flow_table::pass(const flow_key& flow)
{
    const slot s = slots_.at(flow);
    if (flows_[s].empty())
    {
        leave_if_empty(s);
        return;
    }
    ring_of(flow).pass(s);
    if (!flow.transactional)
    {
        urgent_run_ = 0;
    }
}

} // namespace hikyaku::delivery
