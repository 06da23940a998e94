#include <hikyaku/http/form_body.h>

#include <algorithm>
#include <string>

#include "target.h"

namespace hikyaku::http
{
namespace
{

constexpr std::string_view crlf = "\r\n";

std::string_view trim(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
    {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A parameter's value at the front of `text`, which starts after '='; what follows is left.
/// nullopt: a quoted string without end.
std::optional<std::string> take_value(std::string_view& text)
{
    if (!text.starts_with('"'))
    {
        const auto end = std::min(text.find(';'), text.size());
        std::string out(trim(text.substr(0, end)));
        text.remove_prefix(end);
        return out;
    }
    std::string out;
    for (std::size_t i = 1; i < text.size(); ++i)
    {
        if (text[i] == '"')
        {
            text.remove_prefix(i + 1);
            return out;
        }
        // Browsers write %22 for a quote (RFC 7578 section 4.2); a quoted pair is older.
        i += text[i] == '\\' && i + 1 < text.size() ? 1 : 0;
        out.push_back(text[i]);
    }
    return std::nullopt;
}

/// A parameter of a header value such as `form-data; name="x"`.
std::optional<std::string> find_parameter(std::string_view value, std::string_view wanted)
{
    while (true)
    {
        const auto semicolon = value.find(';');
        if (semicolon == std::string_view::npos)
        {
            return std::nullopt;
        }
        value.remove_prefix(semicolon + 1);
        const auto equals = value.find('=');
        if (equals == std::string_view::npos)
        {
            return std::nullopt;
        }
        const auto name = trim(value.substr(0, equals));
        value.remove_prefix(equals + 1);
        auto found = take_value(value);
        if (!found || equal_ignoring_case(name, wanted))
        {
            return found;
        }
    }
}

/// The name in a part's Content-Disposition.
std::optional<std::string> find_name(std::string_view headers)
{
    while (!headers.empty())
    {
        const auto end = std::min(headers.find(crlf), headers.size());
        const auto line = headers.substr(0, end);
        headers.remove_prefix(std::min(end + crlf.size(), headers.size()));
        const auto colon = line.find(':');
        if (colon != std::string_view::npos &&
            equal_ignoring_case(trim(line.substr(0, colon)), "Content-Disposition"))
        {
            return find_parameter(line.substr(colon + 1), "name");
        }
    }
    return std::nullopt;
}

bool add_part(std::string_view part, query_parameters& out)
{
    // No header at all: the part has no name.
    const auto end = part.find("\r\n\r\n");
    if (end == std::string_view::npos || end > form_part_header_bytes_max)
    {
        return false;
    }
    auto name = find_name(part.substr(0, end));
    const auto value = part.substr(end + 4);
    if (!name || !is_clean_utf8(*name) || !is_clean_utf8(value) || out.size() == form_fields_max)
    {
        return false;
    }
    out.add(std::move(*name), std::string(value));
    return true;
}

bool parse_multipart(std::string_view boundary, std::string_view body, query_parameters& out)
{
    const std::string opening = "--" + std::string(boundary);
    const std::string delimiter = "\r\n" + opening;
    // A preamble may stand before the first delimiter (RFC 2046 section 5.1.1).
    if (!body.starts_with(opening))
    {
        const auto first = body.find(delimiter);
        if (first == std::string_view::npos)
        {
            return false;
        }
        body.remove_prefix(first + crlf.size());
    }
    body.remove_prefix(opening.size());
    while (!body.starts_with("--"))
    {
        const auto line_end = body.find(crlf);
        if (line_end == std::string_view::npos || !trim(body.substr(0, line_end)).empty())
        {
            return false;
        }
        const auto next = body.find(delimiter, line_end + crlf.size());
        if (next == std::string_view::npos ||
            !add_part(body.substr(line_end + crlf.size(), next - line_end - crlf.size()), out))
        {
            return false;
        }
        body.remove_prefix(next + delimiter.size());
    }
    return true;
}

bool parse_urlencoded(std::string_view body, query_parameters& out)
{
    while (!body.empty())
    {
        const auto end = std::min(body.find('&'), body.size());
        const auto pair = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        if (pair.empty())
        {
            continue;
        }
        const auto equals = std::min(pair.find('='), pair.size());
        auto name = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
        if (!name || !value || out.size() == form_fields_max)
        {
            return false;
        }
        out.add(std::move(*name), std::move(*value));
    }
    return true;
}

} // namespace

std::optional<query_parameters> parse_form(std::string_view content_type, std::string_view body)
{
    query_parameters out;
    const auto type =
        trim(content_type.substr(0, std::min(content_type.find(';'), content_type.size())));
    if (!equal_ignoring_case(type, "multipart/form-data"))
    {
        return parse_urlencoded(body, out) ? std::optional(std::move(out)) : std::nullopt;
    }
    const auto boundary = find_parameter(content_type, "boundary");
    if (!boundary || boundary->empty() || boundary->size() > form_boundary_bytes_max ||
        !parse_multipart(*boundary, body, out))
    {
        return std::nullopt;
    }
    return out;
}

} // namespace hikyaku::http
