#include <hikyaku/mime/content_type.h>

#include <algorithm>
#include <optional>

#include <hikyaku/mime/charset.h>
#include <hikyaku/mime/encoded_word.h>
#include <hikyaku/mime/header_block.h>
#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include "ascii.h"
#include "raw_line.h"

namespace hikyaku::mime
{

namespace
{

/// RFC 2231 section 3 numbers continuations from 0; nobody needs more.
constexpr std::size_t continuations_max = 100;

/// One parameter as it stands there.
struct raw_parameter
{
    std::string name;      ///< without RFC 2231's "*" and number
    std::size_t index = 0; ///< of a continuation
    std::size_t order = 0; ///< of its place
    bool numbered = false;
    bool extended = false; ///< name ended in "*": percent-encoded, perhaps with a charset in front
    std::string value;
};

/// Drops comments (RFC 822 section 3.4.3) outside quotes.
std::string without_comments(std::string_view text)
{
    std::string out;
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const char c = text[i];
        if (c == '\\' && i + 1 < text.size() && (quoted || depth > 0))
        {
            if (depth == 0)
            {
                out.append(text.substr(i, 2));
            }
            ++i;
            continue;
        }
        quoted = depth == 0 && c == '"' ? !quoted : quoted;
        if (c == '(' && !quoted)
        {
            ++depth;
        }
        if (depth == 0)
        {
            out.push_back(c);
        }
        if (c == ')' && !quoted && depth > 0)
        {
            --depth;
        }
    }
    // One that never ends was none.
    return depth == 0 ? out : std::string(text);
}

/// Takes a quoted-string or everything up to the next semicolon.
std::string take_value(std::string_view& rest)
{
    std::string value;
    if (!rest.starts_with('"'))
    {
        const std::size_t end = std::min(rest.find(';'), rest.size());
        value = trim_blanks(rest.substr(0, end));
        rest.remove_prefix(end);
        return value;
    }
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != '"'; ++i)
    {
        if (rest[i] == '\\' && i + 1 < rest.size())
        {
            ++i;
        }
        value.push_back(rest[i]);
    }
    const std::size_t end = std::min(rest.find(';', i), rest.size());
    rest.remove_prefix(end);
    return value;
}

void name_parameter(raw_parameter& p, std::string_view name)
{
    if (name.ends_with('*'))
    {
        p.extended = true;
        name.remove_suffix(1);
    }
    const std::size_t star = name.find('*');
    if (star != std::string_view::npos)
    {
        std::size_t index = 0;
        for (const char c : name.substr(star + 1))
        {
            index = is_digit(c) && index < continuations_max
                        ? index * 10 + static_cast<std::size_t>(c - '0')
                        : continuations_max;
        }
        p.numbered = true;
        p.index = index;
        name = name.substr(0, star);
    }
    p.name = text::ascii_lower(name);
}

std::optional<raw_parameter> take_parameter(std::string_view& rest)
{
    const std::size_t start = rest.find_first_not_of("; \t\r\n");
    if (start == std::string_view::npos)
    {
        rest = {};
        return std::nullopt;
    }
    rest.remove_prefix(start);
    const std::size_t end = std::min(rest.find_first_of("=;"), rest.size());
    const std::string_view name = trim_blanks(rest.substr(0, end));
    rest.remove_prefix(end);
    raw_parameter p;
    name_parameter(p, name);
    if (rest.starts_with('='))
    {
        rest.remove_prefix(1);
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
        p.value = take_value(rest);
    }
    return p;
}

std::string percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        out.push_back(low >= 0 ? static_cast<char>(high * 16 + low) : text[i]);
        i += low >= 0 ? 2 : 0;
    }
    return out;
}

/// Joins the pieces of one parameter (RFC 2231 section 4.1). @pre pieces not empty, in order
std::string join(const std::vector<const raw_parameter*>& pieces)
{
    std::string_view charset;
    std::string bytes;
    bool any_extended = false;
    for (const raw_parameter* piece : pieces)
    {
        std::string_view value = piece->value;
        if (piece->extended)
        {
            const std::size_t first = value.find('\'');
            const std::size_t second =
                first == std::string_view::npos ? first : value.find('\'', first + 1);
            if (piece == pieces.front() && second != std::string_view::npos)
            {
                charset = value.substr(0, first);
                value.remove_prefix(second + 1);
            }
            any_extended = true;
            bytes += percent_decoded(value);
            continue;
        }
        bytes += value;
    }
    if (!any_extended)
    {
        return decode_encoded_words(bytes);
    }
    return to_utf8(bytes, charset.empty() ? "utf-8" : charset).value_or(text::to_valid_utf8(bytes));
}

} // namespace

std::string_view content_type::get(std::string_view name) const noexcept
{
    const auto found =
        std::ranges::find_if(parameters, [name](const auto& p) { return p.first == name; });
    return found == parameters.end() ? std::string_view{} : std::string_view(found->second);
}

content_type parse_content_type(std::string_view value)
{
    content_type made;
    const std::string line = without_comments(unfold(value.substr(0, parameter_text_bytes_max)));
    std::string_view rest = line;
    const std::size_t end = std::min(rest.find(';'), rest.size());
    made.media = text::ascii_lower(trim_blanks(rest.substr(0, end)));
    std::erase_if(made.media, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
    rest.remove_prefix(end);

    std::vector<raw_parameter> raw;
    while (!rest.empty() && raw.size() < parameters_max)
    {
        if (auto p = take_parameter(rest))
        {
            p->order = raw.size();
            raw.push_back(std::move(*p));
        }
    }
    std::ranges::sort(raw, {}, [](const raw_parameter& p) { return std::pair(p.index, p.order); });
    for (const raw_parameter& p : raw)
    {
        const bool known =
            std::ranges::any_of(made.parameters, [&p](const auto& m) { return m.first == p.name; });
        if (known || p.name.empty())
        {
            continue;
        }
        std::vector<const raw_parameter*> pieces;
        for (const raw_parameter& other : raw)
        {
            // A plain one and an extended one of the same name: the first stands.
            if (other.name == p.name && (pieces.empty() || (p.numbered && other.numbered)))
            {
                pieces.push_back(&other);
            }
        }
        made.parameters.emplace_back(p.name, join(pieces));
    }
    return made;
}

} // namespace hikyaku::mime
