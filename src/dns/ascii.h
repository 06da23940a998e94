#pragma once

#include <algorithm>
#include <string_view>

#include "name_bytes.h"

namespace hikyaku::dns
{

[[nodiscard]] constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_alpha(char c) noexcept
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}
[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept
{
    return is_alpha(c) || is_digit(c);
}

/// The strings of ABNF compare without case (RFC 5234 section 2.3). `small` is in lower case.
[[nodiscard]] constexpr bool equals_no_case(std::string_view text, std::string_view small) noexcept
{
    return std::equal(text.begin(), text.end(), small.begin(), small.end(),
                      [](char a, char b) { return lower(a) == b; });
}

} // namespace hikyaku::dns
