#include "day_rate.h"

#include <algorithm>
#include <numeric>

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
    rate out;
    const std::uint64_t common = std::gcd(a_day, day_ms);
    out.count = a_day / common;
    out.per = milliseconds{static_cast<std::int64_t>(day_ms / common)};
    if (out.count > rate::count_max)
    {
        out.count = std::min(a_day / day_s, rate::count_max);
        out.per = seconds{1};
    }
    out.burst = std::clamp<std::uint64_t>(a_day / day_s, 1, configured.burst);
    return out;
}

} // namespace hikyaku::shaping
