#include <hikyaku/mime/address.h>

#include <algorithm>
#include <array>
#include <utility>

#include <hikyaku/text/case.h>
#include <hikyaku/text/normalize.h>
#include <hikyaku/text/utf8.h>

#include "address_domain.h"
#include "ascii.h"

namespace hikyaku::mime
{

namespace
{

/// Exact names. Vodafone had one subdomain per region (d.vodafone.ne.jp, h.vodafone.ne.jp, …).
constexpr std::array<std::string_view, 6> dot_carriers = {
    "docomo.ne.jp", "ezweb.ne.jp", "au.com", "i.softbank.jp", "softbank.ne.jp", "vodafone.ne.jp"};
constexpr std::string_view regional_carrier_suffix = ".vodafone.ne.jp";

constexpr char32_t full_width_first = 0xFF01;
constexpr char32_t full_width_last = 0xFF5E;
constexpr std::string_view full_width_at = "\xEF\xBC\xA0";

/// A sentence, or nullptr when the character may stand in a local part beyond ASCII.
const char* refusal_of(char32_t c) noexcept
{
    if (c < 0xA0 || c == 0x2028 || c == 0x2029 || c == 0xFEFF || (c >= 0x202A && c <= 0x202E) ||
        (c >= 0x2066 && c <= 0x2069) || (c & 0xFFFEU) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF))
    {
        return "The part before the @ contains an invisible control character.";
    }
    if (c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200B) || c == 0x202F || c == 0x205F ||
        c == 0x3000)
    {
        return "The part before the @ contains a space.";
    }
    if (c >= full_width_first && c <= full_width_last)
    {
        return "The part before the @ contains full-width letters or signs; write them half-width.";
    }
    return nullptr;
}

/// Where the dots of an unquoted local part stand.
enum class dots
{
    ordinary, ///< a dot-string (RFC 5321)
    odd,      ///< at the start, at the end or in a row
};

dots dots_of(std::string_view local) noexcept
{
    const bool odd = local.empty() || local.front() == '.' || local.back() == '.' ||
                     local.find("..") != std::string_view::npos;
    return odd ? dots::odd : dots::ordinary;
}

bool is_atom_text(std::string_view s) noexcept
{
    return std::ranges::all_of(s,
                               [](char c) { return c == '.' || is_atext(c) || !is_ascii_byte(c); });
}

bool is_dot_string(std::string_view local) noexcept
{
    return dots_of(local) == dots::ordinary && is_atom_text(local);
}

void append_quoted(std::string& out, std::string_view local)
{
    out.push_back('"');
    for (const char c : local)
    {
        if (c == '"' || c == '\\')
        {
            out.push_back('\\');
        }
        out.push_back(c);
    }
    out.push_back('"');
}

/// The local part, unquoted, and what follows its "@".
struct split_address
{
    std::string local;
    std::size_t typed_bytes = 0;
    bool quoted = false;
    std::string_view domain;
};

result<split_address, failure> split_quoted(std::string_view text)
{
    split_address parts;
    parts.quoted = true;
    std::size_t at = 1;
    for (; at < text.size() && text[at] != '"'; ++at)
    {
        if (text[at] == '\\')
        {
            ++at;
            if (at == text.size() || !is_ascii_byte(text[at]))
            {
                return failure{"A backslash in the quoted part must stand before a character that "
                               "can be typed in ASCII."};
            }
        }
        parts.local.push_back(text[at]);
    }
    if (at >= text.size())
    {
        return failure{"The quotation mark at the start is never closed."};
    }
    parts.typed_bytes = at + 1;
    if (parts.typed_bytes == text.size())
    {
        return failure{"The address has no @."};
    }
    if (text[parts.typed_bytes] != '@')
    {
        return failure{"After the closing quotation mark only @ and the domain may follow."};
    }
    parts.domain = text.substr(parts.typed_bytes + 1);
    return parts;
}

result<split_address, failure> split_plain(std::string_view text)
{
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos)
    {
        return failure{text.find(full_width_at) == std::string_view::npos
                           ? "The address has no @."
                           : "The @ is written full-width; write it half-width."};
    }
    if (at == 0)
    {
        return failure{"There is nothing before the @."};
    }
    split_address parts;
    parts.local = text.substr(0, at);
    parts.typed_bytes = at;
    parts.domain = text.substr(at + 1);
    if (parts.domain.find('@') != std::string_view::npos)
    {
        return failure{"The address has more than one @."};
    }
    return parts;
}

/// Every character but the placing of dots.
result<void, failure> check_local_characters(const split_address& parts)
{
    if (!parts.quoted && parts.local.find(' ') != std::string::npos)
    {
        return failure{"The part before the @ contains a space."};
    }
    for (const char c : parts.local)
    {
        if (!parts.quoted && is_ascii_byte(c) && c != '.' && !is_atext(c))
        {
            return failure{std::string("The part before the @ contains the character ") + c +
                           ", which must be quoted."};
        }
    }
    for (std::string_view rest = parts.local; !rest.empty();)
    {
        const text::code_point c = text::first_code_point(rest);
        const char* const refusal = c.value < 0x80 ? nullptr : refusal_of(c.value);
        if (refusal != nullptr)
        {
            return failure{refusal};
        }
        rest.remove_prefix(c.size);
    }
    return {};
}

result<void, failure> check_bytes(std::string_view text)
{
    if (text.empty())
    {
        return failure{"The address is empty."};
    }
    // The domain shrinks or grows as A-labels; this bounds the work before anything is decoded.
    constexpr std::size_t typed_bytes_max = local_part_bytes_max + 1 + 4 * address_domain_bytes_max;
    if (text.size() > typed_bytes_max)
    {
        return failure{"The address is too long."};
    }
    if (text.front() == ' ' || text.back() == ' ')
    {
        return failure{"The address starts or ends with a space."};
    }
    if (std::ranges::any_of(text, [](char c) { return is_control(c); }))
    {
        return failure{"The address contains a control character."};
    }
    if (!text::is_valid_utf8(text))
    {
        return failure{"The address is not valid UTF-8."};
    }
    return {};
}

/// What depends on the domain, and the limits.
result<void, failure> check_mailbox(const split_address& parts, const address& made,
                                    const address_options& options)
{
    const bool may_have_odd_dots =
        parts.quoted || (options.allow_carrier_dots && is_dot_carrier(made.domain_ascii) &&
                         parts.local.find_first_not_of('.') != std::string::npos);
    if (!may_have_odd_dots && dots_of(parts.local) == dots::odd)
    {
        return failure{"The part before the @ has a dot at its start or end, or two in a row."};
    }
    if (made.needs_smtputf8 && !options.allow_smtputf8)
    {
        return failure{"The part before the @ contains characters beyond ASCII."};
    }
    const std::string path = made.smtp_path();
    const std::size_t sent_bytes = path.size() - made.domain_ascii.size() - 1;
    if (std::max(parts.typed_bytes, sent_bytes) > local_part_bytes_max)
    {
        return failure{"The part before the @ is longer than 64 bytes."};
    }
    if (path.size() > address_path_bytes_max)
    {
        return failure{"The address is longer than 254 bytes."};
    }
    return {};
}

} // namespace

bool is_dot_carrier(std::string_view domain_ascii) noexcept
{
    return std::ranges::find(dot_carriers, domain_ascii) != dot_carriers.end() ||
           domain_ascii.ends_with(regional_carrier_suffix);
}

std::string address::normalized() const
{
    const std::string key = text::ascii_lower(text::nfc(local));
    const bool plain = is_dot_string(key) || (!key.empty() && is_atom_text(key) &&
                                              key.find_first_not_of('.') != std::string::npos &&
                                              is_dot_carrier(domain_ascii));
    std::string out;
    if (plain)
    {
        out = key;
    }
    else
    {
        append_quoted(out, key);
    }
    return out.append(1, '@').append(domain_ascii);
}

std::string address::smtp_path() const
{
    std::string out;
    out.reserve(local.size() + domain_ascii.size() + 3);
    if (is_dot_string(local))
    {
        out = local;
    }
    else
    {
        append_quoted(out, local);
    }
    return out.append(1, '@').append(domain_ascii);
}

result<address, failure> parse_address(std::string_view text, const address_options& options)
{
    if (const auto checked = check_bytes(text); !checked)
    {
        return checked.error();
    }
    auto parts = text.front() == '"' ? split_quoted(text) : split_plain(text);
    if (!parts)
    {
        return parts.error();
    }
    if (const auto checked = check_local_characters(*parts); !checked)
    {
        return checked.error();
    }
    auto domain = check_address_domain(parts->domain, options);
    if (!domain)
    {
        return domain.error();
    }
    address made;
    made.local = parts->local;
    made.domain_ascii = std::move(*domain);
    made.needs_smtputf8 = !text::is_ascii(made.local);
    if (const auto checked = check_mailbox(*parts, made, options); !checked)
    {
        return checked.error();
    }
    return made;
}

address_report report_address(std::string_view text, const address_options& options)
{
    const auto parsed = parse_address(text, options);
    address_report report;
    if (!parsed)
    {
        report.reason = parsed.error().text;
        return report;
    }
    report.valid = true;
    report.normalized = parsed->normalized();
    report.domain_ascii = parsed->domain_ascii;
    report.needs_smtputf8 = parsed->needs_smtputf8;
    return report;
}

} // namespace hikyaku::mime
