#pragma once

#include <cstdint>
#include <string>

#include <hikyaku/base/time.h>

namespace hikyaku::cli
{

/// "1,234,567". Pure, as everything here.
[[nodiscard]] std::string format_count(std::uint64_t value);
/// Per second: "0.4/s", "12.5/s", "3,214/s". Negative and non-finite values are 0.
[[nodiscard]] std::string format_rate(double per_s);
/// The two largest units: "0s", "42s", "2m 28s", "1h 05m", "3d 04h". Negative is 0.
[[nodiscard]] std::string format_duration(milliseconds length);
/// "512 B", "1.5 KB", "20.0 MB" (powers of 1024).
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

} // namespace hikyaku::cli
