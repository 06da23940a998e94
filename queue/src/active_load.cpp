#include "active_state.h"
#include "readable_scan.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/keys.h>

namespace hikyaku::queue
{

result<void> active_queue::load(bool clean)
{
    std::set<campaign_ref> seen;
    readable_scan it(db_.queue(), std::string(1, static_cast<char>(row::lifecycle)),
                     campaign_key_bytes);
    for (; it.valid(); it.next())
    {
        const auto ref = campaign_of_key(it.key());
        seen.insert(ref);
        const auto life = decode_lifecycle(it.value());
        if (!life)
        {
            mark_damaged(ref, "lifecycle");
            continue;
        }
        if (life->closed || life->state == campaign_state::draft ||
            db_.find_tenant(ref.tenant) == nullptr)
        {
            continue;
        }
        load_campaign(ref, *life, clean);
    }
    if (it.stepped_over())
    {
        if (seen.empty())
        {
            return store::make_error_code(store::errc::corrupt); // nothing to go on with
        }
        name_unseen(seen);
    }
    return {};
}

void active_queue::load_campaign(const campaign_ref& ref, const lifecycle& life, bool clean)
{
    const auto expansion = db_.queue().find(campaign_key(row::expansion, ref));
    const auto counts = db_.queue().find(campaign_key(row::counters, ref));
    if (expansion.has_error() || counts.has_error())
    {
        mark_damaged(ref, expansion.has_error() ? "expansion" : "counters");
        return;
    }
    const auto e = *expansion ? decode_expansion(**expansion)
                              : std::optional<expansion_state>{expansion_state{}};
    const auto q = *counts ? decode_counters(**counts) : std::optional<counters>{counters{}};
    if (!e || !q)
    {
        mark_damaged(ref, !e ? "expansion" : "counters");
        return;
    }
    open_campaign(ref, life, *e);
    entry(ref).count = *q;
    load_lanes(entry(ref), clean);
}

/// Campaigns whose C row may be what could not be read: others of their rows say that they exist.
void active_queue::name_unseen(const std::set<campaign_ref>& seen)
{
    for (const row kind : {row::expansion, row::counters, row::chunk, row::progress, row::deferred})
    {
        readable_scan it(db_.queue(), std::string(1, static_cast<char>(kind)), deferred_key_bytes);
        while (it.valid())
        {
            const auto ref = campaign_of_key(it.key());
            if (!seen.contains(ref) && db_.find_tenant(ref.tenant) != nullptr)
            {
                mark_damaged(ref, "lifecycle");
            }
            it.seek(store::prefix_end(campaign_key(kind, ref)));
        }
    }
}

void active_queue::mark_damaged(const campaign_ref& ref, std::string_view what)
{
    if (damaged_campaigns_.insert(ref).second)
    {
        log::error("campaign_damaged",
                   {{"campaign", format_id("cmp", ref.campaign.value)},
                    {"row", what},
                    {"effect", "recipients that can't be read stay pending; the others go on"}});
    }
}

void active_queue::load_lanes(campaign_entry& c, bool clean)
{
    // A lane may hold nothing but recipients that moved there, and of a damaged one only its
    // progress may be left; each step jumps over a whole part.
    for (const row kind : {row::chunk, row::deferred, row::progress})
    {
        readable_scan it(db_.queue(), campaign_key(kind, c.ref), deferred_key_bytes);
        while (it.valid())
        {
            const lane_part part =
                kind == row::deferred ? lane_part{lane_of_key(it.key()), 0} : part_of_key(it.key());
            load_lane(c, part, clean);
            it.seek(store::prefix_end(kind == row::deferred ? lane_key(kind, c.ref, part.lane)
                                                            : part_key(kind, c.ref, part)));
        }
        if (it.stepped_over())
        {
            // There may be lanes that no readable row tells of. They count as pending.
            mark_damaged(c.ref, kind == row::chunk      ? "chunk"
                                : kind == row::deferred ? "deferred"
                                                        : "progress");
        }
    }
}

/// Once for each part; that of rank 0 before the others of its lane.
void active_queue::load_lane(campaign_entry& c, const lane_part& part, bool clean)
{
    if (c.lanes.contains(part))
    {
        return;
    }
    if (part.rank != 0)
    {
        load_lane(c, {part.lane, 0}, clean);
    }
    const auto last = db_.queue().last_key(part_key(row::chunk, c.ref, part));
    const auto saved = db_.queue().find(progress_key(c.ref, part));
    auto& l = obtain_lane(c, part);
    if (last.has_error() || saved.has_error() || part.rank >= ranks_max)
    {
        mark_damaged(l, saved.has_error() ? "progress" : "chunk");
        return;
    }
    l.chunks = last->has_value()
                   ? get_be<std::uint32_t>(std::string_view(**last).substr(part_key_bytes)) + 1
                   : 0;
    if (saved->has_value())
    {
        const auto settled = progress::decode(**saved);
        if (!settled)
        {
            mark_damaged(l, "progress");
            return;
        }
        l.settled = *settled;
    }
    l.next_chunk = static_cast<std::uint32_t>(l.settled.low_water() >> chunk_bits);
    // Not the high-water mark: places that a short chunk does not fill count as settled.
    l.repeat_below = clean ? 0 : l.settled.leased();
    // Counted in recipients: chunks may be short, so places are no measure.
    l.repeat_left = clean ? 0 : l.margin.max();
    l.unclean = !clean;
    if (part.rank == 0)
    {
        load_retries(l);
    }
}

void active_queue::load_retries(lane_state& l)
{
    auto due = db_.queue().scan_prefix(lane_key(row::deferred, l.owner->ref, l.id));
    if (due.valid())
    {
        l.next_due = from_unix_ms(
            static_cast<std::int64_t>(get_be<std::uint64_t>(due.key().substr(lane_key_bytes))));
    }
    else if (due.status().has_error())
    {
        mark_damaged(l, "deferred");
    }
}

} // namespace hikyaku::queue
