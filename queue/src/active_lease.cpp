#include "active_state.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::queue
{

namespace
{

/// When a lane is looked at again whose rows were still on their way to the disk.
constexpr auto rescan_after = milliseconds{1000};
/// When a lane is looked at again that waits for its row to become durable.
constexpr auto margin_again_after = milliseconds{50};

} // namespace

bool active_queue::load_chunk(lane_state& l)
{
    if (l.can_load())
    {
        const std::uint32_t number = l.next_chunk;
        const auto bytes = db_.queue().find(chunk_key(l.owner->ref, l.part(), number));
        const auto entries = bytes.has_value() && bytes->has_value()
                                 ? decode_chunk(**bytes, domain_id{l.id.value})
                                 : std::nullopt;
        if (!entries)
        {
            mark_damaged(l, "chunk");
            return false;
        }
        const position first = static_cast<position>(number) << chunk_bits;
        ++l.next_chunk;
        l.chunk = *entries;
        l.chunk_first = first;
        l.chunk_at = 0;
        // A short chunk's missing places will never be settled by anybody else.
        for (position p = first + entries->size(); p < first + chunk_entries_max; ++p)
        {
            l.settled.settle(p);
        }
        return true;
    }
    return false;
}

/// Keeps the invariant of lease_margin. What the database reads is durable.
bool active_queue::may_hand_out(lane_state& l)
{
    if (!l.margin.is_used_up())
    {
        return true;
    }
    if (l.margin.may_grow())
    {
        const auto row = db_.queue().find(progress_key(l.owner->ref, l.part()));
        const auto durable =
            row.has_value() && row->has_value() ? progress::decode(**row) : std::nullopt;
        if (row.has_error() || (row->has_value() && !durable))
        {
            mark_damaged(l, "progress");
            return false;
        }
        if (durable)
        {
            l.margin.saw_durable(durable->leased());
        }
    }
    return !l.margin.is_used_up();
}

std::optional<lease> active_queue::next_fresh(lane_state& l)
{
    if (l.damaged || !l.may_begin() || !may_hand_out(l))
    {
        return std::nullopt;
    }
    while (true)
    {
        while (l.chunk_at < l.chunk.size())
        {
            const auto at = l.chunk_at++;
            const position place = l.chunk_first + at;
            if (!l.settled.is_settled(place))
            {
                lease made;
                made.campaign = l.owner->ref;
                made.lane = l.index;
                made.who = l.chunk[at].who;
                made.domain = l.chunk[at].domain;
                made.place = place;
                made.rank = l.rank;
                made.maybe_repeat = place < l.repeat_below || l.repeat_left > 0;
                l.repeat_left -= place >= l.repeat_below && l.repeat_left > 0 ? 1 : 0;
                l.settled.note_leased(place + 1);
                l.margin.note_fresh();
                return made;
            }
        }
        if (!load_chunk(l))
        {
            return std::nullopt;
        }
    }
}

/// Drops what is remembered of retries whose rows are gone from the disk. @returns whether there
/// is room again
bool active_queue::forget_gone(lane_state& l)
{
    std::vector<std::string> keys;
    keys.reserve(l.due_gone.size());
    for (const auto& [due, who] : l.due_gone)
    {
        keys.push_back(deferred_key(l.owner->ref, l.id, due, who));
    }
    std::vector<std::optional<std::string>> rows;
    if (db_.queue().find_many(keys, rows).has_error())
    {
        mark_damaged(l, "deferred");
        return false;
    }
    auto at = l.due_gone.begin();
    for (const auto& row : rows)
    {
        at = row ? std::next(at) : l.due_gone.erase(at);
    }
    return l.due_gone.size() < due_gone_max;
}

void active_queue::load_due(lane_state& l, wall_time now)
{
    if (l.unclean)
    {
        // What the process before had in flight was due then, whatever the clock does since.
        l.unclean = false;
        l.repeat_until = std::max(now, db_.last_time_mark());
    }
    if (l.damaged || !l.due_page.empty() || l.next_due == wall_time{} || l.next_due > now)
    {
        return;
    }
    const std::string prefix = lane_key(row::deferred, l.owner->ref, l.id);
    const std::string from = l.due_cursor.empty() ? prefix : l.due_cursor;
    // Rows that are not durable yet are not seen by the scan: then it is made again.
    const bool all_durable = db_.backlog_bytes() == 0;
    const bool sees_all = !l.maybe_unseen || all_durable;
    l.maybe_unseen = !sees_all;
    if (all_durable)
    {
        l.due_gone.clear();
    }
    else if (l.due_gone.size() >= due_gone_max && !forget_gone(l))
    {
        l.maybe_unseen = true;
        l.next_due = now + rescan_after;
        return;
    }
    auto it = db_.queue().scan(from, store::prefix_end(prefix));
    l.next_due = {};
    for (; it.valid(); it.next())
    {
        const auto due = from_unix_ms(
            static_cast<std::int64_t>(get_be<std::uint64_t>(it.key().substr(lane_key_bytes))));
        const ordinal who{get_be<std::uint32_t>(it.key().substr(lane_key_bytes + 8))};
        if (l.due_out.contains({due, who}) || l.due_gone.contains({due, who}))
        {
            continue;
        }
        if ((due > now && !l.hurried) || l.due_page.size() == due_page)
        {
            l.next_due = l.hurried ? wall_time{milliseconds{1}} : due;
            break;
        }
        const auto value = decode_deferred(it.value());
        if (!value)
        {
            mark_damaged(l, "deferred");
            return;
        }
        lease made;
        made.campaign = l.owner->ref;
        made.lane = l.index;
        made.who = who;
        made.domain = value->domain;
        made.due = due;
        made.maybe_repeat = due <= l.repeat_until || value->state.maybe_repeat;
        made.state = value->state;
        made.rank = value->rank;
        l.due_page.push_back(made);
        l.due_out.emplace(due, who);
        l.due_cursor = std::string(it.key());
    }
    l.hurried = l.hurried && it.valid();
    if (it.status().has_error())
    {
        mark_damaged(l, "deferred");
    }
    if (!sees_all)
    {
        const auto again = now + rescan_after;
        l.due_cursor.clear();
        l.next_due = l.next_due == wall_time{} ? again : std::min(l.next_due, again);
    }
    // Taken from the back.
    std::reverse(l.due_page.begin(), l.due_page.end());
}

bool active_queue::has_ready(lane_index lane, wall_time now)
{
    auto& l = *lanes_[lane];
    if (!l.owner->may_send(now) || l.damaged)
    {
        return false;
    }
    const bool has_fresh = l.may_begin() && (l.chunk_at < l.chunk.size() || l.can_load()) &&
                           (!l.margin.is_used_up() || l.margin.may_grow());
    return !l.returned.empty() || !l.due_page.empty() || has_fresh ||
           (l.next_due != wall_time{} && l.next_due <= now);
}

wall_time active_queue::next_wake(lane_index lane, wall_time now) const
{
    const auto& l = *lanes_[lane];
    if (l.damaged || now >= l.owner->life.expires_at)
    {
        return {};
    }
    if (now < l.owner->life.send_at)
    {
        return l.owner->life.send_at;
    }
    if (!l.owner->may_send(now))
    {
        return {}; // paused or about to be closed: whoever changes that wakes the lanes
    }
    const bool waits_for_row =
        l.may_begin() && l.margin.is_used_up() && (l.chunk_at < l.chunk.size() || l.can_load());
    const auto again = now + margin_again_after;
    return waits_for_row ? (l.next_due == wall_time{} ? again : std::min(l.next_due, again))
                         : l.next_due;
}

std::size_t active_queue::take(lane_index lane, std::size_t count, wall_time now,
                               std::vector<lease>& out)
{
    auto& l = *lanes_[lane];
    if (!l.owner->may_send(now))
    {
        return 0;
    }
    std::size_t taken = 0;
    load_due(l, now);
    while (taken < count)
    {
        if (!l.returned.empty())
        {
            out.push_back(l.returned.back());
            l.returned.pop_back();
        }
        else if (!l.due_page.empty())
        {
            out.push_back(l.due_page.back());
            l.due_page.pop_back();
        }
        else if (auto fresh = next_fresh(l))
        {
            out.push_back(*fresh);
        }
        else
        {
            break;
        }
        ++taken;
    }
    l.in_flight += taken;
    l.owner->in_flight += taken;
    return taken;
}

void active_queue::give_back(const lease& l)
{
    auto& lane = *lanes_[l.lane];
    HK_ASSERT(lane.in_flight > 0);
    --lane.in_flight;
    --lane.owner->in_flight;
    lane.returned.push_back(l);
}

void active_queue::hurry(const campaign_ref& c)
{
    for (const auto& [part, index] : entry(c).lanes)
    {
        auto& l = *lanes_[index];
        if (l.next_due != wall_time{})
        {
            l.hurried = true;
            l.due_cursor.clear();
            l.next_due = wall_time{milliseconds{1}};
        }
    }
}

} // namespace hikyaku::queue
