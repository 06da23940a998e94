#include "filters.h"

#include "number.h"

#include <algorithm>
#include <limits>

namespace hikyaku::tmpl::filters
{
namespace
{

/// More places than a decimal holds change nothing.
constexpr std::int64_t places_max = 400;

bool set_whole(machine& m, value& v, wide_int n)
{
    if (n > std::numeric_limits<std::int64_t>::max() ||
        n < std::numeric_limits<std::int64_t>::min())
    {
        return m.fail("the number is out of range");
    }
    v = value::integer(static_cast<std::int64_t>(n));
    return true;
}

bool set_rounded(machine& m, value& v, const decimal& d)
{
    const auto n = to_whole(d);
    if (!n)
    {
        return m.fail("the number is out of range");
    }
    v = value::integer(*n);
    return true;
}

wide_int floor_divide(std::int64_t a, std::int64_t b) noexcept
{
    const wide_int quotient = static_cast<wide_int>(a) / b;
    return static_cast<wide_int>(a) % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

bool is_zero(const tmpl::number& n) noexcept
{
    return n.is_integer ? n.whole == 0 : n.fraction.coefficient == 0;
}

value larger(const value& a, const value& b)
{
    const auto left = to_number(a);
    const auto right = to_number(b);
    return (compare_decimals(left.as_decimal(), right.as_decimal()) < 0 ? right : left).as_value();
}

value smaller(const value& a, const value& b)
{
    const auto left = to_number(a);
    const auto right = to_number(b);
    return (compare_decimals(right.as_decimal(), left.as_decimal()) < 0 ? right : left).as_value();
}

std::int32_t places_of(const value& v) noexcept
{
    const auto n = to_number(v);
    const auto whole =
        n.is_integer ? n.whole : to_whole(round_to(n.fraction, 0, rounding::floor)).value_or(0);
    return static_cast<std::int32_t>(std::clamp(whole, -places_max, places_max));
}

/// "1234567.5" → "1,234,567.5"
void append_grouped(std::string& out, std::string_view digits)
{
    const auto whole = digits.substr(0, digits.find('.'));
    for (std::size_t i = 0; i < whole.size(); ++i)
    {
        const bool border = i > 0 && (whole.size() - i) % 3 == 0;
        out.append(border ? "," : "").push_back(whole[i]);
    }
    out.append(digits.substr(whole.size()));
}

/// All digits, never with an exponent; `places` after the point.
std::string plain_digits(const decimal& d, std::int32_t places)
{
    auto digits = std::to_string(d.coefficient < 0 ? 0 - static_cast<std::uint64_t>(d.coefficient)
                                                   : static_cast<std::uint64_t>(d.coefficient));
    const auto missing = std::max(places, d.scale) - d.scale;
    digits.append(d.coefficient == 0 && places == 0 ? 0 : static_cast<std::size_t>(missing), '0');
    const auto after = static_cast<std::size_t>(std::max(0, std::max(places, d.scale)));
    if (digits.size() <= after)
    {
        digits.insert(0, after + 1 - digits.size(), '0');
    }
    if (after > 0)
    {
        digits.insert(digits.size() - after, ".");
    }
    return digits;
}

} // namespace

bool plus(machine& m, value& v, const filter_arguments& a)
{
    const auto left = to_number(v);
    const auto right = to_number(a[0]);
    if (left.is_integer && right.is_integer)
    {
        return set_whole(m, v, static_cast<wide_int>(left.whole) + right.whole);
    }
    v = value::number(add(left.as_decimal(), right.as_decimal()));
    return true;
}

bool minus(machine& m, value& v, const filter_arguments& a)
{
    const auto left = to_number(v);
    const auto right = to_number(a[0]);
    if (left.is_integer && right.is_integer)
    {
        return set_whole(m, v, static_cast<wide_int>(left.whole) - right.whole);
    }
    auto negated = right.as_decimal();
    negated.coefficient = -negated.coefficient;
    v = value::number(add(left.as_decimal(), negated));
    return true;
}

bool times(machine& m, value& v, const filter_arguments& a)
{
    const auto left = to_number(v);
    const auto right = to_number(a[0]);
    if (left.is_integer && right.is_integer)
    {
        return set_whole(m, v, static_cast<wide_int>(left.whole) * right.whole);
    }
    v = value::number(multiply(left.as_decimal(), right.as_decimal()));
    return true;
}

bool divided_by(machine& m, value& v, const filter_arguments& a)
{
    const auto left = to_number(v);
    const auto right = to_number(a[0]);
    if (is_zero(right))
    {
        return m.fail("divided by 0");
    }
    if (left.is_integer && right.is_integer)
    {
        return set_whole(m, v, floor_divide(left.whole, right.whole));
    }
    v = value::number(divide(left.as_decimal(), right.as_decimal()));
    return true;
}

bool modulo(machine& m, value& v, const filter_arguments& a)
{
    const auto left = to_number(v);
    const auto right = to_number(a[0]);
    if (is_zero(right))
    {
        return m.fail("divided by 0");
    }
    if (left.is_integer && right.is_integer)
    {
        const auto quotient = floor_divide(left.whole, right.whole);
        return set_whole(m, v, left.whole - quotient * right.whole);
    }
    v = value::number(tmpl::modulo(left.as_decimal(), right.as_decimal()));
    return true;
}

bool abs(machine& m, value& v, const filter_arguments&)
{
    auto n = to_number(v);
    if (n.is_integer)
    {
        return set_whole(m, v, n.whole < 0 ? -static_cast<wide_int>(n.whole) : n.whole);
    }
    n.fraction.coefficient = std::abs(n.fraction.coefficient);
    v = value::number(n.fraction);
    return true;
}

bool ceil(machine& m, value& v, const filter_arguments&)
{
    const auto n = to_number(v);
    v = n.as_value();
    return n.is_integer || set_rounded(m, v, round_to(n.fraction, 0, rounding::ceiling));
}

bool floor(machine& m, value& v, const filter_arguments&)
{
    const auto n = to_number(v);
    v = n.as_value();
    return n.is_integer || set_rounded(m, v, round_to(n.fraction, 0, rounding::floor));
}

bool round(machine& m, value& v, const filter_arguments& a)
{
    const auto n = to_number(v);
    const auto places = a.size() > 0 ? places_of(a[0]) : 0;
    const auto rounded = round_to(n.as_decimal(), places, rounding::half_up);
    if (n.is_integer && places >= 0)
    {
        v = n.as_value();
        return true;
    }
    if (places <= 0)
    {
        return set_rounded(m, v, rounded);
    }
    v = value::number(rounded);
    return true;
}

bool at_least(machine&, value& v, const filter_arguments& a)
{
    v = larger(v, a[0]);
    return true;
}

bool at_most(machine&, value& v, const filter_arguments& a)
{
    v = smaller(v, a[0]);
    return true;
}

bool number(machine& m, value& v, const filter_arguments& a)
{
    const bool from_text = v.kind() == value_kind::string;
    const auto parsed = from_text ? parse_decimal(v.as_string()) : std::nullopt;
    if (!parsed && v.kind() != value_kind::integer && v.kind() != value_kind::decimal)
    {
        return true; // no number: as it is
    }
    const bool is_integer = v.kind() == value_kind::integer;
    auto d = from_text ? *parsed : to_number(v).as_decimal();
    if (d.scale > places_max || d.scale < -places_max)
    {
        return m.fail("the number is out of range");
    }
    std::int32_t places = is_integer ? 0 : std::max(0, d.scale);
    if (a.size() > 0)
    {
        places = std::clamp(places_of(a[0]), 0, static_cast<std::int32_t>(places_max));
        d = round_to(d, places, rounding::half_up);
    }
    auto& made = m.buffer();
    made.append(d.coefficient < 0 ? "-" : "");
    if (is_integer && a.size() == 0)
    {
        const auto n = v.as_integer();
        append_grouped(made, std::to_string(n < 0 ? 0 - static_cast<std::uint64_t>(n)
                                                  : static_cast<std::uint64_t>(n)));
    }
    else
    {
        append_grouped(made, plain_digits(d, places));
    }
    v = m.keep(made);
    return !m.failed();
}

} // namespace hikyaku::tmpl::filters
