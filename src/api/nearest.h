#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hikyaku::api
{

/// The candidate that differs from `text` in the fewest characters (ASCII edits), empty when none
/// is near: 1 edit in short texts, 2 or 3 in longer ones. Texts over 64 bytes have no neighbour.
[[nodiscard]] std::string find_nearest(std::string_view text, std::span<const std::string> among);

} // namespace hikyaku::api
