#include "number.h"

#include "markup_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace hikyaku::tmpl
{
namespace
{

constexpr std::int32_t alignable_max = 18;

wide_int power_of_ten(std::int32_t exponent) noexcept
{
    wide_int p = 1;
    for (; exponent > 0; --exponent)
    {
        p *= 10;
    }
    return p;
}

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && is_space(text.front()))
    {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back()))
    {
        text.remove_suffix(1);
    }
    return text;
}

/// The magnitude's place: 10^place <= |d| < 10^(place+1).
std::int32_t place_of(const decimal& d) noexcept
{
    std::int32_t digits = 0;
    for (auto c = d.coefficient; c != 0; c /= 10)
    {
        ++digits;
    }
    return digits - d.scale - 1;
}

/// Both coefficients at one scale. @pre the scales differ by alignable_max at most
struct aligned
{
    wide_int a;
    wide_int b;
    std::int32_t scale;
};

aligned align(const decimal& a, const decimal& b) noexcept
{
    const auto scale = std::max(a.scale, b.scale);
    return {a.coefficient * power_of_ten(scale - a.scale),
            b.coefficient * power_of_ten(scale - b.scale), scale};
}

bool alignable(const decimal& a, const decimal& b) noexcept
{
    return std::max(a.scale, b.scale) - std::min(a.scale, b.scale) <= alignable_max;
}

} // namespace

std::int64_t leading_integer(std::string_view text) noexcept
{
    while (!text.empty() && is_space(text.front()))
    {
        text.remove_prefix(1);
    }
    if (text.starts_with('+'))
    {
        text.remove_prefix(text.size() > 1 && text[1] == '-' ? text.size() : 1);
    }
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec == std::errc::result_out_of_range)
    {
        return text.starts_with('-') ? std::numeric_limits<std::int64_t>::min()
                                     : std::numeric_limits<std::int64_t>::max();
    }
    return ec == std::errc{} ? n : 0;
}

number to_number(const value& v) noexcept
{
    if (v.kind() == value_kind::integer)
    {
        return {true, v.as_integer(), {}};
    }
    if (v.kind() == value_kind::decimal)
    {
        return {false, 0, v.as_decimal()};
    }
    if (v.kind() != value_kind::string)
    {
        return {};
    }
    const auto text = trimmed(v.as_string());
    const bool has_point = text.find('.') != std::string_view::npos &&
                           text.find_first_of("eE") == std::string_view::npos;
    if (const auto d = has_point ? parse_decimal(text) : std::nullopt)
    {
        return {false, 0, *d};
    }
    return {true, leading_integer(text), {}};
}

std::optional<std::int64_t> to_integer(const value& v) noexcept
{
    if (v.kind() == value_kind::integer)
    {
        return v.as_integer();
    }
    if (v.kind() != value_kind::string)
    {
        return std::nullopt;
    }
    auto text = trimmed(v.as_string());
    if (text.size() > 1 && text.front() == '+' && text[1] != '-')
    {
        text.remove_prefix(1);
    }
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    return ec == std::errc{} && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
}

std::strong_ordering compare_decimals(const decimal& a, const decimal& b) noexcept
{
    const auto sign = [](const decimal& d)
    {
        return d.coefficient == 0 ? 0 : d.coefficient < 0 ? -1 : 1;
    };
    if (sign(a) != sign(b) || sign(a) == 0)
    {
        return sign(a) <=> sign(b);
    }
    const auto place_a = place_of(a);
    const auto place_b = place_of(b);
    if (place_a != place_b)
    {
        return sign(a) > 0 ? place_a <=> place_b : place_b <=> place_a;
    }
    const auto both = align(a, b); // one place: the scales differ by the digits at most
    return both.a < both.b   ? std::strong_ordering::less
           : both.a > both.b ? std::strong_ordering::greater
                             : std::strong_ordering::equal;
}

decimal add(const decimal& a, const decimal& b) noexcept
{
    if (a.coefficient == 0 || b.coefficient == 0)
    {
        return a.coefficient == 0 ? b : a;
    }
    if (!alignable(a, b))
    {
        return place_of(a) > place_of(b) ? a : b; // the other one is below the last digit
    }
    const auto both = align(a, b);
    return make_decimal(both.a + both.b, both.scale);
}

decimal multiply(const decimal& a, const decimal& b) noexcept
{
    return make_decimal(static_cast<wide_int>(a.coefficient) * b.coefficient, a.scale + b.scale);
}

decimal divide(const decimal& a, const decimal& b) noexcept
{
    if (a.coefficient == 0)
    {
        return {};
    }
    constexpr wide_int room = static_cast<wide_int>(1) << 123;
    wide_int top = a.coefficient;
    std::int32_t scale = a.scale - b.scale;
    while (top < room / 10 && top > -room / 10)
    {
        top *= 10;
        ++scale;
    }
    const auto quotient = make_decimal(top / b.coefficient, scale);
    constexpr std::int64_t exact_limit = 100'000'000'000'000'000; // 17 digits
    if (top % b.coefficient == 0 && quotient.coefficient < exact_limit &&
        quotient.coefficient > -exact_limit)
    {
        return quotient;
    }
    std::array<char, 48> text{};
    auto* const end = text.data() + text.size();
    auto at = std::to_chars(text.data(), end, quotient.coefficient).ptr;
    *at++ = 'e';
    at = std::to_chars(at, end, -quotient.scale).ptr;
    double d = 0;
    const auto [past, ec] = std::from_chars(text.data(), at, d);
    return ec == std::errc{} && past == at ? decimal_from_double(d) : quotient;
}

decimal modulo(const decimal& a, const decimal& b) noexcept
{
    if (!alignable(a, b))
    {
        // b is either far larger (a is the rest) or far smaller (the rest is below a's digits).
        return a.scale > b.scale ? a : decimal{};
    }
    const auto both = align(a, b);
    auto rest = both.a % both.b;
    if (rest != 0 && (rest < 0) != (both.b < 0))
    {
        rest += both.b;
    }
    return make_decimal(rest, both.scale);
}

decimal round_to(const decimal& d, std::int32_t digits, rounding how) noexcept
{
    const auto dropped = d.scale - digits;
    if (dropped <= 0)
    {
        return d;
    }
    const bool negative = d.coefficient < 0;
    // More than all digits go: the rest is below half a unit.
    const wide_int unit = dropped > alignable_max + 1 ? 0 : power_of_ten(dropped);
    const wide_int magnitude = negative ? -static_cast<wide_int>(d.coefficient) : d.coefficient;
    wide_int whole = unit == 0 ? 0 : magnitude / unit;
    const wide_int rest = unit == 0 ? magnitude : magnitude % unit;
    const bool away = how == rounding::half_up ? unit != 0 && rest * 2 >= unit
                      : how == rounding::floor ? negative && rest != 0
                                               : !negative && rest != 0;
    whole += away ? 1 : 0;
    return make_decimal(negative ? -whole : whole, digits);
}

std::optional<std::int64_t> to_whole(const decimal& d) noexcept
{
    if (d.scale > 0 || d.scale < -alignable_max)
    {
        return d.coefficient == 0 ? std::optional<std::int64_t>(0) : std::nullopt;
    }
    const wide_int whole = d.coefficient * power_of_ten(-d.scale);
    if (whole > std::numeric_limits<std::int64_t>::max() ||
        whole < std::numeric_limits<std::int64_t>::min())
    {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(whole);
}

} // namespace hikyaku::tmpl
