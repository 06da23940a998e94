#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <hikyaku/base/time.h>

namespace hikyaku::segment
{

enum class moment_kind
{
    /// A calendar day.
    day,
    /// A day counted from today: `months`, then `days`.
    relative_day,
    /// A point in time.
    instant,
    /// A point in time counted from now.
    relative_instant,
};

/// A date or time as a condition writes it.
struct moment
{
    moment_kind kind = moment_kind::day;
    std::int32_t days = 0; // since 1970-01-01, or from today
    std::int32_t months = 0;
    milliseconds at{0}; // since 1970, or from now
};

/// Half open, in milliseconds of the frame it was resolved in.
struct interval
{
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

/// Longest distance a relative date may name.
inline constexpr std::int32_t relative_days_max = 36'600;

/// @returns nullopt when the text is none of the forms listed at `condition`
[[nodiscard]] std::optional<moment> parse_moment(std::string_view text);

[[nodiscard]] constexpr bool is_day(const moment& m) noexcept
{
    return m.kind == moment_kind::day || m.kind == moment_kind::relative_day;
}

/// The day as milliseconds of local time since 1970-01-01. @pre is_day(m)
[[nodiscard]] interval local_interval(const moment& m, wall_time now, int offset_minutes);
/// The day, or the moment, in UTC.
[[nodiscard]] interval utc_interval(const moment& m, wall_time now, int offset_minutes);

} // namespace hikyaku::segment
