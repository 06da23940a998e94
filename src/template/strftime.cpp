#include "date_parse.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace hikyaku::tmpl
{
namespace
{

constexpr std::array<std::string_view, 12> month_names{
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> day_names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
/// Wider fields than this are cut: a format is the author's, its length is not the recipient's.
constexpr std::size_t width_max = 255;

/// A moment taken apart in its zone.
struct civil
{
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
    int millisecond;
    int weekday;  ///< 0 is Sunday
    int year_day; ///< from 1
    std::int64_t unix_s;
};

civil to_civil(const moment& t)
{
    using namespace std::chrono;
    const sys_time<milliseconds> local(milliseconds(t.unix_ms) + minutes(t.offset_minutes));
    const auto day = floor<days>(local);
    const year_month_day date(day);
    const hh_mm_ss time(local - day);
    civil c{};
    c.year = static_cast<int>(date.year());
    c.month = static_cast<int>(static_cast<unsigned>(date.month()));
    c.day = static_cast<int>(static_cast<unsigned>(date.day()));
    c.hour = static_cast<int>(time.hours().count());
    c.minute = static_cast<int>(time.minutes().count());
    c.second = static_cast<int>(time.seconds().count());
    c.millisecond = static_cast<int>(time.subseconds().count());
    c.weekday = static_cast<int>(std::chrono::weekday(day).c_encoding());
    c.year_day = static_cast<int>((day - sys_days(date.year() / January / 1)).count()) + 1;
    c.unix_s =
        floor<seconds>(sys_time<milliseconds>(milliseconds(t.unix_ms))).time_since_epoch().count();
    return c;
}

/// ISO 8601 week and its year.
struct iso_week
{
    int year;
    int week;
};

int weeks_in(int year)
{
    const auto dominical = [](int y) { return (y + y / 4 - y / 100 + y / 400) % 7; };
    return dominical(year) == 4 || dominical(year - 1) == 3 ? 53 : 52;
}

iso_week to_iso_week(const civil& c)
{
    const int monday_based = (c.weekday + 6) % 7;
    const int week = (c.year_day - 1 - monday_based + 10) / 7;
    if (week < 1)
    {
        return {c.year - 1, weeks_in(c.year - 1)};
    }
    return week > weeks_in(c.year) ? iso_week{c.year + 1, 1} : iso_week{c.year, week};
}

/// %-05d: flags and width of one directive.
struct directive
{
    char padding = '\0'; ///< '0', ' ', '-' for none; '\0' is the directive's own
    bool upcase = false;
    bool swapcase = false;
    std::size_t colons = 0;
    std::size_t width = 0;
    char letter = '\0';
    std::string_view written;
};

class formatter
{
public:
    formatter(std::string& out, const moment& t, std::string_view zone_name)
        : out_(out), t_(t), c_(to_civil(t)), zone_name_(zone_name)
    {
    }

    void run(std::string_view format)
    {
        while (!format.empty())
        {
            const auto percent = format.find('%');
            out_.append(format.substr(0, percent));
            if (percent == std::string_view::npos)
            {
                return;
            }
            format.remove_prefix(percent);
            const auto d = take_directive(format);
            if (!append_number(d) && !append_name(d) && !append_combined(d))
            {
                out_.append(d.written);
            }
        }
    }

private:
    static directive take_directive(std::string_view& format)
    {
        directive d;
        std::size_t at = 1;
        for (; at < format.size(); ++at)
        {
            const char c = format[at];
            if (c == '-' || (c == '0' && d.width == 0) || c == '_')
            {
                d.padding = c == '_' ? ' ' : c;
            }
            else if (c == '^' || c == '#')
            {
                (c == '^' ? d.upcase : d.swapcase) = true;
            }
            else if (c == ':')
            {
                ++d.colons;
            }
            else if (c >= '0' && c <= '9')
            {
                d.width = std::min(width_max, d.width * 10 + static_cast<std::size_t>(c - '0'));
            }
            else
            {
                d.letter = c;
                ++at;
                break;
            }
        }
        d.written = format.substr(0, at);
        format.remove_prefix(at);
        return d;
    }

    void number(const directive& d, std::int64_t n, std::size_t width, char padding)
    {
        const auto pad = d.padding == '\0' ? padding : d.padding;
        auto text = std::to_string(n < 0 ? -n : n);
        const auto wanted = pad == '-' ? 0 : std::max(width, d.width);
        const std::size_t sign = n < 0 ? 1 : 0;
        const auto missing = wanted > text.size() + sign ? wanted - text.size() - sign : 0;
        if (pad == ' ')
        {
            out_.append(missing, ' ');
        }
        out_.append(sign, '-');
        if (pad == '0')
        {
            out_.append(missing, '0');
        }
        out_.append(text);
    }

    void text(const directive& d, std::string_view s)
    {
        if (d.width > s.size() && d.padding != '-')
        {
            out_.append(d.width - s.size(), d.padding == '0' ? '0' : ' ');
        }
        const auto start = out_.size();
        out_.append(s);
        if (d.upcase || d.swapcase)
        {
            const bool down = d.swapcase && d.letter == 'p';
            for (auto i = start; i < out_.size(); ++i)
            {
                const char c = out_[i];
                if (down ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z')
                {
                    out_[i] = static_cast<char>(c ^ 0x20);
                }
            }
        }
    }

    bool append_number(const directive& d)
    {
        const int hour12 = (c_.hour + 11) % 12 + 1;
        switch (d.letter)
        {
        case 'Y':
            return number(d, c_.year, 4, '0'), true;
        case 'C':
            return number(d, c_.year / 100, 2, '0'), true;
        case 'y':
            return number(d, c_.year % 100, 2, '0'), true;
        case 'm':
            return number(d, c_.month, 2, '0'), true;
        case 'd':
            return number(d, c_.day, 2, '0'), true;
        case 'e':
            return number(d, c_.day, 2, ' '), true;
        case 'j':
            return number(d, c_.year_day, 3, '0'), true;
        case 'H':
            return number(d, c_.hour, 2, '0'), true;
        case 'k':
            return number(d, c_.hour, 2, ' '), true;
        case 'I':
            return number(d, hour12, 2, '0'), true;
        case 'l':
            return number(d, hour12, 2, ' '), true;
        case 'M':
            return number(d, c_.minute, 2, '0'), true;
        case 'S':
            return number(d, c_.second, 2, '0'), true;
        case 's':
            return number(d, c_.unix_s, 1, '0'), true;
        case 'L':
        case 'N':
            return fraction(d), true;
        case 'u':
            return number(d, c_.weekday == 0 ? 7 : c_.weekday, 1, '0'), true;
        case 'w':
            return number(d, c_.weekday, 1, '0'), true;
        case 'U':
            return number(d, (c_.year_day + 6 - c_.weekday) / 7, 2, '0'), true;
        case 'W':
            return number(d, (c_.year_day + 6 - (c_.weekday + 6) % 7) / 7, 2, '0'), true;
        case 'V':
            return number(d, to_iso_week(c_).week, 2, '0'), true;
        case 'G':
            return number(d, to_iso_week(c_).year, 4, '0'), true;
        case 'g':
            return number(d, to_iso_week(c_).year % 100, 2, '0'), true;
        default:
            return false;
        }
    }

    void fraction(const directive& d)
    {
        auto digits = std::to_string(1000 + c_.millisecond).substr(1);
        digits.resize(d.width > 0 ? d.width : d.letter == 'L' ? 3 : 9, '0');
        out_.append(digits);
    }

    bool append_name(const directive& d)
    {
        const auto month = month_names[static_cast<std::size_t>(c_.month - 1)];
        const auto day = day_names[static_cast<std::size_t>(c_.weekday)];
        switch (d.letter)
        {
        case 'B':
            return text(d, month), true;
        case 'b':
        case 'h':
            return text(d, month.substr(0, 3)), true;
        case 'A':
            return text(d, day), true;
        case 'a':
            return text(d, day.substr(0, 3)), true;
        case 'p':
            return text(d, c_.hour < 12 ? "AM" : "PM"), true;
        case 'P':
            return text(d, c_.hour < 12 ? "am" : "pm"), true;
        case 'Z':
            return text(d, zone_name()), true;
        case 'z':
            return text(d, zone(d.colons)), true;
        case '%':
            return text(d, "%"), true;
        case 'n':
            return text(d, "\n"), true;
        case 't':
            return text(d, "\t"), true;
        default:
            return false;
        }
    }

    bool append_combined(const directive& d)
    {
        switch (d.letter)
        {
        case 'D':
        case 'x':
            return combined(d, "%m/%d/%y");
        case 'F':
            return combined(d, "%Y-%m-%d");
        case 'T':
        case 'X':
            return combined(d, "%H:%M:%S");
        case 'R':
            return combined(d, "%H:%M");
        case 'r':
            return combined(d, "%I:%M:%S %p");
        case 'c':
            return combined(d, "%a %b %e %H:%M:%S %Y");
        case 'v':
            return combined(d, "%e-%^b-%Y");
        case '+':
            return combined(d, "%a %b %e %H:%M:%S %Z %Y");
        default:
            return false;
        }
    }

    bool combined(const directive& d, std::string_view format)
    {
        std::string made;
        formatter(made, t_, zone_name_).run(format);
        text(d, made);
        return true;
    }

    [[nodiscard]] std::string zone(std::size_t colons) const
    {
        const int minutes = t_.offset_minutes < 0 ? -t_.offset_minutes : t_.offset_minutes;
        const auto two = [](int n) { return std::to_string(100 + n % 100).substr(1); };
        return (t_.offset_minutes < 0 ? "-" : "+") + two(minutes / 60) + (colons > 0 ? ":" : "") +
               two(minutes % 60) + (colons > 1 ? ":00" : "");
    }

    [[nodiscard]] std::string zone_name() const
    {
        if (t_.in_clock_zone && !zone_name_.empty())
        {
            return std::string(zone_name_);
        }
        return t_.offset_minutes == 0 ? "UTC" : zone(1);
    }

    std::string& out_;
    const moment& t_;
    civil c_;
    std::string_view zone_name_;
};

} // namespace

void append_strftime(std::string& out, std::string_view format, const moment& t,
                     std::string_view zone_name)
{
    formatter(out, t, zone_name).run(format);
}

} // namespace hikyaku::tmpl
