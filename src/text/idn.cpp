#include <hikyaku/text/idn.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include <unicode/bytestream.h>
#include <unicode/idna.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include "icu_string.h"

namespace hikyaku::text
{

namespace
{

/// Longer input is refused unread: no name of 253 bytes has a U-label form near it.
constexpr std::size_t domain_input_bytes_max = 4 * domain_name_bytes_max;

/// Made once, never changed: ICU's IDNA objects are safe to share between threads.
const icu::IDNA& uts46()
{
    static const std::unique_ptr<const icu::IDNA> instance = []
    {
        UErrorCode status = U_ZERO_ERROR;
        constexpr std::uint32_t options = UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI |
                                          UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII |
                                          UIDNA_NONTRANSITIONAL_TO_UNICODE;
        std::unique_ptr<const icu::IDNA> made(icu::IDNA::createUTS46Instance(options, status));
        HK_ASSERT(U_SUCCESS(status) && made != nullptr);
        return made;
    }();
    return *instance;
}

/// The sentence for the first of ICU's error bits.
std::string describe(std::uint32_t errors)
{
    if ((errors & UIDNA_ERROR_EMPTY_LABEL) != 0)
    {
        return "The domain has an empty part: a dot at its start or end, or two dots in a row.";
    }
    if ((errors & UIDNA_ERROR_LABEL_TOO_LONG) != 0)
    {
        return "A part of the domain is longer than 63 bytes.";
    }
    if ((errors & UIDNA_ERROR_DOMAIN_NAME_TOO_LONG) != 0)
    {
        return "The domain is longer than 253 bytes.";
    }
    if ((errors & (UIDNA_ERROR_LEADING_HYPHEN | UIDNA_ERROR_TRAILING_HYPHEN)) != 0)
    {
        return "A part of the domain starts or ends with a hyphen.";
    }
    if ((errors & UIDNA_ERROR_HYPHEN_3_4) != 0)
    {
        return "A part of the domain has hyphens in its third and fourth place.";
    }
    if ((errors & (UIDNA_ERROR_PUNYCODE | UIDNA_ERROR_INVALID_ACE_LABEL)) != 0)
    {
        return "A part of the domain that starts with xn-- is not a valid encoded name.";
    }
    if ((errors & UIDNA_ERROR_BIDI) != 0)
    {
        return "The domain mixes writing directions in a way that is not allowed.";
    }
    return "The domain contains a character that is not allowed in a host name.";
}

constexpr bool is_letter_or_digit(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

enum class ascii_label
{
    good,    ///< letters, digits and inner hyphens
    encoded, ///< starts with xn--: UTS 46 must look inside
    bad,     ///< described by `errors`
};

ascii_label check_ascii_label(std::string_view label, std::uint32_t& errors)
{
    if (label.empty())
    {
        errors |= UIDNA_ERROR_EMPTY_LABEL;
    }
    else if (label.size() > domain_label_bytes_max)
    {
        errors |= UIDNA_ERROR_LABEL_TOO_LONG;
    }
    else if (!std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; }))
    {
        errors |= UIDNA_ERROR_DISALLOWED;
    }
    else if (label.front() == '-' || label.back() == '-')
    {
        errors |= UIDNA_ERROR_LEADING_HYPHEN;
    }
    else
    {
        return label.starts_with("xn--") ? ascii_label::encoded : ascii_label::good;
    }
    return ascii_label::bad;
}

/// Looks at a lower-case ASCII name. Hyphens in places 3 and 4 are let pass: names like
/// "r3---sn.example" exist.
ascii_label check_ascii_name(std::string_view name, std::uint32_t& errors)
{
    if (name.size() > domain_name_bytes_max)
    {
        errors |= UIDNA_ERROR_DOMAIN_NAME_TOO_LONG;
        return ascii_label::bad;
    }
    ascii_label worst = ascii_label::good;
    while (true)
    {
        const std::size_t dot = name.find('.');
        worst = std::max(worst, check_ascii_label(name.substr(0, dot), errors));
        if (dot == std::string_view::npos)
        {
            return worst;
        }
        name.remove_prefix(dot + 1);
    }
}

result<void, failure> check_input(std::string_view domain)
{
    if (domain.empty())
    {
        return failure{"The domain is empty."};
    }
    if (domain.size() > domain_input_bytes_max)
    {
        return failure{describe(UIDNA_ERROR_DOMAIN_NAME_TOO_LONG)};
    }
    if (!is_valid_utf8(domain))
    {
        return failure{"The domain is not valid UTF-8."};
    }
    return {};
}

enum class target
{
    ascii,
    unicode,
};

result<std::string, failure> process(std::string_view domain, target to)
{
    UErrorCode status = U_ZERO_ERROR;
    icu::IDNAInfo info;
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    if (to == target::ascii)
    {
        uts46().nameToASCII_UTF8(to_piece(domain), sink, info, status);
    }
    else
    {
        uts46().nameToUnicodeUTF8(to_piece(domain), sink, info, status);
    }
    HK_ASSERT(U_SUCCESS(status));
    if (info.hasErrors())
    {
        return failure{describe(info.getErrors())};
    }
    return {boost::system::in_place_value, std::move(out)};
}

} // namespace

result<std::string, failure> domain_to_ascii(std::string_view domain)
{
    if (const auto checked = check_input(domain); !checked)
    {
        return checked.error();
    }
    std::uint32_t errors = 0;
    std::string name;
    if (is_ascii(domain))
    {
        name = ascii_lower(domain);
        switch (check_ascii_name(name, errors))
        {
        case ascii_label::good:
            return {boost::system::in_place_value, std::move(name)};
        case ascii_label::bad:
            return failure{describe(errors)};
        case ascii_label::encoded:
            break;
        }
    }
    auto mapped = process(domain, target::ascii);
    if (!mapped)
    {
        return mapped;
    }
    // ICU lets a root's dot pass, and mapping may have made the name empty or too long.
    if (check_ascii_name(*mapped, errors) == ascii_label::bad)
    {
        return failure{describe(errors)};
    }
    return mapped;
}

result<std::string, failure> domain_to_unicode(std::string_view domain)
{
    const auto ascii = domain_to_ascii(domain);
    if (!ascii || ascii->find("xn--") == std::string::npos)
    {
        return ascii;
    }
    return process(*ascii, target::unicode);
}

} // namespace hikyaku::text
