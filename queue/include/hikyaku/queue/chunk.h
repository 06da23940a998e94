#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/queue/types.h>

namespace hikyaku::queue
{

/// One recipient in a lane.
struct chunk_entry
{
    ordinal who;
    domain_id domain;
    friend bool operator==(const chunk_entry&, const chunk_entry&) = default;
};

/// Encodes up to 512 entries with ascending ordinals; the domain is written only for tail lanes.
/// @pre 0 < entries.size() <= chunk_entries_max, ordinals strictly ascending
[[nodiscard]] std::string encode_chunk(const std::vector<chunk_entry>& entries, bool tail);
/// nullopt when the bytes are damaged. `domain` is the lane's, for lanes of one domain.
[[nodiscard]] std::optional<std::vector<chunk_entry>> decode_chunk(std::string_view bytes,
                                                                   domain_id domain);

} // namespace hikyaku::queue
