#pragma once

#include <map>
#include <span>
#include <vector>

#include <hikyaku/queue/chunk.h>
#include <hikyaku/queue/rows.h>
#include <hikyaku/store/database.h>

namespace hikyaku::queue
{

/// How far a lane reaches after a page.
struct lane_growth
{
    lane_id lane;
    /// Chunks of the lane's part that exist now.
    std::uint32_t chunks = 0;
    std::uint8_t rank = 0;
};

/// Turns pages of recipients into chunk rows. One per campaign that expands; one thread.
/// A domain gets a lane of its own once a page holds enough of it; the rest share tail lanes.
class expander
{
public:
    /// A domain with at least this many recipients in a page has its own lane.
    static constexpr std::size_t own_lane_min = 64;

    expander(const store::reader& queue, campaign_ref campaign);

    /// Adds a page to `out`: chunks and the E row, to be committed together with new domain rows.
    /// `recipients` in ascending ordinal order, ordinals above those of earlier pages.
    /// `ranks` belong to them one by one, below ranks_max; empty: all have rank 0.
    /// @returns the parts of lanes that grew: for the scheduler, once durable.
    /// @error store::errc::corrupt  where a lane ends can't be read; `out` is then of no use.
    [[nodiscard]] result<std::vector<lane_growth>>
    add_page(const std::vector<chunk_entry>& recipients, const expansion_state& after,
             store::record& out, std::span<const std::uint8_t> ranks = {});

private:
    [[nodiscard]] result<std::uint32_t*> next_chunk(const lane_part& part);
    [[nodiscard]] result<lane_growth>
    add_part(const lane_part& part, const std::vector<chunk_entry>& entries, store::record& out);

    const store::reader& queue_;
    campaign_ref campaign_;
    std::map<lane_part, std::uint32_t> next_chunk_;
};

} // namespace hikyaku::queue
