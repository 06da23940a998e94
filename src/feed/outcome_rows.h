#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/feed/outcome_index.h>

namespace hikyaku::feed
{

/// Rows of the outcome index (FORMAT.md). Block numbers are stored as their complement, so that
/// ascending keys are newest first.
inline constexpr char outcome_kind = 'X';
inline constexpr char campaign_block_kind = 'Y';
inline constexpr char folded_kind = 'y';

/// One fact of a recipient's row.
struct outcome_entry
{
    std::size_t index = 0;
    queue::disposition what = queue::disposition::delivered;
    campaign_id campaign;
    friend bool operator==(const outcome_entry&, const outcome_entry&) = default;
};

[[nodiscard]] std::string outcome_key(const recipient_ref& who, std::uint64_t block);
/// Prefix of all rows of a recipient.
[[nodiscard]] std::string outcome_prefix(const recipient_ref& who);
[[nodiscard]] std::string campaign_block_key(campaign_id campaign, std::uint64_t block);
[[nodiscard]] std::string folded_key();
/// The block's number from either kind of key. @pre the key has one
[[nodiscard]] std::uint64_t block_of_key(std::string_view key);

/// Descending by index: newest first.
[[nodiscard]] std::string encode_outcomes(const std::vector<outcome_entry>& entries);
/// nullopt when damaged.
[[nodiscard]] std::optional<std::vector<outcome_entry>> decode_outcomes(std::string_view value);
/// Both a number: facts in the block, last block folded.
[[nodiscard]] std::string encode_number(std::uint64_t n);
[[nodiscard]] std::optional<std::uint64_t> decode_number(std::string_view value);

} // namespace hikyaku::feed
