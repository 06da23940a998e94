#include "figures.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace hikyaku::cli
{
namespace
{

template <class... A> std::string print(const char* format, A... values)
{
    std::array<char, 64> buffer{};
    const int n = std::snprintf(buffer.data(), buffer.size(), format, values...);
    return {buffer.data(), static_cast<std::size_t>(n)};
}

/// Above this a rate needs no decimal.
constexpr double whole_rate_min = 100;
/// Beyond any rate: keeps the conversion to an integer defined.
constexpr double rate_max = 1e15;

} // namespace

std::string format_count(std::uint64_t value)
{
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3;)
    {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

std::string format_rate(double per_s)
{
    if (!std::isfinite(per_s) || per_s < 0)
    {
        per_s = 0;
    }
    if (per_s < whole_rate_min)
    {
        return print("%.1f/s", per_s);
    }
    return format_count(static_cast<std::uint64_t>(std::llround(std::fmin(per_s, rate_max)))) +
           "/s";
}

std::string format_duration(milliseconds length)
{
    const long long s = length.count() < 0 ? 0 : length.count() / 1000;
    if (s < 60)
    {
        return print("%llds", s);
    }
    if (s < 3600)
    {
        return print("%lldm %02llds", s / 60, s % 60);
    }
    if (s < 86'400)
    {
        return print("%lldh %02lldm", s / 3600, s % 3600 / 60);
    }
    return print("%lldd %02lldh", s / 86'400, s % 86'400 / 3600);
}

std::string format_bytes(std::uint64_t bytes)
{
    if (bytes < 1024)
    {
        return print("%llu B", static_cast<unsigned long long>(bytes));
    }
    static constexpr std::array units = {"KB", "MB", "GB", "TB", "PB", "EB"};
    double scaled = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (scaled >= 1024 && unit + 1 < units.size())
    {
        scaled /= 1024;
        ++unit;
    }
    return print("%.1f %s", scaled, units[unit]);
}

} // namespace hikyaku::cli
