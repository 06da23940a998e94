#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace hikyaku::mime
{

[[nodiscard]] constexpr std::uint8_t to_byte(char c) noexcept
{
    return static_cast<std::uint8_t>(c);
}
[[nodiscard]] constexpr bool is_ascii_byte(char c) noexcept
{
    return to_byte(c) < 0x80;
}
/// C0 and DEL.
[[nodiscard]] constexpr bool is_control(char c) noexcept
{
    return to_byte(c) < 0x20 || to_byte(c) == 0x7F;
}
[[nodiscard]] constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_letter(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// RFC 5322 section 3.2.3.
[[nodiscard]] constexpr bool is_atext(char c) noexcept
{
    constexpr auto table = []
    {
        std::array<bool, 256> made{};
        for (std::size_t i = 0; i < 0x80; ++i)
        {
            const char at = static_cast<char>(i);
            made[i] = is_letter(at) || is_digit(at) ||
                      std::string_view("!#$%&'*+-/=?^_`{|}~").find(at) != std::string_view::npos;
        }
        return made;
    }();
    return table[to_byte(c)];
}

/// The value of a hexadecimal digit of either case, or -1.
[[nodiscard]] constexpr int hex_value(char c) noexcept
{
    if (is_digit(c))
    {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f')
    {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

inline constexpr std::string_view upper_hex = "0123456789ABCDEF";
inline constexpr std::string_view crlf = "\r\n";

} // namespace hikyaku::mime
