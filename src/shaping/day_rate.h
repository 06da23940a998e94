#pragma once

#include <cstdint>

#include <hikyaku/shaping/rate.h>

namespace hikyaku::shaping
{

/// How many a day, rounded down: the unit in which rates are lowered and raised. At least 1.
/// @pre r is as parse_rate makes it
[[nodiscard]] std::uint64_t per_day(const rate& r) noexcept;

/// A rate of `a_day` (at least 1), rounded down, never more than `configured`: that one itself when
/// `a_day` reaches it. The burst is what one second earns, at most the configured one.
[[nodiscard]] rate rate_of_day(std::uint64_t a_day, const rate& configured) noexcept;

} // namespace hikyaku::shaping
