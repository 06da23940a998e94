#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::dns
{

/// RFC 1035 section 2.3.4.
inline constexpr std::size_t label_bytes_max = 63;
/// Of the text form without the final dot; 255 on the wire.
inline constexpr std::size_t name_text_bytes_max = 253;

/// The form every name has inside these modules: lower-case ASCII, no final dot, "" is the root.
///
/// One final dot is taken off. Pure.
/// @returns nullopt when a label is empty or longer than 63 bytes, the name is too long, or a byte
///          is not a printing ASCII character (RFC 1035 section 2.3.4; IDNs come as A-labels).
[[nodiscard]] std::optional<std::string> canonical_name(std::string_view text);

/// The same for a name that is only asked for, as SPF's macros make them (RFC 7208 section 7.3): a
/// label may hold any byte but NUL and dot, in lower case as above.
[[nodiscard]] std::optional<std::string> canonical_query_name(std::string_view text);

/// True when `name` is `zone` or below it. Both canonical.
[[nodiscard]] bool is_at_or_below(std::string_view name, std::string_view zone) noexcept;

} // namespace hikyaku::dns
