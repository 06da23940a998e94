#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku
{

/// Wall clock, milliseconds since 1970-01-01T00:00:00Z. Due, expiry and log times.
using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;
/// Monotonic clock. Buckets, deadlines and measured durations.
using mono_time = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

[[nodiscard]] constexpr std::int64_t to_unix_ms(wall_time t) noexcept
{
    return t.time_since_epoch().count();
}
[[nodiscard]] constexpr wall_time from_unix_ms(std::int64_t ms) noexcept
{
    return wall_time{milliseconds{ms}};
}

/// RFC 3339 with milliseconds and a fixed offset in minutes east of UTC:
/// "2026-11-24T09:00:00.000+09:00".
[[nodiscard]] std::string format_rfc3339(wall_time t, int offset_minutes);
/// Parses RFC 3339 (date-time with offset or Z; fraction optional).
[[nodiscard]] result<wall_time, failure> parse_rfc3339(std::string_view text);
/// Parses "90s", "15m", "72h", "7d", "250ms". Positive only.
[[nodiscard]] result<milliseconds, failure> parse_duration(std::string_view text);

/// The clock seam. Implementations are thread-safe.
class clock
{
public:
    virtual ~clock() = default;
    [[nodiscard]] virtual wall_time wall() const noexcept = 0;
    [[nodiscard]] virtual mono_time mono() const noexcept = 0;
};

/// The machine's clocks. Lives as long as the process.
[[nodiscard]] const clock& system_clock() noexcept;

} // namespace hikyaku
