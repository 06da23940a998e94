#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::mime
{

/// Longest charset name looked at; the registered ones have at most 45 characters.
inline constexpr std::size_t charset_name_bytes_max = 45;

/// The bytes of a text in an IANA charset, as UTF-8. Bytes that mean nothing there become U+FFFD,
/// so the result is always well-formed. Japanese mail is read as it is written, not as labelled:
/// "shift_jis" as CP932, "euc-jp" as EUC-JP-MS, "iso-2022-jp" with the later sets.
/// @returns nullopt when the charset is unknown
/// Any thread.
[[nodiscard]] std::optional<std::string> to_utf8(std::string_view bytes, std::string_view charset);

} // namespace hikyaku::mime
