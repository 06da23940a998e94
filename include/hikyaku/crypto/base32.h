#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::crypto
{

/// Crockford's base 32 in lower case, most significant bits first, no padding: for places that
/// fold case, such as a mail address's local part.
[[nodiscard]] std::string encode_base32(std::string_view bytes);
/// Takes either case. Strict otherwise: foreign characters, impossible lengths and non-zero unused
/// bits give nullopt.
[[nodiscard]] std::optional<std::string> decode_base32(std::string_view text);

} // namespace hikyaku::crypto
