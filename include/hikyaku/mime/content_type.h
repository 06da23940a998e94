#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hikyaku::mime
{

inline constexpr std::size_t parameters_max = 64;
/// Longer header values are not looked at further.
inline constexpr std::size_t parameter_text_bytes_max = 16u << 10;

/// A Content-Type or Content-Disposition (RFC 2045 section 5.1, RFC 2183).
struct content_type
{
    /// Lower case, "multipart/report"; empty when there was none. A type without subtype stays as
    /// it is.
    std::string media;
    /// Names in lower case, values as UTF-8 without quotes; RFC 2231 continuations joined and
    /// their charsets decoded.
    std::vector<std::pair<std::string, std::string>> parameters;

    /// "" when absent.
    [[nodiscard]] std::string_view get(std::string_view name) const noexcept;
};

/// Reads what senders write: comments, missing quotes and stray semicolons are lived with.
[[nodiscard]] content_type parse_content_type(std::string_view value);

} // namespace hikyaku::mime
