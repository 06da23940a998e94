#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/expansion.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::queue
{

expander::expander(const store::reader& queue, campaign_ref campaign)
    : queue_(queue), campaign_(campaign)
{
}

result<std::uint32_t*> expander::next_chunk(const lane_part& part)
{
    if (const auto found = next_chunk_.find(part); found != next_chunk_.end())
    {
        return &found->second;
    }
    const auto last = queue_.last_key(part_key(row::chunk, campaign_, part));
    if (last.has_error())
    {
        return last.error();
    }
    std::uint32_t next = 0;
    if (last->has_value())
    {
        const std::string_view key = **last;
        next = get_be<std::uint32_t>(key.substr(key.size() - 4)) + 1;
    }
    return &next_chunk_.emplace(part, next).first->second;
}

result<lane_growth> expander::add_part(const lane_part& part,
                                       const std::vector<chunk_entry>& entries, store::record& out)
{
    const auto next = next_chunk(part);
    if (next.has_error())
    {
        return next.error();
    }
    std::uint32_t& chunk = **next;
    for (std::size_t first = 0; first < entries.size(); first += chunk_entries_max)
    {
        const auto last = std::min(entries.size(), first + chunk_entries_max);
        const std::vector<chunk_entry> some(entries.begin() + static_cast<std::ptrdiff_t>(first),
                                            entries.begin() + static_cast<std::ptrdiff_t>(last));
        out.put(store::space::queue, chunk_key(campaign_, part, chunk),
                encode_chunk(some, part.lane.is_tail()));
        ++chunk;
    }
    return lane_growth{part.lane, chunk, part.rank};
}

result<std::vector<lane_growth>> expander::add_page(const std::vector<chunk_entry>& recipients,
                                                    const expansion_state& after,
                                                    store::record& out,
                                                    std::span<const std::uint8_t> ranks)
{
    HK_ASSERT(ranks.empty() || ranks.size() == recipients.size());
    std::map<domain_id, std::size_t> per_domain;
    for (const auto& r : recipients)
    {
        ++per_domain[r.domain];
    }
    std::map<lane_part, std::vector<chunk_entry>> parts;
    for (std::size_t i = 0; i < recipients.size(); ++i)
    {
        const auto& r = recipients[i];
        const std::uint8_t rank = ranks.empty() ? 0 : ranks[i];
        HK_ASSERT(rank < ranks_max);
        const bool own = per_domain[r.domain] >= own_lane_min;
        const auto lane = own ? lane_id::of_domain(r.domain) : lane_id::tail_of(r.domain);
        parts[{lane, rank}].push_back(r);
    }
    std::vector<lane_growth> grown;
    for (const auto& [part, entries] : parts)
    {
        const auto added = add_part(part, entries, out);
        if (added.has_error())
        {
            return added.error();
        }
        grown.push_back(*added);
    }
    out.put(store::space::queue, campaign_key(row::expansion, campaign_), encode(after));
    return grown;
}

} // namespace hikyaku::queue
