#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hikyaku::config
{

/// The name with the fewest changed, added and left-out letters; nullptr when none is near.
[[nodiscard]] const std::string* find_nearest(std::string_view name,
                                              std::span<const std::string> names);

} // namespace hikyaku::config
