#pragma once

#include "promises.h"

namespace hikyaku::sim
{

/// Fills a world from its seed: sites, domains, campaigns and what happens to them.
[[nodiscard]] expectations make_scenario(world& w, std::uint64_t seed);

/// When every campaign must have ended.
inline constexpr milliseconds scenario_max{45 * 60'000};

} // namespace hikyaku::sim
