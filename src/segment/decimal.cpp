#include <hikyaku/segment/cell.h>

#include <hikyaku/base/assert.h>

namespace hikyaku::segment
{

namespace
{

__extension__ using wide = __int128;

wide power_of_ten(unsigned exponent)
{
    wide power = 1;
    for (; exponent > 0; --exponent)
    {
        power *= 10;
    }
    return power;
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

} // namespace

std::strong_ordering compare(const decimal& a, const decimal& b) noexcept
{
    HK_ASSERT(a.scale <= decimal::scale_max && b.scale <= decimal::scale_max);
    // 2^63 × 10^18 fits into 127 bits.
    const wide left = static_cast<wide>(a.unscaled) * power_of_ten(b.scale);
    const wide right = static_cast<wide>(b.unscaled) * power_of_ten(a.scale);
    return left < right   ? std::strong_ordering::less
           : left > right ? std::strong_ordering::greater
                          : std::strong_ordering::equal;
}

std::optional<decimal> parse_decimal(std::string_view text) noexcept
{
    const bool negative = text.starts_with('-');
    text.remove_prefix(negative ? 1 : 0);
    const auto point = text.find('.');
    if (text.empty() || !is_digit(text.front()) || !is_digit(text.back()) ||
        text.size() > decimal::digits_max + 1)
    {
        return std::nullopt;
    }
    std::int64_t unscaled = 0;
    std::size_t digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        if (i == point)
        {
            continue;
        }
        if (!is_digit(text[i]) || ++digits > decimal::digits_max)
        {
            return std::nullopt;
        }
        unscaled = unscaled * 10 + (text[i] - '0');
    }
    const std::size_t scale = point == std::string_view::npos ? 0 : text.size() - point - 1;
    return decimal{negative ? -unscaled : unscaled, static_cast<std::uint8_t>(scale)};
}

std::string format_decimal(const decimal& d)
{
    HK_ASSERT(d.scale <= decimal::scale_max);
    std::int64_t unscaled = d.unscaled;
    std::size_t scale = d.scale;
    for (; scale > 0 && unscaled % 10 == 0; --scale)
    {
        unscaled /= 10;
    }
    std::string digits = std::to_string(unscaled);
    const std::string sign = unscaled < 0 ? "-" : "";
    digits.erase(0, sign.size());
    if (digits.size() <= scale)
    {
        digits.insert(0, scale + 1 - digits.size(), '0');
    }
    if (scale > 0)
    {
        digits.insert(digits.size() - scale, 1, '.');
    }
    return sign + digits;
}

} // namespace hikyaku::segment
