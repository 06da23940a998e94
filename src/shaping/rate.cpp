#include <hikyaku/shaping/rate.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace hikyaku::shaping
{

namespace
{

struct unit
{
    std::string_view name;
    std::int64_t ms;
};

// The first name of each length is the one that is written.
constexpr unit units[] = {
    {"d", 86'400'000}, {"day", 86'400'000}, {"h", 3'600'000}, {"hour", 3'600'000}, {"min", 60'000},
    {"m", 60'000},     {"s", 1'000},        {"sec", 1'000},   {"ms", 1},
};

failure bad_rate(std::string_view text, std::string_view why)
{
    return failure{"'" + std::string(text.substr(0, 64)) + "' is not a rate: " + std::string(why) +
                   " (examples: 100/s, 30/min, 1000/h,50)"};
}

// Takes a number from the front; nullopt when there is none or it is not in 1..max.
std::optional<std::uint64_t> take_number(std::string_view& text, std::uint64_t max)
{
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || value == 0 || value > max)
    {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

bool starts_with_digit(std::string_view text)
{
    return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

// "s", "10s": the period.
std::optional<milliseconds> parse_period(std::string_view text)
{
    std::uint64_t count = 1;
    if (starts_with_digit(text))
    {
        const auto number = take_number(text, static_cast<std::uint64_t>(rate::per_max.count()));
        if (!number)
        {
            return std::nullopt;
        }
        count = *number;
    }
    for (const unit& u : units)
    {
        if (u.name == text)
        {
            // count and u.ms are both at most a day of milliseconds: no overflow.
            const milliseconds period{static_cast<std::int64_t>(count) * u.ms};
            return period <= rate::per_max ? std::optional{period} : std::nullopt;
        }
    }
    return std::nullopt;
}

std::uint64_t default_burst(std::uint64_t count, milliseconds per)
{
    const std::uint64_t in_a_second = count * 1'000 / static_cast<std::uint64_t>(per.count());
    return std::clamp<std::uint64_t>(in_a_second, 1, rate::count_max);
}

} // namespace

result<rate, failure> parse_rate(std::string_view text)
{
    std::string_view rest = text;
    const auto count = take_number(rest, rate::count_max);
    if (!count)
    {
        return bad_rate(text, "it starts with a count from 1 to 1000000000");
    }
    if (rest.empty() || rest.front() != '/')
    {
        return bad_rate(text, "a '/' and a unit follow the count");
    }
    rest.remove_prefix(1);
    const auto comma = rest.find(',');
    const auto per = parse_period(rest.substr(0, comma));
    if (!per)
    {
        return bad_rate(text, "the period is ms, s, min, h or d, at most a day");
    }
    if (comma == std::string_view::npos)
    {
        return rate{*count, *per, default_burst(*count, *per)};
    }
    rest.remove_prefix(comma + 1);
    const auto burst = take_number(rest, rate::count_max);
    if (!burst || !rest.empty())
    {
        return bad_rate(text, "the burst after ',' is a count from 1 to 1000000000");
    }
    return rate{*count, *per, *burst};
}

std::string format_rate(const rate& r)
{
    std::string out = std::to_string(r.count) + "/";
    for (const unit& u : units)
    {
        if (r.per.count() % u.ms == 0)
        {
            const std::int64_t periods = r.per.count() / u.ms;
            out += (periods == 1 ? std::string{} : std::to_string(periods)) + std::string(u.name);
            break;
        }
    }
    return out + "," + std::to_string(r.burst);
}

} // namespace hikyaku::shaping
