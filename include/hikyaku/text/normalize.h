#pragma once

#include <string>
#include <string_view>

namespace hikyaku::text
{

/// Unicode normalisation forms of UTF-8 (UAX 15). NFC keeps the look (か + U+3099 → が), NFKC also
/// unifies widths and compatibility forms (ｶﾞ → ガ, ① → 1): for search keys, not for storage.
/// Ill-formed bytes become U+FFFD. Pure, any thread; ASCII never reaches ICU.
[[nodiscard]] std::string nfc(std::string_view utf8);
[[nodiscard]] std::string nfkc(std::string_view utf8);

} // namespace hikyaku::text
