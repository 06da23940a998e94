#include <hikyaku/shaping/local_date.h>

#include <chrono>

namespace hikyaku::shaping
{
namespace
{

constexpr int months_per_year = 12;
constexpr int first_year = 1970;
constexpr std::size_t day_text_bytes = 10;

std::optional<unsigned> parse_digits(std::string_view text)
{
    unsigned value = 0;
    for (const char c : text)
    {
        if (c < '0' || c > '9')
        {
            return std::nullopt;
        }
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

} // namespace

local_date make_local_date(wall_time now, int offset_minutes)
{
    const std::chrono::minutes offset{offset_minutes};
    const auto day = std::chrono::floor<std::chrono::days>(now + offset);
    const std::chrono::year_month_day date{day};
    const std::chrono::year_month month{date.year(), date.month()};
    const std::chrono::sys_days next_month{(month + std::chrono::months{1}) / std::chrono::day{1}};
    local_date out;
    out.day = static_cast<day_number>(day.time_since_epoch().count());
    out.month =
        int{date.year()} * months_per_year + static_cast<month_number>(unsigned{date.month()}) - 1;
    out.day_ends = wall_time{day + std::chrono::days{1}} - offset;
    out.month_ends = wall_time{next_month} - offset;
    return out;
}

std::optional<day_number> parse_day(std::string_view text)
{
    if (text.size() != day_text_bytes || text[4] != '-' || text[7] != '-')
    {
        return std::nullopt;
    }
    const auto year = parse_digits(text.substr(0, 4));
    const auto month = parse_digits(text.substr(5, 2));
    const auto day = parse_digits(text.substr(8, 2));
    if (!year || !month || !day || *year < first_year)
    {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                           std::chrono::month{*month}, std::chrono::day{*day}};
    if (!date.ok())
    {
        return std::nullopt;
    }
    return static_cast<day_number>(std::chrono::sys_days{date}.time_since_epoch().count());
}

} // namespace hikyaku::shaping
