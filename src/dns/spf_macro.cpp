#include "spf_macro.h"

#include <algorithm>
#include <span>

#include <hikyaku/base/assert.h>
#include <hikyaku/dns/name.h>

#include "ascii.h"

namespace hikyaku::dns
{

namespace
{

constexpr std::string_view delimiters_allowed = ".-+,/_=";
constexpr std::string_view letters_everywhere = "slodiphv";
constexpr std::string_view letters_of_explanations = "crt";
/// More parts than any value has; larger numbers mean the same.
constexpr std::size_t keep_max = 65'535;
/// Only the right end of a name counts, so its left end is dropped while it grows.
constexpr std::size_t name_growth_max = 16 * name_text_bytes_max;

bool is_visible(char c)
{
    return c > ' ' && c <= '~';
}

/// Takes the transformers and delimiters between the letter and "}" (section 7.1).
bool read_transformers(std::string_view inside, macro_part& part)
{
    bool digits = false;
    while (!inside.empty() && is_digit(inside.front()))
    {
        digits = true;
        part.keep = std::min(keep_max, 10 * part.keep + static_cast<std::size_t>(inside[0] - '0'));
        inside.remove_prefix(1);
    }
    if (digits && part.keep == 0)
    {
        return false;
    }
    if (!inside.empty() && lower(inside.front()) == 'r')
    {
        part.reverse = true;
        inside.remove_prefix(1);
    }
    part.delimiters = inside;
    return inside.find_first_not_of(delimiters_allowed) == std::string_view::npos;
}

bool is_letter_of(char letter, macro_place place)
{
    return letters_everywhere.find(letter) != std::string_view::npos ||
           (place != macro_place::domain_spec &&
            letters_of_explanations.find(letter) != std::string_view::npos);
}

/// Reads a macro-expand at the front of `text`, which begins with "%".
bool read_expand(std::string_view& text, macro_place place, macro_string& out)
{
    const char kind = text.size() > 1 ? text[1] : '\0';
    if (kind == '%' || kind == '_' || kind == '-')
    {
        out.parts.push_back({kind == '%' ? "%" : kind == '_' ? " " : "%20"});
        text.remove_prefix(2);
        return true;
    }
    const std::size_t close = text.find('}');
    if (kind != '{' || close == std::string_view::npos || close < 3)
    {
        return false;
    }
    macro_part part;
    part.letter = lower(text[2]);
    part.escape = part.letter != text[2];
    if (!is_letter_of(part.letter, place) || !read_transformers(text.substr(3, close - 3), part))
    {
        return false;
    }
    out.parts.push_back(std::move(part));
    text.remove_prefix(close + 1);
    return true;
}

/// toplabel of section 7.1: letters, digits and inner hyphens, not digits alone.
bool is_toplabel(std::string_view label)
{
    return !label.empty() && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
           std::all_of(label.begin(), label.end(),
                       [](char c) { return is_alphanumeric(c) || c == '-'; }) &&
           !std::all_of(label.begin(), label.end(), is_digit);
}

/// domain-end of section 7.1, in the literal text after the last macro-expand; nothing there means
/// that the macro-expand ends it.
bool is_domain_end(std::string_view literal, bool after_expand)
{
    if (literal.empty())
    {
        return after_expand;
    }
    if (literal.ends_with('.'))
    {
        literal.remove_suffix(1);
    }
    const std::size_t dot = literal.rfind('.');
    return dot != std::string_view::npos && is_toplabel(literal.substr(dot + 1));
}

std::string dotted_nibbles(const ip_address& ip)
{
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : ip.bytes)
    {
        out += {hex[byte >> 4U], '.', hex[byte & 0xFU], '.'};
    }
    out.pop_back();
    return out;
}

std::string value_of(char letter, const macro_values& values)
{
    switch (letter)
    {
    case 's':
        return std::string(values.sender);
    case 'l':
        return std::string(values.local_part);
    case 'o':
        return std::string(values.sender_domain);
    case 'd':
        return std::string(values.domain);
    case 'i':
        return values.ip.is_v4() ? format_ip(values.ip) : dotted_nibbles(values.ip);
    case 'p':
        return std::string(values.client_name);
    case 'h':
        return std::string(values.helo);
    case 'v':
        return values.ip.is_v4() ? "in-addr" : "ip6";
    case 'c':
        return format_ip(values.ip);
    case 'r':
        return std::string(values.receiver);
    case 't':
        return std::to_string(std::chrono::floor<seconds>(values.now).time_since_epoch().count());
    default:
        // The parser lets no other through.
        HK_ASSERT(false);
        return {};
    }
}

/// Splits at the delimiters, reverses, keeps parts on the right, and joins with dots (section 7.3).
std::string transform(std::string_view value, const macro_part& part)
{
    const std::string_view delimiters =
        part.delimiters.empty() ? std::string_view(".") : std::string_view(part.delimiters);
    std::vector<std::string_view> pieces;
    while (true)
    {
        const std::size_t end = value.find_first_of(delimiters);
        pieces.push_back(value.substr(0, end));
        if (end == std::string_view::npos)
        {
            break;
        }
        value.remove_prefix(end + 1);
    }
    if (part.reverse)
    {
        std::reverse(pieces.begin(), pieces.end());
    }
    const std::size_t keep = part.keep == 0 ? pieces.size() : std::min(part.keep, pieces.size());
    std::string out;
    for (const std::string_view piece : std::span(pieces).last(keep))
    {
        out.append(piece);
        out += '.';
    }
    out.pop_back();
    return out;
}

/// RFC 3986 section 2.1: all but the unreserved characters.
std::string url_escape(std::string_view text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view unreserved_marks = "-._~";
    std::string out;
    for (const char c : text)
    {
        if (is_alphanumeric(c) || unreserved_marks.find(c) != std::string_view::npos)
        {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', hex[byte >> 4U], hex[byte & 0xFU]};
    }
    return out;
}

std::string expand(const macro_part& part, const macro_values& values)
{
    if (part.letter == 0)
    {
        return part.literal;
    }
    std::string out = transform(value_of(part.letter, values), part);
    return part.escape ? url_escape(out) : out;
}

} // namespace

bool macro_string::wants_client_name() const noexcept
{
    return std::any_of(parts.begin(), parts.end(),
                       [](const macro_part& part) { return part.letter == 'p'; });
}

std::optional<macro_string> parse_macro_string(std::string_view text, macro_place place)
{
    macro_string out;
    std::string_view literal;
    while (!text.empty())
    {
        if (text.front() == '%')
        {
            literal = {};
            if (!read_expand(text, place, out))
            {
                return std::nullopt;
            }
            continue;
        }
        literal = text.substr(0, text.find('%'));
        const bool spaces = place == macro_place::explanation;
        if (!std::all_of(literal.begin(), literal.end(),
                         [spaces](char c) { return is_visible(c) || (spaces && c == ' '); }))
        {
            return std::nullopt;
        }
        out.parts.push_back({std::string(literal)});
        text.remove_prefix(literal.size());
    }
    const bool whole =
        place != macro_place::domain_spec || is_domain_end(literal, !out.parts.empty());
    return whole ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::string> expand_text(const macro_string& macros, const macro_values& values,
                                       std::size_t bytes_max)
{
    std::string out;
    for (const macro_part& part : macros.parts)
    {
        out += expand(part, values);
        if (out.size() > bytes_max)
        {
            return std::nullopt;
        }
    }
    return out;
}

std::string expand_domain(const macro_string& macros, const macro_values& values)
{
    std::string out;
    for (const macro_part& part : macros.parts)
    {
        out += expand(part, values);
        if (out.size() > name_growth_max)
        {
            out.erase(0, out.size() - name_growth_max / 2);
        }
    }
    if (out.ends_with('.'))
    {
        out.pop_back();
    }
    while (out.size() > name_text_bytes_max)
    {
        const std::size_t dot = out.find('.');
        out.erase(0, dot == std::string::npos ? dot : dot + 1);
    }
    return out;
}

std::optional<std::string> name_to_ask(std::string_view domain)
{
    const bool literal = domain.starts_with('[') && domain.ends_with(']');
    const bool single = domain.find('.') == std::string_view::npos;
    // A final dot is off already: another one is an empty label.
    return literal || single || domain.ends_with('.') ? std::nullopt : canonical_query_name(domain);
}

std::optional<std::string> expand_name(const macro_string& macros, const macro_values& values)
{
    return name_to_ask(expand_domain(macros, values));
}

std::string reverse_name(const ip_address& ip)
{
    std::string text = ip.is_v4() ? format_ip(ip) : dotted_nibbles(ip);
    macro_part reversed;
    reversed.reverse = true;
    return transform(text, reversed) + (ip.is_v4() ? ".in-addr.arpa" : ".ip6.arpa");
}

} // namespace hikyaku::dns
