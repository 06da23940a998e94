#include <hikyaku/text/case.h>

#include <algorithm>

#include <unicode/bytestream.h>
#include <unicode/casemap.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/text/utf8.h>

#include "icu_string.h"

namespace hikyaku::text
{

namespace
{

constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr char upper(char c) noexcept
{
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

/// ICU passes some ill-formed sequences through. `repaired` outlives the view.
std::string_view well_formed(std::string_view utf8, std::string& repaired)
{
    if (is_valid_utf8(utf8))
    {
        return utf8;
    }
    repaired = to_valid_utf8(utf8);
    return repaired;
}

/// `ascii(char)` maps pure ASCII; `unicode(piece, sink, status)` everything else.
template <class Ascii, class Unicode>
std::string map_case(std::string_view utf8, Ascii ascii, Unicode unicode)
{
    std::string out;
    if (is_ascii(utf8))
    {
        out = utf8;
        std::ranges::transform(out, out.begin(), ascii);
        return out;
    }
    std::string repaired;
    UErrorCode status = U_ZERO_ERROR;
    icu::StringByteSink<std::string> sink(&out);
    unicode(to_piece(well_formed(utf8, repaired)), sink, status);
    HK_ASSERT(U_SUCCESS(status));
    return out;
}

} // namespace

std::string ascii_lower(std::string_view bytes)
{
    std::string out(bytes);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

bool ascii_iequals(std::string_view a, std::string_view b) noexcept
{
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string to_upper(std::string_view utf8)
{
    return map_case(utf8, upper, [](auto piece, auto& sink, auto& status)
                    { icu::CaseMap::utf8ToUpper("", 0, piece, sink, nullptr, status); });
}

std::string to_lower(std::string_view utf8)
{
    return map_case(utf8, lower, [](auto piece, auto& sink, auto& status)
                    { icu::CaseMap::utf8ToLower("", 0, piece, sink, nullptr, status); });
}

std::string fold_case(std::string_view utf8)
{
    return map_case(utf8, lower, [](auto piece, auto& sink, auto& status)
                    { icu::CaseMap::utf8Fold(0, piece, sink, nullptr, status); });
}

} // namespace hikyaku::text
