#include <hikyaku/queue/find_recipient.h>

#include <algorithm>

#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/chunk.h>
#include <hikyaku/queue/keys.h>
#include <hikyaku/queue/progress.h>
#include <hikyaku/queue/rows.h>

namespace hikyaku::queue
{
namespace
{

using found_place = result<std::optional<recipient_place>>;

/// Among those that wait for a retry.
found_place find_deferred(const store::reader& queue, const campaign_ref& c, lane_id lane,
                          ordinal who)
{
    std::uint64_t ahead = 0;
    auto it = queue.scan_prefix(lane_key(row::deferred, c, lane));
    for (; it.valid(); it.next(), ++ahead)
    {
        const auto tail = it.key().substr(lane_key_bytes);
        if (get_be<std::uint32_t>(tail.substr(8)) != who.value)
        {
            continue;
        }
        const auto row = decode_deferred(it.value());
        if (!row)
        {
            return std::optional<recipient_place>{};
        }
        recipient_place out;
        out.due = from_unix_ms(static_cast<std::int64_t>(get_be<std::uint64_t>(tail)));
        out.state = row->state;
        out.ahead = ahead;
        return std::optional(out);
    }
    if (const auto status = it.status(); status.has_error())
    {
        return status.error();
    }
    return std::optional<recipient_place>{};
}

/// Among all of one rank.
found_place find_fresh(const store::reader& queue, const campaign_ref& c, const lane_part& part,
                       domain_id domain, ordinal who)
{
    const bool is_tail = part.lane.is_tail();
    auto it = queue.scan_prefix(part_key(row::chunk, c, part));
    for (; it.valid(); it.next())
    {
        const auto entries =
            decode_chunk(it.value(), is_tail ? domain_id{} : domain_id{part.lane.value});
        if (!entries || entries->empty() || entries->back().who < who)
        {
            continue;
        }
        const auto at = std::lower_bound(entries->begin(), entries->end(), who,
                                         [](const chunk_entry& e, ordinal o) { return e.who < o; });
        if (at == entries->end() || at->who != who || (is_tail && at->domain != domain))
        {
            break; // ordinals ascend over all of a rank
        }
        const auto chunk = get_be<std::uint32_t>(it.key().substr(part_key_bytes));
        const position place = (static_cast<position>(chunk) << chunk_bits) +
                               static_cast<position>(at - entries->begin());
        const auto saved = queue.find(progress_key(c, part));
        if (saved.has_error())
        {
            return saved.error();
        }
        const auto settled = *saved ? progress::decode(**saved) : std::optional(progress{});
        recipient_place out;
        out.settled = settled && settled->is_settled(place);
        out.ahead = settled && place > settled->low_water() ? place - settled->low_water() : 0;
        return std::optional(out);
    }
    if (const auto status = it.status(); status.has_error())
    {
        return status.error();
    }
    return std::optional<recipient_place>{};
}

/// Among all of the lane, the ranks that it has.
found_place find_in_parts(const store::reader& queue, const campaign_ref& c, lane_id lane,
                          domain_id domain, ordinal who)
{
    auto it = queue.scan_prefix(lane_key(row::chunk, c, lane));
    while (it.valid())
    {
        const auto part = part_of_key(it.key());
        auto found = find_fresh(queue, c, part, domain, who);
        if (found.has_error() || *found)
        {
            return found;
        }
        it.seek(store::prefix_end(part_key(row::chunk, c, part)));
    }
    if (const auto status = it.status(); status.has_error())
    {
        return status.error();
    }
    return std::optional<recipient_place>{};
}

} // namespace

found_place find_recipient(const store::reader& queue, const campaign_ref& c, domain_id domain,
                           ordinal who)
{
    for (const auto lane : {lane_id::of_domain(domain), lane_id::tail_of(domain)})
    {
        auto found = find_deferred(queue, c, lane, who);
        if (found.has_error() || *found)
        {
            return found;
        }
        found = find_in_parts(queue, c, lane, domain, who);
        if (found.has_error() || *found)
        {
            return found;
        }
    }
    return std::optional<recipient_place>{};
}

} // namespace hikyaku::queue
