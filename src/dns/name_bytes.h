#pragma once

namespace hikyaku::dns
{

/// What may stand in a label here: printing ASCII but no dot. NUL and dots inside a label would
/// make two different names look the same as text; the rest has no business in a host name.
[[nodiscard]] constexpr bool is_label_byte(char c) noexcept
{
    return c > ' ' && c <= '~' && c != '.';
}

/// What may stand in a label of a name that is only asked for, never connected to (RFC 2181 section
/// 11), and still has one reading as text.
[[nodiscard]] constexpr bool is_any_label_byte(char c) noexcept
{
    return c != '\0' && c != '.';
}

/// DNS compares names without ASCII case (RFC 4343).
[[nodiscard]] constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace hikyaku::dns
