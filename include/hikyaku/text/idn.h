#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku::text
{

/// RFC 1035 section 2.3.4, of the A-label form and without the root's dot.
inline constexpr std::size_t domain_label_bytes_max = 63;
inline constexpr std::size_t domain_name_bytes_max = 253;

/// The lower-case A-label form of a host name: UTS 46 non-transitional, STD3 rules (letters,
/// digits, hyphens), CheckBidi, CheckJoiners. ASCII names take a path without ICU; their "xn--"
/// labels are still checked. Ideographic full stops count as dots.
///
/// @error a sentence: empty name or label (a dot at the end too), a character or label that isn't
///        allowed, a limit above exceeded, ill-formed UTF-8
/// Pure, any thread.
[[nodiscard]] result<std::string, failure> domain_to_ascii(std::string_view domain);

/// The U-label form for showing to people. Same rules and errors as domain_to_ascii.
[[nodiscard]] result<std::string, failure> domain_to_unicode(std::string_view domain);

} // namespace hikyaku::text
