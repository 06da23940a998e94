#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/queue/active_queue.h>
#include <hikyaku/shaping/ready_ring.h>

namespace hikyaku::delivery
{

/// One tenant's mail of one stream.
struct flow_key
{
    tenant_id tenant;
    bool transactional = false;
    friend constexpr auto operator<=>(const flow_key&, const flow_key&) = default;
};

/// What decides the order of lanes inside a flow: the earlier deadline first, then the better
/// rank.
struct lane_order
{
    wall_time deadline{};
    std::uint32_t rank = 0;
    queue::lane_index lane = 0;
    friend constexpr auto operator<=>(const lane_order&, const lane_order&) = default;
};

/// The mail that waits at one site for one pool, shared out fairly: deficit round robin over
/// tenants within a stream, transactional ahead of broadcast by weight, the earliest deadline first
/// inside a tenant. Nobody starves: of every `urgent_share` + 1 units one is a broadcast's.
///
/// Scheduler thread only; pure.
class flow_table
{
public:
    /// Units of transactional mail for each unit of broadcast, while both wait.
    static constexpr unsigned urgent_share = 8;
    /// Units one tenant's broadcast gets before the next one's turn.
    static constexpr std::uint32_t broadcast_quantum = 16;
    static constexpr std::uint32_t transactional_quantum = 2;

    /// A flow whose turn it is, and what it may take.
    struct turn
    {
        flow_key flow;
        std::uint32_t credit = 0;
        /// A lease dealt out of a tail lane waits, and no lane has a better rank.
        bool parked = false;
        /// The lane to take from, when nothing is parked.
        queue::lane_index lane = 0;
    };

    [[nodiscard]] bool empty() const noexcept { return urgent_.empty() && broadcast_.empty(); }
    [[nodiscard]] bool has_urgent() const noexcept { return !urgent_.empty(); }
    [[nodiscard]] std::size_t lanes() const noexcept { return where_.size(); }
    [[nodiscard]] std::size_t parked() const noexcept { return parked_; }

    /// The lane has something to send. Of a lane that is there already the order changes.
    void insert(const flow_key& flow, const lane_order& order);
    /// @returns false when it was not there
    bool erase(queue::lane_index lane);
    void park(const flow_key& flow, const queue::lease& l);

    /// Whose turn it is; nullopt when nothing waits, or (`urgent_only`) no transactional mail.
    [[nodiscard]] std::optional<turn> next(bool urgent_only);
    /// Takes the front parked lease of that flow. @pre turn.parked
    [[nodiscard]] queue::lease take_parked(const flow_key& flow);
    /// The one that take_parked() would take. @pre as above
    [[nodiscard]] const queue::lease& front_parked(const flow_key& flow) const;
    /// The flow of the last turn took `units`. @pre 1 <= units <= its credit
    void charge(const flow_key& flow, std::uint32_t units);
    /// The flow of the last turn has reached a limit of its own: the others' turn.
    void pass(const flow_key& flow);

    /// Removes and returns the parked leases that `matches(lease)`.
    template <class Predicate> std::vector<queue::lease> unpark(Predicate matches);
    /// Lanes that `matches(lane)`, taken out.
    template <class Predicate> std::vector<queue::lane_index> extract(Predicate matches);

private:
    struct flow
    {
        flow_key key;
        std::set<lane_order> lanes;
        /// By rank, each in the order in which they came.
        std::map<std::uint8_t, std::list<queue::lease>> parked;
        [[nodiscard]] bool empty() const { return lanes.empty() && parked.empty(); }
    };
    using slot = shaping::ready_ring::handle;

    slot obtain(const flow_key& key);
    [[nodiscard]] shaping::ready_ring& ring_of(const flow_key& key);
    void enter(slot s);
    void leave_if_empty(slot s);

    std::map<flow_key, slot> slots_;
    std::vector<flow> flows_;
    /// Of flows that had nothing left: the next ones take them.
    std::vector<slot> free_;
    std::map<queue::lane_index, std::pair<slot, lane_order>> where_;
    shaping::ready_ring urgent_{transactional_quantum};
    shaping::ready_ring broadcast_{broadcast_quantum};
    unsigned urgent_run_ = 0;
    std::size_t parked_ = 0;
};

template <class Predicate> std::vector<queue::lease> flow_table::unpark(Predicate matches)
{
    std::vector<queue::lease> out;
    for (slot s = 0; s < flows_.size(); ++s)
    {
        auto& parked = flows_[s].parked;
        for (auto of_rank = parked.begin(); of_rank != parked.end();)
        {
            parked_ -= std::erase_if(of_rank->second,
                                     [&](const queue::lease& l)
                                     {
                                         const bool its = matches(l);
                                         if (its)
                                         {
                                             out.push_back(l);
                                         }
                                         return its;
                                     });
            of_rank = of_rank->second.empty() ? parked.erase(of_rank) : std::next(of_rank);
        }
        leave_if_empty(s); // nothing happens to a slot that is free already
    }
    return out;
}

template <class Predicate> std::vector<queue::lane_index> flow_table::extract(Predicate matches)
{
    std::vector<queue::lane_index> out;
    for (const auto& [lane, place] : where_)
    {
        if (matches(lane))
        {
            out.push_back(lane);
        }
    }
    for (const auto lane : out)
    {
        erase(lane);
    }
    return out;
}

} // namespace hikyaku::delivery
