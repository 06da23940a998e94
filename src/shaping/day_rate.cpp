#include "day_rate.h"

#include <algorithm>

namespace hikyaku::shaping
{
namespace
{

constexpr std::uint64_t day_ms = 86'400'000;
constexpr std::uint64_t day_s = 86'400;

} // namespace

std::uint64_t per_day(const rate& r) noexcept
{
    // count_max × day_ms is below 2^63.
    return r.count * day_ms / static_cast<std::uint64_t>(r.per.count());
}

rate rate_of_day(std::uint64_t a_day, const rate& configured) noexcept
{
    if (a_day >= per_day(configured))
    {
        return configured;
    }
    // The unit in which it is a whole number, as a person would write it; else per second or day.
    rate out{a_day, milliseconds{day_ms}, 1};
    for (const std::uint64_t units : {day_s, day_s / 60, std::uint64_t{24}})
    {
        if (a_day % units == 0 || (units == day_s && a_day > rate::count_max))
        {
            out.count = std::min(a_day / units, rate::count_max);
            out.per = milliseconds{static_cast<std::int64_t>(day_ms / units)};
            break;
        }
    }
    out.burst = std::clamp<std::uint64_t>(a_day / day_s, 1, configured.burst);
    return out;
}

} // namespace hikyaku::shaping
