#include "date_parse.h"

#include "markup_lexer.h"

#include <array>
#include <charconv>
#include <chrono>

#include <hikyaku/text/case.h>

namespace hikyaku::tmpl
{
namespace
{

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::size_t text_bytes_max = 64;
constexpr std::int64_t ms_per_s = 1000;
/// Years 1 to 9999: what printing and std::chrono agree on.
constexpr std::int64_t unix_s_min = -62'135'596'800;
constexpr std::int64_t unix_s_max = 253'402'300'799;

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// What is found in a text, in the order people write it.
struct parts
{
    std::optional<int> year;
    std::optional<int> month;
    std::optional<int> day;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int millisecond = 0;
    bool has_time = false;
    std::optional<int> zone_minutes;
};

class date_reader
{
public:
    explicit date_reader(std::string_view text) noexcept : rest_(text) {}

    std::optional<parts> read()
    {
        while (!rest_.empty())
        {
            const char c = rest_.front();
            if (is_space(c) || c == ',')
            {
                rest_.remove_prefix(1);
            }
            else if (!(is_digit(c) ? read_number() : read_word()))
            {
                return std::nullopt;
            }
        }
        return p_.month || p_.day || p_.has_time ? std::optional(p_) : std::nullopt;
    }

private:
    bool take(char c) noexcept
    {
        const bool found = rest_.starts_with(c);
        rest_.remove_prefix(found ? 1 : 0);
        return found;
    }
    bool take_text(std::string_view text) noexcept
    {
        const bool found = rest_.starts_with(text);
        rest_.remove_prefix(found ? text.size() : 0);
        return found;
    }
    std::string_view digits() noexcept
    {
        std::size_t n = 0;
        while (n < rest_.size() && is_digit(rest_[n]))
        {
            ++n;
        }
        const auto found = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return found;
    }
    static std::optional<int> to_int(std::string_view text) noexcept
    {
        int n = 0;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
        return ec == std::errc{} && end == text.data() + text.size() ? std::optional(n)
                                                                     : std::nullopt;
    }
    /// One number of a date after its separator.
    std::optional<int> field() noexcept
    {
        const auto text = digits();
        return text.size() > 2 ? std::nullopt : to_int(text);
    }

    bool read_number()
    {
        const auto text = digits();
        const auto n = to_int(text);
        if (!n)
        {
            return false;
        }
        if (rest_.starts_with(':') && text.size() <= 2)
        {
            return read_time(*n);
        }
        if (text.size() == 8 && !p_.year)
        {
            p_.year = *n / 10'000;
            p_.month = *n / 100 % 100;
            p_.day = *n % 100;
            return after_date();
        }
        if (text.size() == 4)
        {
            return !p_.year && read_year(*n);
        }
        take_text("st") || take_text("nd") || take_text("rd") || take_text("th");
        const bool is_day = text.size() <= 2 && !p_.day;
        p_.day = is_day ? n : p_.day;
        return is_day;
    }

    bool read_year(int year)
    {
        p_.year = year;
        if (take_text("年"))
        {
            p_.month = field();
            if (!p_.month || !take_text("月"))
            {
                return false;
            }
            p_.day = field();
            return p_.day && take_text("日");
        }
        const char separator = rest_.empty() ? '\0' : rest_.front();
        if (separator != '-' && separator != '/' && separator != '.')
        {
            return true; // "March 14, 2016"
        }
        (void)take(separator);
        p_.month = field();
        if (p_.month && take(separator))
        {
            p_.day = field();
            return p_.day && after_date();
        }
        return p_.month.has_value();
    }

    /// The T of RFC 3339.
    bool after_date()
    {
        if (rest_.size() > 1 && rest_.front() == 't' && is_digit(rest_[1]))
        {
            rest_.remove_prefix(1);
        }
        return true;
    }

    bool read_time(int hour)
    {
        (void)take(':');
        const auto minute = field();
        if (!minute || p_.has_time)
        {
            return false;
        }
        p_.has_time = true;
        p_.hour = hour;
        p_.minute = *minute;
        if (take(':'))
        {
            const auto second = field();
            if (!second)
            {
                return false;
            }
            p_.second = *second;
            if (take('.') || take(','))
            {
                const auto fraction = std::string(digits()) + "000";
                p_.millisecond = to_int(std::string_view(fraction).substr(0, 3)).value_or(0);
            }
        }
        while (take(' '))
        {
        }
        return read_zone();
    }

    /// A zone or nothing.
    bool read_zone()
    {
        const bool west = rest_.starts_with('-');
        if (!west && !rest_.starts_with('+'))
        {
            return true;
        }
        rest_.remove_prefix(1);
        const auto text = digits();
        const auto first = to_int(text);
        if (!first || (text.size() != 2 && text.size() != 4))
        {
            return false;
        }
        const auto minutes = text.size() == 4 ? std::optional(*first % 100)
                             : take(':')      ? field()
                                              : std::optional(0);
        const int hours = text.size() == 4 ? *first / 100 : *first;
        if (!minutes || hours > 23 || *minutes > 59)
        {
            return false;
        }
        p_.zone_minutes = (hours * 60 + *minutes) * (west ? -1 : 1);
        return true;
    }

    bool read_word()
    {
        std::size_t n = 0;
        while (n < rest_.size() && rest_[n] >= 'a' && rest_[n] <= 'z')
        {
            ++n;
        }
        const auto word = rest_.substr(0, n);
        rest_.remove_prefix(n);
        (void)take('.');
        if (word == "am" || word == "pm")
        {
            p_.hour = p_.hour % 12 + (word == "pm" ? 12 : 0);
            return p_.has_time;
        }
        if (word == "z" || word == "utc" || word == "gmt")
        {
            p_.zone_minutes = 0;
            return p_.has_time;
        }
        if (word == "jst")
        {
            p_.zone_minutes = 9 * 60;
            return p_.has_time;
        }
        const auto start = word.substr(0, 3);
        for (std::size_t i = 0; i < months.size(); ++i)
        {
            if (start == months[i] && !p_.month)
            {
                p_.month = static_cast<int>(i) + 1;
                return true;
            }
        }
        for (const auto day : weekdays)
        {
            if (start == day)
            {
                return true;
            }
        }
        return false;
    }

    std::string_view rest_;
    parts p_;
};

std::optional<moment> to_moment(const parts& p, const render_clock& clock)
{
    using namespace std::chrono;
    const auto today = year_month_day(floor<days>(clock.now + minutes(clock.offset_minutes)));
    const bool only_time = !p.month && !p.day && !p.year;
    const auto date = year_month_day(
        year(p.year.value_or(static_cast<int>(today.year()))),
        month(static_cast<unsigned>(
            p.month.value_or(static_cast<int>(static_cast<unsigned>(today.month()))))),
        day(static_cast<unsigned>(
            p.day.value_or(only_time ? static_cast<int>(static_cast<unsigned>(today.day())) : 1))));
    if (!date.ok() || static_cast<int>(date.year()) < 1 || p.hour > 24 || p.minute > 59 ||
        p.second > 60)
    {
        return std::nullopt;
    }
    const bool local = !p.zone_minutes.has_value();
    const int offset = p.zone_minutes.value_or(clock.offset_minutes);
    const auto s = sys_days(date).time_since_epoch() + hours(p.hour) + minutes(p.minute - offset) +
                   seconds(p.second);
    return moment{duration_cast<seconds>(s).count() * ms_per_s + p.millisecond, offset, local};
}

std::optional<moment> from_seconds(std::int64_t s, const render_clock& clock)
{
    if (s < unix_s_min || s > unix_s_max)
    {
        return std::nullopt;
    }
    return moment{s * ms_per_s, clock.offset_minutes, true};
}

} // namespace

std::optional<moment> to_date(const value& v, const render_clock& clock)
{
    if (v.kind() == value_kind::date_time)
    {
        const auto ms = to_unix_ms(v.as_time());
        if (ms / ms_per_s < unix_s_min || ms / ms_per_s > unix_s_max)
        {
            return std::nullopt;
        }
        return moment{ms, v.offset_minutes(), v.offset_minutes() == clock.offset_minutes};
    }
    if (v.kind() == value_kind::integer)
    {
        return from_seconds(v.as_integer(), clock);
    }
    if (v.kind() != value_kind::string || v.as_string().empty() ||
        v.as_string().size() > text_bytes_max)
    {
        return std::nullopt;
    }
    const auto text = text::ascii_lower(v.as_string());
    if (text == "now" || text == "today")
    {
        return moment{to_unix_ms(clock.now), clock.offset_minutes, true};
    }
    std::int64_t s = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), s);
    if (is_digit(text.front()) && ec == std::errc{} && end == text.data() + text.size())
    {
        return from_seconds(s, clock);
    }
    const auto p = date_reader(text).read();
    return p ? to_moment(*p, clock) : std::nullopt;
}

} // namespace hikyaku::tmpl
