#pragma once

#include <map>
#include <set>
#include <vector>

#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/progress.h>

#include "lease_margin.h"

namespace hikyaku::queue
{

struct active_queue::campaign_entry
{
    campaign_ref ref;
    lifecycle life;
    expansion_state expansion;
    counters count;
    std::map<lane_part, lane_index> lanes;
    std::uint64_t in_flight = 0;
    bool is_touched = false;
    bool closed = false;

    [[nodiscard]] bool may_send(wall_time now) const
    {
        const bool live =
            life.state == campaign_state::sending || life.state == campaign_state::expanding;
        return live && !closed && now < life.expires_at && now >= life.send_at;
    }
};

struct active_queue::lane_state
{
    explicit lane_state(std::uint64_t margin_max) : margin(margin_max) {}

    campaign_entry* owner = nullptr;
    lane_index index = 0;
    lane_id id;
    std::uint8_t rank = 0;
    /// The part of rank 0, which has the retries.
    lane_index base = 0;
    progress settled;
    /// Chunks that exist, and the next one to read.
    std::uint32_t chunks = 0;
    std::uint32_t next_chunk = 0;
    /// The chunk being handed out.
    std::vector<chunk_entry> chunk;
    position chunk_first = 0;
    std::size_t chunk_at = 0;
    /// Handed out and not used.
    std::vector<lease> returned;
    /// Retries read from disk and not handed out yet; the next page starts behind the cursor.
    std::vector<lease> due_page;
    std::string due_cursor;
    wall_time next_due{};
    std::uint64_t in_flight = 0;
    /// First attempts ahead of the durable row.
    lease_margin margin;
    position repeat_below = 0;
    /// Recipients above it that may be repeats too: in flight, and no row says so.
    std::uint64_t repeat_left = 0;
    /// After an unclean stop: retries that were due when the lane was first looked at.
    bool unclean = false;
    wall_time repeat_until{};
    /// D rows that are in memory: in due_page, in `returned` or handed out.
    std::set<std::pair<wall_time, ordinal>> due_out;
    /// D rows that were settled; their deletion may not be durable yet, so a scan may see them.
    /// At most due_gone_max, and what was handed out before it was reached.
    std::set<std::pair<wall_time, ordinal>> due_gone;
    /// Retries are taken whatever their time says, until all were.
    bool hurried = false;
    /// D rows were handed to the store since the last scan that was sure to see all of them.
    bool maybe_unseen = false;
    bool damaged = false;
    bool is_touched = false;

    [[nodiscard]] lane_part part() const { return {id, rank}; }

    /// A better rank may still come while the campaign expands.
    [[nodiscard]] bool may_begin() const { return rank == 0 || owner->expansion.complete; }

    /// There is a next chunk, and it is not too far ahead of what is settled.
    [[nodiscard]] bool can_load() const
    {
        return next_chunk < chunks && ((static_cast<position>(next_chunk) + 1) << chunk_bits) <=
                                          settled.low_water() + progress::window_max;
    }
};

} // namespace hikyaku::queue
