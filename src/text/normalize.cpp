#include <hikyaku/text/normalize.h>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/text/utf8.h>

#include "icu_string.h"

namespace hikyaku::text
{

namespace
{

std::string normalize(const icu::Normalizer2* form, UErrorCode status, std::string_view utf8)
{
    HK_ASSERT(U_SUCCESS(status) && form != nullptr);
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    form->normalizeUTF8(0, to_piece(utf8), sink, nullptr, status);
    HK_ASSERT(U_SUCCESS(status));
    return out;
}

} // namespace

std::string nfc(std::string_view utf8)
{
    if (is_ascii(utf8))
    {
        return std::string(utf8);
    }
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* form = icu::Normalizer2::getNFCInstance(status);
    return normalize(form, status, is_valid_utf8(utf8) ? utf8 : to_valid_utf8(utf8));
}

std::string nfkc(std::string_view utf8)
{
    if (is_ascii(utf8))
    {
        return std::string(utf8);
    }
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* form = icu::Normalizer2::getNFKCInstance(status);
    return normalize(form, status, is_valid_utf8(utf8) ? utf8 : to_valid_utf8(utf8));
}

} // namespace hikyaku::text
