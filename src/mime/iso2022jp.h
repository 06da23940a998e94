#pragma once

#include <string>
#include <string_view>

namespace hikyaku::mime
{

/// ISO-2022-JP as Windows and phones write it (CP50220, CP50221), as CP932: rows 13 and 89 to 92
/// of JIS X 0208 and half-width kana pass. Unknown escapes stay and become what CP932 makes of
/// them.
[[nodiscard]] std::string iso2022jp_to_cp932(std::string_view bytes);

} // namespace hikyaku::mime
