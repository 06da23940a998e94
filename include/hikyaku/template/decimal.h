#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::tmpl
{

/// Wide enough for the product of two coefficients.
__extension__ typedef __int128 wide_int;

/// A base-10 number: coefficient * 10^-scale, at most 18 significant digits.
/// 0.1 + 0.2 is 0.3. Normalised: no trailing zero in the coefficient unless it is zero (scale 0).
struct decimal
{
    std::int64_t coefficient = 0;
    std::int32_t scale = 0;

    friend bool operator==(const decimal&, const decimal&) = default;
};

/// The nearest decimal of up to 18 digits; scale is the number of digits after the point.
[[nodiscard]] decimal make_decimal(wide_int coefficient, std::int32_t scale) noexcept;
/// The shortest decimal that reads back as `d`. @pre d is finite
[[nodiscard]] decimal decimal_from_double(double d) noexcept;
/// Reads "-12.50", "3", "1e-7". nullopt for anything else.
[[nodiscard]] std::optional<decimal> parse_decimal(std::string_view text) noexcept;
/// As Ruby prints a Float: "2.5", "5.0", "1.0e+16", "1.0e-05".
void append_decimal(std::string& out, const decimal& d);

} // namespace hikyaku::tmpl
