#include "filters.h"

#include "output_escape.h"

#include <array>

#include <hikyaku/text/utf8.h>

namespace hikyaku::tmpl::filters
{
namespace
{

bool is_alphanumeric(char c) noexcept
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// &name; or &#123; at the front: what escape_once leaves alone.
bool starts_with_entity(std::string_view text) noexcept
{
    const bool numeric = text.size() > 1 && text[1] == '#';
    std::size_t at = numeric ? 2 : 1;
    const auto start = at;
    while (at < text.size() && (numeric ? text[at] >= '0' && text[at] <= '9'
                                        : is_alphanumeric(text[at]) && text[at] > '9'))
    {
        ++at;
    }
    return at > start && at < text.size() && text[at] == ';';
}

/// Drops everything from `open` to the next `close`, as often as both are found.
std::string without(std::string_view text, std::string_view open, std::string_view close)
{
    std::string out;
    while (true)
    {
        const auto start = text.find(open);
        const auto end =
            start == std::string_view::npos ? start : text.find(close, start + open.size());
        if (end == std::string_view::npos)
        {
            return out.append(text);
        }
        out.append(text.substr(0, start));
        text.remove_prefix(end + close.size());
    }
}

struct block_tag
{
    std::string_view open;
    std::string_view close;
};

constexpr std::array<block_tag, 3> hidden_blocks{
    {{"<script", "</script>"}, {"<!--", "-->"}, {"<style", "</style>"}}};

/// The leftmost of the blocks whose text goes with their tags.
std::string without_hidden_blocks(std::string_view text)
{
    std::string out;
    std::array<bool, hidden_blocks.size()> is_closed{true, true, true};
    std::size_t at = 0;
    for (auto open = text.find('<'); open != std::string_view::npos; open = text.find('<', open))
    {
        const auto rest = text.substr(open);
        std::size_t past = 0;
        for (std::size_t i = 0; i < hidden_blocks.size(); ++i)
        {
            const auto& b = hidden_blocks[i];
            if (is_closed[i] && rest.starts_with(b.open))
            {
                const auto end = rest.find(b.close, b.open.size());
                is_closed[i] = end != std::string_view::npos; // not here: nowhere after it
                past = is_closed[i] ? end + b.close.size() : 0;
            }
        }
        if (past == 0)
        {
            ++open;
            continue;
        }
        out.append(text.substr(at, open - at));
        at = open + past;
        open = at;
    }
    return out.append(text.substr(at));
}

int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9')
    {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

} // namespace

bool escape(machine& m, value& v, const filter_arguments&)
{
    if (v.is_nil())
    {
        return true;
    }
    const auto text = m.text_of(v);
    auto& made = m.buffer();
    append_html(made, text);
    v = m.keep(made).as_markup();
    return !m.failed();
}

bool escape_once(machine& m, value& v, const filter_arguments&)
{
    auto text = m.text_of(v);
    auto& made = m.buffer();
    while (!text.empty())
    {
        const auto ampersand = text.find('&');
        append_html(made, text.substr(0, ampersand));
        if (ampersand == std::string_view::npos)
        {
            break;
        }
        text.remove_prefix(ampersand);
        made.append(starts_with_entity(text) ? "&" : "&amp;");
        text.remove_prefix(1);
    }
    v = m.keep(made).as_markup();
    return !m.failed();
}

bool newline_to_br(machine& m, value& v, const filter_arguments& a)
{
    const bool as_markup = m.mode() == escape_mode::html;
    if (as_markup && !v.is_markup() && !(v.is_nil() || escape(m, v, a)))
    {
        return false;
    }
    const auto text = m.text_of(v);
    auto& made = m.buffer();
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const bool pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
        if (text[i] == '\n' || pair)
        {
            made.append("<br />\n");
            i += pair ? 1 : 0;
            continue;
        }
        made.push_back(text[i]);
    }
    v = m.keep(made);
    v = as_markup ? v.as_markup() : v;
    return !m.failed();
}

bool strip_html(machine& m, value& v, const filter_arguments&)
{
    const auto text = m.text_of(v);
    v = m.keep(without(without_hidden_blocks(text), "<", ">"));
    return !m.failed();
}

bool url_encode(machine& m, value& v, const filter_arguments&)
{
    if (v.is_nil())
    {
        return true;
    }
    const auto text = m.text_of(v);
    auto& made = m.buffer();
    for (const char c : text)
    {
        if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~')
        {
            made.push_back(c);
        }
        else if (c == ' ')
        {
            made.push_back('+');
        }
        else
        {
            constexpr std::string_view digits = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(c);
            made.push_back('%');
            made.push_back(digits[byte >> 4U]);
            made.push_back(digits[byte & 15U]);
        }
    }
    v = m.keep(made);
    return !m.failed();
}

bool url_decode(machine& m, value& v, const filter_arguments&)
{
    if (v.is_nil())
    {
        return true;
    }
    const auto text = m.text_of(v);
    auto& made = m.buffer();
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0)
        {
            made.push_back(static_cast<char>(high * 16 + low));
            i += 2;
            continue;
        }
        made.push_back(text[i] == '+' ? ' ' : text[i]);
    }
    if (!text::is_valid_utf8(made))
    {
        return m.fail("url_decode makes bytes that are not UTF-8");
    }
    v = m.keep(made);
    return !m.failed();
}

} // namespace hikyaku::tmpl::filters
