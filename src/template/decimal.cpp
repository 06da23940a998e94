#include <hikyaku/template/decimal.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace hikyaku::tmpl
{
namespace
{

constexpr std::int64_t coefficient_limit = 1'000'000'000'000'000'000; // 18 digits
/// An exponent no Float has; keeps sums of scales inside int32.
constexpr std::int32_t scale_max = 1'000'000;
/// Where Ruby turns to exponents.
constexpr int plain_point_min = -3;
constexpr int plain_point_max = 16;

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// Digits and their point of a text; false when it is no number.
struct digit_reader
{
    std::string_view rest;
    wide_int coefficient = 0;
    std::int32_t scale = 0;
    int seen = 0;

    bool digits(bool fraction)
    {
        const auto before = rest.size();
        while (!rest.empty() && is_digit(rest.front()))
        {
            if (coefficient < static_cast<wide_int>(coefficient_limit) * 1000)
            {
                coefficient = coefficient * 10 + (rest.front() - '0');
                scale += fraction ? 1 : 0;
            }
            else
            {
                scale -= fraction ? 0 : 1;
            }
            rest.remove_prefix(1);
        }
        return rest.size() != before;
    }
};

} // namespace

decimal make_decimal(wide_int coefficient, std::int32_t scale) noexcept
{
    const bool negative = coefficient < 0;
    wide_int rest = negative ? -coefficient : coefficient;
    bool round_up = false;
    while (rest >= coefficient_limit)
    {
        round_up = rest % 10 >= 5;
        rest /= 10;
        --scale;
    }
    rest += round_up ? 1 : 0;
    while (rest != 0 && rest % 10 == 0)
    {
        rest /= 10;
        --scale;
    }
    const auto whole = static_cast<std::int64_t>(rest);
    if (whole == 0)
    {
        return {};
    }
    return {negative ? -whole : whole, std::clamp(scale, -scale_max, scale_max)};
}

std::optional<decimal> parse_decimal(std::string_view text) noexcept
{
    const bool negative = !text.empty() && text.front() == '-';
    digit_reader reader{text.substr(negative ? 1 : 0)};
    if (!reader.digits(false))
    {
        return std::nullopt;
    }
    if (!reader.rest.empty() && reader.rest.front() == '.')
    {
        reader.rest.remove_prefix(1);
        if (!reader.digits(true))
        {
            return std::nullopt;
        }
    }
    std::int32_t exponent = 0;
    if (!reader.rest.empty() && (reader.rest.front() == 'e' || reader.rest.front() == 'E'))
    {
        reader.rest.remove_prefix(1);
        if (!reader.rest.empty() && reader.rest.front() == '+')
        {
            reader.rest.remove_prefix(1);
        }
        const auto* end = reader.rest.data() + reader.rest.size();
        const auto [at, ec] = std::from_chars(reader.rest.data(), end, exponent);
        if (ec != std::errc{} || exponent > scale_max || exponent < -scale_max)
        {
            return std::nullopt;
        }
        reader.rest.remove_prefix(static_cast<std::size_t>(at - reader.rest.data()));
    }
    if (!reader.rest.empty())
    {
        return std::nullopt;
    }
    return make_decimal(negative ? -reader.coefficient : reader.coefficient,
                        reader.scale - exponent);
}

decimal decimal_from_double(double d) noexcept
{
    std::array<char, 32> text{};
    const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), d);
    const auto size = static_cast<std::size_t>(end - text.data());
    return ec == std::errc{} ? parse_decimal({text.data(), size}).value_or(decimal{}) : decimal{};
}

void append_decimal(std::string& out, const decimal& d)
{
    std::array<char, 24> buffer{};
    const auto magnitude = d.coefficient < 0 ? 0 - static_cast<std::uint64_t>(d.coefficient)
                                             : static_cast<std::uint64_t>(d.coefficient);
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude).ptr;
    const std::string_view digits(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    const auto size = static_cast<int>(digits.size());
    if (d.coefficient < 0)
    {
        out.push_back('-');
    }
    const int point = size - d.scale; // digits before the point
    if (d.coefficient != 0 && (point > plain_point_max || point < plain_point_min))
    {
        const int exponent = point - 1;
        out.push_back(digits.front());
        out.push_back('.');
        out.append(size > 1 ? digits.substr(1) : std::string_view("0"));
        out.append(exponent < 0 ? "e-" : "e+");
        const auto text = std::to_string(exponent < 0 ? -exponent : exponent);
        out.append(text.size() < 2 ? "0" : "").append(text);
    }
    else if (point <= 0)
    {
        out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
    }
    else if (point >= size)
    {
        out.append(digits).append(static_cast<std::size_t>(point - size), '0').append(".0");
    }
    else
    {
        out.append(digits.substr(0, static_cast<std::size_t>(point)));
        out.append(".").append(digits.substr(static_cast<std::size_t>(point)));
    }
}

} // namespace hikyaku::tmpl
