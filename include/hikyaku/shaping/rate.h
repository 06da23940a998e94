#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>

namespace hikyaku::shaping
{

/// So many per period, and how many of them may come at once.
/// Invariant of a parsed rate: every member is positive and within its named limit.
struct rate
{
    static constexpr std::uint64_t count_max = 1'000'000'000;
    static constexpr milliseconds per_max = std::chrono::hours{24};

    std::uint64_t count = 1;
    milliseconds per = seconds{1};
    /// The most tokens a bucket holds.
    std::uint64_t burst = 1;

    friend bool operator==(const rate&, const rate&) = default;
};

/// Parses "1000/h", "100/s", "30/min", "5/10s" with an optional burst: "1000/h,50". Units are
/// s, sec, m, min, h, hour, d, day, with an optional count before them. Without a burst it is what
/// one second earns, at least 1: the rate is then even over any second.
///
/// @error says what is wrong with the text; zero, overflow and more than a day are refused.
[[nodiscard]] result<rate, failure> parse_rate(std::string_view text);

/// The text parse_rate reads back to the same rate; the burst is always written.
[[nodiscard]] std::string format_rate(const rate& r);

} // namespace hikyaku::shaping
