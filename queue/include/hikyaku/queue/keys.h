#pragma once

#include <string>

#include <hikyaku/queue/types.h>

namespace hikyaku::queue
{

/// Keys of the `queue` family (FORMAT.md). All numbers are big-endian, so keys sort as they do.
enum class row : char
{
    lifecycle = 'C',
    expansion = 'E',
    counters = 'Q',
    chunk = 'L',
    progress = 'P',
    deferred = 'D',
    domain = 'N',
    usage = 'U',
    warm_up = 'W',
    adaptation = 'A',
    suspensions = 'S',
    source = 'O',
};

/// kind + tenant + campaign: the prefix of every row of a campaign of that kind.
[[nodiscard]] std::string campaign_key(row kind, const campaign_ref& c);
[[nodiscard]] std::string lane_key(row kind, const campaign_ref& c, lane_id lane);
/// The prefix of a part's chunks; its progress row.
[[nodiscard]] std::string part_key(row kind, const campaign_ref& c, const lane_part& part);
[[nodiscard]] std::string chunk_key(const campaign_ref& c, const lane_part& part,
                                    std::uint32_t chunk);
[[nodiscard]] std::string progress_key(const campaign_ref& c, const lane_part& part);
[[nodiscard]] std::string deferred_key(const campaign_ref& c, lane_id lane, wall_time due,
                                       ordinal who);

/// Sizes of the parts, for readers of raw keys.
inline constexpr std::size_t campaign_key_bytes = 1 + 4 + 8;
inline constexpr std::size_t lane_key_bytes = campaign_key_bytes + 4;
inline constexpr std::size_t part_key_bytes = lane_key_bytes + 1;
inline constexpr std::size_t chunk_key_bytes = part_key_bytes + 4;
inline constexpr std::size_t deferred_key_bytes = lane_key_bytes + 8 + 4;

[[nodiscard]] campaign_ref campaign_of_key(std::string_view key);
[[nodiscard]] lane_id lane_of_key(std::string_view key);
/// Of a chunk's or a progress row's key.
[[nodiscard]] lane_part part_of_key(std::string_view key);

} // namespace hikyaku::queue
