#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <hikyaku/base/time.h>

namespace hikyaku::shaping
{

/// A calendar day as the number of days since 1970-01-01, in whichever time zone the caller counts.
using day_number = std::int32_t;
/// A calendar month: year * 12 + month - 1.
using month_number = std::int32_t;

/// Where a moment lies in somebody's calendar, and when that day and month end. The caller knows
/// the time zone; everything that counts per day or month takes one of these.
struct local_date
{
    day_number day = 0;
    month_number month = 0;
    wall_time day_ends{};
    wall_time month_ends{};
    friend bool operator==(const local_date&, const local_date&) = default;
};

/// The date of `now` at a fixed offset in minutes east of UTC. Pure.
[[nodiscard]] local_date make_local_date(wall_time now, int offset_minutes);

/// "2026-11-24", a day that exists (RFC 3339 full-date), from 1970 to 9999.
[[nodiscard]] std::optional<day_number> parse_day(std::string_view text);

} // namespace hikyaku::shaping
