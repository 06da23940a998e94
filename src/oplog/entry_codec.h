#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/oplog/operation_log.h>

namespace hikyaku::oplog
{

/// First byte of an entry's key in the tenant's family; the seq follows, eight bytes big-endian.
inline constexpr char entry_kind = 'O';
[[nodiscard]] std::string entry_key(std::uint64_t seq);
/// The value without its hash, which is what the hash covers (after the previous hash).
[[nodiscard]] std::string encode_body(const entry& e);
[[nodiscard]] std::string chain_hash(std::string_view previous, std::string_view body);
/// Key and whole value to entry; nullopt when damaged.
[[nodiscard]] std::optional<entry> decode_entry(std::string_view key, std::string_view value);
inline constexpr std::size_t hash_bytes = 32;

} // namespace hikyaku::oplog
