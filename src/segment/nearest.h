#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hikyaku::segment
{

/// The name in `names` that is most like `name`, if it is like it at all: at most a third of its bytes
/// changed, though 1 is always allowed, and 2 from 4 bytes on. Else empty. Borrows from `names`.
[[nodiscard]] std::string_view find_nearest(std::string_view name,
                                            std::span<const std::string> names);

} // namespace hikyaku::segment
