#include <hikyaku/base/time.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace hikyaku
{
namespace
{

class machine_clock final : public clock
{
public:
    wall_time wall() const noexcept override
    {
        return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
    }
    mono_time mono() const noexcept override { return std::chrono::steady_clock::now(); }
};

/// Reads exactly `count` digits at `text[at]`; false when they are not digits.
bool read_digits(std::string_view text, std::size_t at, std::size_t count, int& out)
{
    if (at + count > text.size())
    {
        return false;
    }
    const char* first = text.data() + at;
    const auto [end, ec] = std::from_chars(first, first + count, out);
    return ec == std::errc{} && end == first + count && *first != '-';
}

failure bad_time(std::string_view text)
{
    return {"'" + std::string(text.substr(0, 64)) +
            "' is not an RFC 3339 time such as 2026-11-24T09:00:00+09:00"};
}

/// Reads "Z", "+09:00" or "-05:30" into minutes.
bool read_offset(std::string_view text, int& minutes)
{
    if (text == "Z" || text == "z")
    {
        minutes = 0;
        return true;
    }
    int hour = 0;
    int minute = 0;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
        !read_digits(text, 1, 2, hour) || !read_digits(text, 4, 2, minute) || hour > 23 ||
        minute > 59)
    {
        return false;
    }
    minutes = (hour * 60 + minute) * (text[0] == '-' ? -1 : 1);
    return true;
}

} // namespace

const clock& system_clock() noexcept
{
    static const machine_clock instance;
    return instance;
}

std::string format_rfc3339(wall_time t, int offset_minutes)
{
    using namespace std::chrono;
    const auto local = t + minutes{offset_minutes};
    const auto day = floor<days>(local);
    const year_month_day date{day};
    const hh_mm_ss<milliseconds> clock_time{local - day};
    std::array<char, 48> buffer{};
    const int written = std::snprintf(
        buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03d%c%02d:%02d",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()), static_cast<int>(clock_time.hours().count()),
        static_cast<int>(clock_time.minutes().count()),
        static_cast<int>(clock_time.seconds().count()),
        static_cast<int>(clock_time.subseconds().count()), offset_minutes < 0 ? '-' : '+',
        std::abs(offset_minutes) / 60, std::abs(offset_minutes) % 60);
    return {buffer.data(), static_cast<std::size_t>(written)};
}

result<wall_time, failure> parse_rfc3339(std::string_view text)
{
    using namespace std::chrono;
    int year_n = 0, month_n = 0, day_n = 0, hour_n = 0, minute_n = 0, second_n = 0;
    if (text.size() < 20 || !read_digits(text, 0, 4, year_n) || text[4] != '-' ||
        !read_digits(text, 5, 2, month_n) || text[7] != '-' || !read_digits(text, 8, 2, day_n) ||
        (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
        !read_digits(text, 11, 2, hour_n) || text[13] != ':' ||
        !read_digits(text, 14, 2, minute_n) || text[16] != ':' ||
        !read_digits(text, 17, 2, second_n))
    {
        return bad_time(text);
    }
    std::size_t at = 19;
    int millis = 0;
    if (text[at] == '.')
    {
        int scale = 100;
        const std::size_t first = ++at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
        {
            millis += (text[at] - '0') * scale;
            scale /= 10;
        }
        if (at == first)
        {
            return bad_time(text);
        }
    }
    int offset = 0;
    const year_month_day date{year{year_n}, month{static_cast<unsigned>(month_n)},
                              day{static_cast<unsigned>(day_n)}};
    if (!read_offset(text.substr(at), offset) || !date.ok() || hour_n > 23 || minute_n > 59 ||
        second_n > 60)
    {
        return bad_time(text);
    }
    return wall_time{sys_days{date} + hours{hour_n} + minutes{minute_n - offset} +
                     seconds{second_n} + milliseconds{millis}};
}

result<milliseconds, failure> parse_duration(std::string_view text)
{
    std::int64_t count = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    constexpr std::int64_t count_max = 3'660LL * 86'400'000LL;
    struct
    {
        std::string_view name;
        std::int64_t ms;
    } const units[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    for (const auto& candidate : units)
    {
        if (ec == std::errc{} && unit == candidate.name && count > 0 &&
            count <= count_max / candidate.ms)
        {
            return milliseconds{count * candidate.ms};
        }
    }
    return failure{"'" + std::string(text.substr(0, 64)) +
                   "' is not a duration such as 250ms, 90s, 15m, 72h or 7d"};
}

} // namespace hikyaku
