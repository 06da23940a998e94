#include "report_view.h"

#include <algorithm>

#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

namespace hikyaku::bounce
{

namespace
{

/// Longest tag or entity that is one.
constexpr std::size_t tag_bytes_max = 4u << 10;
constexpr std::size_t entity_bytes_max = 10;

struct named_entity
{
    std::string_view name;
    std::string_view text;
};
constexpr named_entity entities[] = {
    {"lt", "<"},     {"gt", ">"},     {"amp", "&"},    {"quot", "\""},  {"apos", "'"},
    {"nbsp", " "},   {"auml", "ä"},   {"ouml", "ö"},   {"uuml", "ü"},   {"szlig", "ß"},
    {"eacute", "é"}, {"egrave", "è"}, {"agrave", "à"}, {"ccedil", "ç"}, {"ntilde", "ñ"},
    {"oacute", "ó"}, {"iacute", "í"}, {"aacute", "á"}, {"uacute", "ú"}, {"atilde", "ã"},
    {"otilde", "õ"}, {"ecirc", "ê"},  {"acirc", "â"},
};

/// Appends what "&…;" at the front stands for and returns its length; 0: it is none.
std::size_t append_entity(std::string& out, std::string_view at)
{
    const std::size_t end = at.substr(0, entity_bytes_max).find(';');
    if (end == std::string_view::npos || end < 2)
    {
        return 0;
    }
    const std::string_view name = at.substr(1, end - 1);
    if (name.front() != '#')
    {
        const auto* const known = std::ranges::find(entities, name, &named_entity::name);
        if (known == std::end(entities))
        {
            return 0;
        }
        out += known->text;
        return end + 1;
    }
    const bool hex = name.size() > 1 && (name[1] | 0x20) == 'x';
    char32_t value = 0;
    for (const char c : name.substr(hex ? 2 : 1))
    {
        const char lower = static_cast<char>(c | 0x20);
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(hex && lower >= 'a' && lower <= 'f'))
        {
            return 0;
        }
        value = value * (hex ? 16 : 10) + static_cast<char32_t>(digit ? c - '0' : lower - 'a' + 10);
    }
    text::append_code_point(out, value == 0xA0 ? U' ' : value);
    return end + 1;
}

bool ends_line(std::string_view tag) noexcept
{
    constexpr std::string_view names[] = {"br",  "p",   "/p",   "/div",       "div",    "/tr",
                                          "/li", "/h1", "/h2",  "/h3",        "/table", "hr",
                                          "/td", "pre", "/pre", "blockquote", "/title", "tr"};
    const std::size_t end = std::min(tag.find_first_of(" \t\r\n/", 1), tag.size());
    return std::ranges::any_of(names, [&](std::string_view n)
                               { return text::ascii_iequals(tag.substr(0, end), n); });
}

/// Where the text goes on behind "<style …>…</style>"; `at` is behind the tag.
std::size_t skip_hidden(std::string_view html, std::string_view tag, std::size_t at)
{
    for (const std::string_view name : {std::string_view("style"), std::string_view("script")})
    {
        if (text::ascii_iequals(tag.substr(0, name.size()), name))
        {
            const std::size_t close = html.find("</", at);
            return close == std::string_view::npos ? html.size() : close;
        }
    }
    return at;
}

} // namespace

std::string text_of_html(std::string_view html)
{
    std::string out;
    out.reserve(html.size() / 2);
    for (std::size_t at = 0; at < html.size();)
    {
        const char c = html[at];
        if (c == '<')
        {
            const std::size_t close = html.substr(at, tag_bytes_max).find('>');
            const std::string_view tag = close == std::string_view::npos
                                             ? std::string_view{}
                                             : html.substr(at + 1, close - 1);
            // "<user@example.com>" that somebody forgot to escape.
            const bool address = tag.find('@') != std::string_view::npos &&
                                 tag.find_first_of(" =\"") == std::string_view::npos;
            if (!tag.empty() && !address)
            {
                out += ends_line(tag) ? "\n" : "";
                at = skip_hidden(html, tag, at + close + 1);
                continue;
            }
        }
        const std::size_t taken = c == '&' ? append_entity(out, html.substr(at)) : 0;
        if (taken > 0)
        {
            at += taken;
            continue;
        }
        out.push_back(c == '\r' || c == '\t' ? ' ' : c);
        ++at;
    }
    return out;
}

} // namespace hikyaku::bounce
