#include "active_state.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/keys.h>

namespace hikyaku::queue
{

result<void> active_queue::load(bool clean)
{
    auto it = db_.queue().scan_prefix(std::string(1, static_cast<char>(row::lifecycle)));
    for (; it.valid(); it.next())
    {
        const auto ref = campaign_of_key(it.key());
        const auto life = decode_lifecycle(it.value());
        if (!life)
        {
            log::error("campaign_row_damaged",
                       {{"campaign", format_id("cmp", ref.campaign.value)}});
            continue;
        }
        if (life->closed || life->state == campaign_state::draft ||
            db_.find_tenant(ref.tenant) == nullptr)
        {
            continue;
        }
        const auto expansion = db_.queue().find(campaign_key(row::expansion, ref));
        const auto counts = db_.queue().find(campaign_key(row::counters, ref));
        if (expansion.has_error() || counts.has_error())
        {
            continue; // named in the log by the reader
        }
        const auto e = *expansion ? decode_expansion(**expansion)
                                  : std::optional<expansion_state>{expansion_state{}};
        const auto q = *counts ? decode_counters(**counts) : std::optional<counters>{counters{}};
        if (!e || !q)
        {
            log::error("campaign_row_damaged",
                       {{"campaign", format_id("cmp", ref.campaign.value)}});
            continue;
        }
        open_campaign(ref, *life, *e);
        entry(ref).count = *q;
        const auto lanes = load_lanes(entry(ref), clean);
        if (lanes.has_error())
        {
            log::error("campaign_lanes_damaged",
                       {{"campaign", format_id("cmp", ref.campaign.value)}});
        }
    }
    return it.status();
}

result<void> active_queue::load_lanes(campaign_entry& c, bool clean)
{
    // A lane may hold nothing but recipients that moved there, so both kinds are walked; each step
    // jumps over a whole lane.
    for (const row kind : {row::chunk, row::deferred})
    {
        auto it = db_.queue().scan_prefix(campaign_key(kind, c.ref));
        while (it.valid())
        {
            const lane_id lane = lane_of_key(it.key());
            if (!c.lanes.contains(lane))
            {
                const auto loaded = load_lane(c, lane, clean);
                if (loaded.has_error())
                {
                    return loaded;
                }
            }
            it.seek(store::prefix_end(lane_key(kind, c.ref, lane)));
        }
        const auto status = it.status();
        if (status.has_error())
        {
            return status;
        }
    }
    return {};
}

result<void> active_queue::load_lane(campaign_entry& c, lane_id lane, bool clean)
{
    const auto last = db_.queue().last_key(lane_key(row::chunk, c.ref, lane));
    const auto saved = db_.queue().find(progress_key(c.ref, lane, 0));
    auto& l = obtain_lane(c, lane);
    if (last.has_error() || saved.has_error())
    {
        mark_damaged(l, "progress");
        return {};
    }
    l.chunks = last->has_value()
                   ? get_be<std::uint32_t>(std::string_view(**last).substr(chunk_key_bytes - 4)) + 1
                   : 0;
    if (saved->has_value())
    {
        const auto settled = progress::decode(**saved);
        if (!settled)
        {
            mark_damaged(l, "progress");
            return {};
        }
        l.settled = *settled;
    }
    l.next_chunk = static_cast<std::uint32_t>(l.settled.low_water() >> chunk_bits);
    l.repeat_below = clean ? 0 : std::max(l.settled.leased(), l.settled.high_water());
    // Counted in recipients: chunks may be short, so places are no measure.
    l.repeat_left = clean ? 0 : l.margin.max();
    l.unclean = !clean;
    auto due = db_.queue().scan_prefix(lane_key(row::deferred, c.ref, lane));
    if (due.valid())
    {
        l.next_due = from_unix_ms(
            static_cast<std::int64_t>(get_be<std::uint64_t>(due.key().substr(lane_key_bytes))));
    }
    return due.status();
}

} // namespace hikyaku::queue
