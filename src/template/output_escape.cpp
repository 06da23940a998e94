#include "output_escape.h"

#include <hikyaku/text/utf8.h>

#include <array>

namespace hikyaku::tmpl
{
namespace
{

constexpr std::string_view entity_of(char c) noexcept
{
    switch (c)
    {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return {};
    }
}

constexpr auto is_special = []
{
    std::array<bool, 256> table{};
    for (const char c : {'&', '<', '>', '"', '\''})
    {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

/// Bytes that a header takes as they are without a closer look.
constexpr bool is_plain(char c) noexcept
{
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F;
}

constexpr bool breaks_header(char32_t c) noexcept
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

} // namespace

void append_html(std::string& out, std::string_view text)
{
    std::size_t start = 0;
    for (std::size_t at = 0; at < text.size(); ++at)
    {
        if (is_special[static_cast<unsigned char>(text[at])])
        {
            out.append(text.substr(start, at - start)).append(entity_of(text[at]));
            start = at + 1;
        }
    }
    out.append(text.substr(start));
}

void append_header(std::string& out, std::string_view text)
{
    while (!text.empty())
    {
        std::size_t plain = 0;
        while (plain < text.size() && is_plain(text[plain]))
        {
            ++plain;
        }
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty())
        {
            break;
        }
        const auto point = text::first_code_point(text);
        if (breaks_header(point.value))
        {
            out.push_back(' ');
        }
        else if (point.valid)
        {
            out.append(text.substr(0, point.size));
        }
        else
        {
            out.append("\xEF\xBF\xBD");
        }
        text.remove_prefix(point.size);
    }
}

void append_escaped(std::string& out, std::string_view text, escape_mode mode)
{
    switch (mode)
    {
    case escape_mode::none:
        out.append(text);
        return;
    case escape_mode::html:
        append_html(out, text);
        return;
    case escape_mode::header:
        append_header(out, text);
        return;
    }
}

} // namespace hikyaku::tmpl
