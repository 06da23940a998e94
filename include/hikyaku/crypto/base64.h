#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::crypto
{

/// Standard alphabet with padding, one line (RFC 4648 section 4). Appends to `out`.
void append_base64(std::string& out, std::string_view bytes);
[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// The URL-safe alphabet without padding (RFC 4648 section 5).
[[nodiscard]] std::string encode_base64url(std::string_view bytes);

/// Strict: canonical text only. Missing padding, white space, foreign characters or non-zero
/// unused bits give nullopt.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
/// Strict like decode_base64; padding is refused.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

} // namespace hikyaku::crypto
