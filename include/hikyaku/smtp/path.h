#pragma once

#include <string_view>

namespace hikyaku::smtp
{

/// RFC 5321 section 4.5.3.1.3: 256 octets with the angle brackets.
inline constexpr std::size_t path_bytes_max = 254;
inline constexpr std::size_t host_name_bytes_max = 255;

/// Whether `address` can stand between the angle brackets of MAIL or RCPT and end nowhere else: no
/// control characters, no space, '<' or '>' outside a quoted string, quotes closed, a local part
/// and a domain. Octets above 127 pass (RFC 6531); has_8bit() tells. Not a check of the address'
/// full syntax: that is mime's.
[[nodiscard]] bool is_safe_path(std::string_view address) noexcept;

/// Whether `name` can be the argument of EHLO: a host name or an address literal, visible ASCII.
[[nodiscard]] bool is_safe_host_name(std::string_view name) noexcept;

[[nodiscard]] bool has_8bit(std::string_view bytes) noexcept;

} // namespace hikyaku::smtp
