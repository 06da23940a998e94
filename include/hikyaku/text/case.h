#pragma once

#include <string>
#include <string_view>

namespace hikyaku::text
{

/// Full Unicode case mapping of UTF-8, root locale ("straße" → "STRASSE"). Ill-formed bytes become
/// U+FFFD. Pure, any thread; ASCII never reaches ICU.
[[nodiscard]] std::string to_upper(std::string_view utf8);
[[nodiscard]] std::string to_lower(std::string_view utf8);

/// Full default case folding (Unicode section 3.13): equal results mean equal but for case. For
/// comparing and indexing, not for showing. Ill-formed bytes become U+FFFD. Pure, any thread.
[[nodiscard]] std::string fold_case(std::string_view utf8);

/// ASCII letters only, every other byte kept: protocol words, host names, header names.
[[nodiscard]] std::string ascii_lower(std::string_view bytes);
/// Compares without regard to the case of ASCII letters.
[[nodiscard]] bool ascii_iequals(std::string_view a, std::string_view b) noexcept;

} // namespace hikyaku::text
