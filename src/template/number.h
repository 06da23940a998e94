#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "machine.h"

namespace hikyaku::tmpl
{

/// An integer or a decimal.
struct number
{
    bool is_integer = true;
    std::int64_t whole = 0;
    decimal fraction;

    [[nodiscard]] decimal as_decimal() const noexcept
    {
        return is_integer ? make_decimal(whole, 0) : fraction;
    }
    [[nodiscard]] value as_value() const noexcept
    {
        return is_integer ? value::integer(whole) : value::number(fraction);
    }
};

/// As Liquid's arithmetic filters read a value: numbers, strings that start with one, else 0.
[[nodiscard]] number to_number(const value& v) noexcept;
/// The integer at the front of a text, saturated; 0 when there is none.
[[nodiscard]] std::int64_t leading_integer(std::string_view text) noexcept;
/// For lengths and counts: integers and strings that are one. nullopt: "invalid integer".
[[nodiscard]] std::optional<std::int64_t> to_integer(const value& v) noexcept;

[[nodiscard]] std::strong_ordering compare_decimals(const decimal& a, const decimal& b) noexcept;
[[nodiscard]] decimal add(const decimal& a, const decimal& b) noexcept;
[[nodiscard]] decimal multiply(const decimal& a, const decimal& b) noexcept;
/// Exact up to 17 digits, else the nearest binary double's shortest form, as Ruby prints it.
/// @pre b is not zero
[[nodiscard]] decimal divide(const decimal& a, const decimal& b) noexcept;
/// The sign is that of b. @pre b is not zero
[[nodiscard]] decimal modulo(const decimal& a, const decimal& b) noexcept;

enum class rounding : std::uint8_t
{
    half_up, ///< away from zero
    floor,
    ceiling,
};
/// Rounds to `digits` after the point (negative: before it).
[[nodiscard]] decimal round_to(const decimal& d, std::int32_t digits, rounding how) noexcept;
/// @pre d has no fraction. nullopt: out of range
[[nodiscard]] std::optional<std::int64_t> to_whole(const decimal& d) noexcept;

} // namespace hikyaku::tmpl
