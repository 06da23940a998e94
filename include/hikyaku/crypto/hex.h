#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::crypto
{

/// Two lower-case digits per byte.
[[nodiscard]] std::string encode_hex(std::string_view bytes);
/// Either case; an odd length or a foreign character gives nullopt.
[[nodiscard]] std::optional<std::string> decode_hex(std::string_view text);

} // namespace hikyaku::crypto
