#include "moment.h"

#include <charconv>

#include <hikyaku/base/assert.h>

namespace hikyaku::segment
{

namespace
{

using std::chrono::days;
using std::chrono::months;
using std::chrono::sys_days;

constexpr std::int64_t day_ms = 86'400'000;

// Exactly `width` digits.
std::optional<int> parse_digits(std::string_view text, std::size_t width)
{
    int value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = text.size() == width && ec == std::errc{} &&
                      end == text.data() + text.size() && text.front() >= '0';
    return good ? std::optional{value} : std::nullopt;
}

std::optional<moment> parse_day(std::string_view text)
{
    if (text.size() != 10 || text[4] != '-' || text[7] != '-')
    {
        return std::nullopt;
    }
    const auto year = parse_digits(text.substr(0, 4), 4);
    const auto month = parse_digits(text.substr(5, 2), 2);
    const auto day = parse_digits(text.substr(8, 2), 2);
    if (!year || !month || !day)
    {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok())
    {
        return std::nullopt;
    }
    const auto count = sys_days{date}.time_since_epoch().count();
    return moment{moment_kind::day, static_cast<std::int32_t>(count), 0, {}};
}

struct unit
{
    std::string_view name;
    moment_kind kind;
    std::int32_t days;
    std::int32_t months;
    milliseconds at;
    // So that no distance is longer than relative_days_max.
    std::int32_t count_max;
};

constexpr unit units[] = {
    {"d", moment_kind::relative_day, 1, 0, {}, relative_days_max},
    {"w", moment_kind::relative_day, 7, 0, {}, relative_days_max / 7},
    {"mo", moment_kind::relative_day, 0, 1, {}, 1'200},
    {"y", moment_kind::relative_day, 0, 12, {}, 100},
    {"h", moment_kind::relative_instant, 0, 0, std::chrono::hours{1}, relative_days_max * 24},
    {"min", moment_kind::relative_instant, 0, 0, std::chrono::minutes{1}, relative_days_max * 1440},
};

// "+7d", "-36h".
std::optional<moment> parse_distance(std::string_view text)
{
    if (text.size() < 3 || (text.front() != '+' && text.front() != '-') || text[1] < '0' ||
        text[1] > '9')
    {
        return std::nullopt;
    }
    const int sign = text.front() == '-' ? -1 : 1;
    std::int32_t count = 0;
    const auto [end, ec] = std::from_chars(text.data() + 1, text.data() + text.size(), count);
    const std::string_view name{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    for (const unit& u : units)
    {
        if (ec == std::errc{} && name == u.name && count <= u.count_max)
        {
            const std::int32_t n = sign * count;
            return moment{u.kind, n * u.days, n * u.months, n * u.at};
        }
    }
    return std::nullopt;
}

std::optional<moment> parse_from(std::string_view text, std::string_view word, moment_kind kind)
{
    if (!text.starts_with(word))
    {
        return std::nullopt;
    }
    if (text.size() == word.size())
    {
        return moment{kind, 0, 0, {}};
    }
    const auto distance = parse_distance(text.substr(word.size()));
    return distance && distance->kind == kind ? distance : std::nullopt;
}

sys_days add_months(sys_days day, std::int32_t count)
{
    const std::chrono::year_month_day date{day};
    const auto moved = date + months{count};
    return moved.ok() ? sys_days{moved}
                      : sys_days{moved.year() / moved.month() / std::chrono::last};
}

std::int64_t days_of(const moment& m, wall_time now, int offset_minutes)
{
    if (m.kind == moment_kind::day)
    {
        return m.days;
    }
    const sys_days today = std::chrono::floor<days>(now + std::chrono::minutes{offset_minutes});
    const sys_days day = m.months == 0 ? today : add_months(today, m.months);
    return (day + days{m.days}).time_since_epoch().count();
}

} // namespace

std::optional<moment> parse_moment(std::string_view text)
{
    for (const auto& found : {parse_day(text), parse_distance(text),
                              parse_from(text, "today", moment_kind::relative_day),
                              parse_from(text, "now", moment_kind::relative_instant)})
    {
        if (found)
        {
            return found;
        }
    }
    if (const auto instant = parse_rfc3339(text))
    {
        return moment{moment_kind::instant, 0, 0, instant->time_since_epoch()};
    }
    return std::nullopt;
}

interval local_interval(const moment& m, wall_time now, int offset_minutes)
{
    HK_ASSERT(is_day(m));
    const std::int64_t begin = days_of(m, now, offset_minutes) * day_ms;
    return {begin, begin + day_ms};
}

interval utc_interval(const moment& m, wall_time now, int offset_minutes)
{
    if (is_day(m))
    {
        const interval local = local_interval(m, now, offset_minutes);
        const std::int64_t shift = milliseconds{std::chrono::minutes{offset_minutes}}.count();
        return {local.begin - shift, local.end - shift};
    }
    const std::int64_t from = m.kind == moment_kind::instant ? 0 : to_unix_ms(now);
    return {from + m.at.count(), from + m.at.count() + 1};
}

} // namespace hikyaku::segment
