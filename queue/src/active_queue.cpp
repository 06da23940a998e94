#include "active_state.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::queue
{

active_queue::active_queue(store::database& db, std::uint64_t margin) : db_(db), margin_(margin) {}
active_queue::~active_queue() = default;

active_queue::campaign_entry& active_queue::entry(const campaign_ref& c)
{
    return *campaigns_.at(c);
}
const active_queue::campaign_entry& active_queue::entry(const campaign_ref& c) const
{
    return *campaigns_.at(c);
}

void active_queue::mark_damaged(lane_state& l, std::string_view what)
{
    if (!l.damaged)
    {
        l.damaged = true;
        ++damaged_lanes_;
        log::error("lane_damaged", {{"campaign", format_id("cmp", l.owner->ref.campaign.value)},
                                    {"lane", l.id.value},
                                    {"rank", static_cast<unsigned>(l.rank)},
                                    {"row", what},
                                    {"effect", "its recipients stay pending; the others go on"}});
    }
}

active_queue::lane_state& active_queue::obtain_lane(campaign_entry& c, const lane_part& part)
{
    if (const auto found = c.lanes.find(part); found != c.lanes.end())
    {
        return *lanes_[found->second];
    }
    const lane_index base =
        part.rank == 0 ? lane_index{0} : obtain_lane(c, lane_part{part.lane, 0}).index;
    lane_index index = 0;
    if (free_lanes_.empty())
    {
        index = static_cast<lane_index>(lanes_.size());
        lanes_.emplace_back();
    }
    else
    {
        index = free_lanes_.back();
        free_lanes_.pop_back();
    }
    lanes_[index] = std::make_unique<lane_state>(margin_);
    auto& made = *lanes_[index];
    made.owner = &c;
    made.index = index;
    made.id = part.lane;
    made.rank = part.rank;
    made.base = part.rank == 0 ? index : base;
    c.lanes.emplace(part, index);
    new_lanes_.push_back(index);
    return made;
}

void active_queue::open_campaign(const campaign_ref& c, const lifecycle& l,
                                 const expansion_state& e)
{
    auto& slot = campaigns_[c];
    if (!slot)
    {
        slot = std::make_unique<campaign_entry>();
        slot->ref = c;
    }
    slot->life = l;
    slot->expansion = e;
}

void active_queue::set_lifecycle(const campaign_ref& c, const lifecycle& l)
{
    entry(c).life = l;
}

std::vector<lane_index> active_queue::grow(const campaign_ref& c, const expansion_state& e,
                                           const std::vector<lane_growth>& lanes)
{
    auto& campaign = entry(c);
    const bool ends = e.complete && !campaign.expansion.complete;
    campaign.expansion = e;
    std::vector<lane_index> grown;
    for (const auto& growth : lanes)
    {
        auto& l = obtain_lane(campaign, {growth.lane, growth.rank});
        l.chunks = growth.chunks;
        if (l.rank == 0)
        {
            grown.push_back(l.index);
        }
    }
    if (ends)
    {
        for (const auto& [part, index] : campaign.lanes)
        {
            if (part.rank != 0)
            {
                grown.push_back(index);
            }
        }
    }
    sort_by_rank(grown);
    return grown;
}

void active_queue::sort_by_rank(std::vector<lane_index>& lanes) const
{
    std::sort(lanes.begin(), lanes.end(), [this](lane_index a, lane_index b)
              { return std::pair(lanes_[a]->rank, a) < std::pair(lanes_[b]->rank, b); });
}

std::vector<lane_index> active_queue::take_new_lanes()
{
    auto out = std::exchange(new_lanes_, {});
    sort_by_rank(out);
    return out;
}
std::uint8_t active_queue::rank_of(lane_index lane) const
{
    return lanes_[lane]->rank;
}
lane_index active_queue::retries_of(lane_index lane) const
{
    return lanes_[lane]->base;
}
lane_id active_queue::id_of(lane_index lane) const
{
    return lanes_[lane]->id;
}
const campaign_ref& active_queue::campaign_of(lane_index lane) const
{
    return lanes_[lane]->owner->ref;
}

std::vector<lane_index> active_queue::lane_indexes(const campaign_ref& c) const
{
    std::vector<lane_index> all;
    for (const auto& [part, index] : entry(c).lanes)
    {
        all.push_back(index);
    }
    return all;
}

bool active_queue::is_lane_of(lane_index lane, const campaign_ref& c) const
{
    return lane < lanes_.size() && lanes_[lane] != nullptr && lanes_[lane]->owner->ref == c;
}

void active_queue::stop_leasing(const campaign_ref& c)
{
    entry(c).closed = true;
}

void active_queue::forget(const campaign_ref& c)
{
    auto& campaign = entry(c);
    HK_ASSERT(campaign.in_flight == 0 && pending(c) == 0);
    for (const auto& [part, index] : campaign.lanes)
    {
        damaged_lanes_ -= lanes_[index]->damaged ? 1 : 0;
        lanes_[index].reset();
        free_lanes_.push_back(index);
        std::erase(new_lanes_, index);
    }
    campaigns_.erase(c);
}

std::vector<campaign_ref> active_queue::campaigns() const
{
    std::vector<campaign_ref> all;
    for (const auto& [ref, c] : campaigns_)
    {
        all.push_back(ref);
    }
    return all;
}

const lifecycle* active_queue::find_lifecycle(const campaign_ref& c) const
{
    const auto found = campaigns_.find(c);
    return found == campaigns_.end() ? nullptr : &found->second->life;
}
std::uint64_t active_queue::in_flight(const campaign_ref& c) const
{
    return entry(c).in_flight;
}
std::uint64_t active_queue::pending(const campaign_ref& c) const
{
    const auto& e = entry(c);
    return e.expansion.recipients - e.count.settled();
}
counters active_queue::counts(const campaign_ref& c) const
{
    return entry(c).count;
}
const expansion_state& active_queue::expansion(const campaign_ref& c) const
{
    return entry(c).expansion;
}

std::vector<lane_view> active_queue::lanes(const campaign_ref& c) const
{
    std::vector<lane_view> out;
    for (const auto& [part, index] : entry(c).lanes)
    {
        const auto& l = *lanes_[index];
        const std::uint64_t ahead =
            (static_cast<std::uint64_t>(l.chunks - l.next_chunk) << chunk_bits) +
            (l.chunk.size() - l.chunk_at);
        out.push_back({c, l.id, ahead + l.returned.size() + l.due_page.size(), l.in_flight,
                       l.next_due, l.damaged, l.rank});
    }
    return out;
}

} // namespace hikyaku::queue
