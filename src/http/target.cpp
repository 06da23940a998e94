#include "target.h"

#include <algorithm>
#include <cstdint>

namespace hikyaku::http
{
namespace
{

int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9')
    {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f')
    {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F')
    {
        return c - 'A' + 10;
    }
    return -1;
}

/// The length of the well-formed sequence at the front, 0 if there is none.
std::size_t sequence_length(std::string_view at) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(at[i]); };
    const auto follows = [&](std::size_t i, unsigned low, unsigned high)
    { return i < at.size() && byte(i) >= low && byte(i) <= high; };
    const unsigned lead = byte(0);
    if (lead < 0x80)
    {
        return lead == 0 ? 0 : 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF)
    {
        return follows(1, 0x80, 0xBF) ? 2 : 0;
    }
    if (lead >= 0xE0 && lead <= 0xEF)
    {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4)
    {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
    }
    return 0;
}

constexpr refusal bad_target{400, "bad_target", "The request target is malformed."};

/// "http://host/path" → "/path": the authority was checked as Host is, and is not used.
std::string_view origin_form(std::string_view target) noexcept
{
    for (const std::string_view scheme : {"http://", "https://"})
    {
        if (equal_ignoring_case(target.substr(0, scheme.size()), scheme))
        {
            const auto rest = target.substr(scheme.size());
            const auto slash = rest.find_first_of("/?");
            if (slash == std::string_view::npos || rest[slash] == '?')
            {
                return {};
            }
            return rest.substr(slash);
        }
    }
    return target;
}

bool decode_path(std::string_view raw, std::string& out)
{
    std::size_t from = 0;
    while (from <= raw.size())
    {
        const auto end = std::min(raw.find('/', from), raw.size());
        const auto segment = percent_decode(raw.substr(from, end - from), false);
        if (!segment || *segment == "." || *segment == "..")
        {
            return false;
        }
        out += (from == 0 ? "" : "/") + *segment;
        from = end + 1;
    }
    return true;
}

bool decode_query(std::string_view raw, query_parameters& out)
{
    while (!raw.empty())
    {
        const auto end = std::min(raw.find('&'), raw.size());
        const auto pair = raw.substr(0, end);
        raw.remove_prefix(std::min(end + 1, raw.size()));
        if (pair.empty())
        {
            continue;
        }
        const auto equals = std::min(pair.find('='), pair.size());
        auto name = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
        if (!name || !value || out.size() == query_parameters_max)
        {
            return false;
        }
        out.add(std::move(*name), std::move(*value));
    }
    return true;
}

} // namespace

bool is_clean_utf8(std::string_view text) noexcept
{
    while (!text.empty())
    {
        const auto length = sequence_length(text);
        if (length == 0)
        {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        if (text[i] == '%')
        {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
            {
                return std::nullopt;
            }
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        }
        else
        {
            out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
        }
    }
    if (!is_clean_utf8(out))
    {
        return std::nullopt;
    }
    return out;
}

result<parsed_target, refusal> parse_target(std::string_view target)
{
    for (const char c : target)
    {
        if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7F ||
            c == '#')
        {
            return bad_target;
        }
    }
    const auto form = origin_form(target);
    if (form.empty() || form.front() != '/')
    {
        return bad_target;
    }
    parsed_target parsed;
    const auto question = std::min(form.find('?'), form.size());
    parsed.raw_path = form.substr(0, question);
    if (!decode_path(parsed.raw_path, parsed.path) ||
        !decode_query(form.substr(std::min(question + 1, form.size())), parsed.query))
    {
        return bad_target;
    }
    return parsed;
}

} // namespace hikyaku::http
