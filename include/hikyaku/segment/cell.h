#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include <hikyaku/base/time.h>

namespace hikyaku::segment
{

/// A scaled integer: unscaled / 10^scale. Never a floating point number on the way.
struct decimal
{
    static constexpr std::uint8_t scale_max = 18;
    /// Digits parse_decimal takes, so that every value fits into 64 bits.
    static constexpr std::size_t digits_max = 18;

    std::int64_t unscaled = 0;
    std::uint8_t scale = 0;
};

/// By value: 1.50 equals 1.5. @pre both scales <= scale_max
[[nodiscard]] std::strong_ordering compare(const decimal& a, const decimal& b) noexcept;
/// "-12.50" with up to 18 digits; no exponent, no '+', a digit on both sides of the point.
[[nodiscard]] std::optional<decimal> parse_decimal(std::string_view text) noexcept;
/// Plain digits, without zeros at the end of the fraction. @pre d.scale <= scale_max
[[nodiscard]] std::string format_decimal(const decimal& d);

/// One value of a row. monostate, an empty text and an empty list are "missing". Texts are borrowed
/// from the row.
using cell = std::variant<std::monostate, std::int64_t, decimal, bool, std::string_view,
                          std::span<const std::string_view>, std::chrono::sys_days, wall_time>;

/// A contact as the evaluation sees it.
class row_view
{
public:
    virtual ~row_view() = default;
    /// The value in `slot`. What it borrows lives until the next call at least; slots that the row
    /// does not have are missing.
    [[nodiscard]] virtual cell value(std::uint32_t slot) const = 0;
};

} // namespace hikyaku::segment
