#include "markup_lexer.h"

#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <array>

namespace hikyaku::tmpl
{
namespace
{

struct span_of_points
{
    char32_t first;
    char32_t last;
};

/// What is no letter, digit or mark above ASCII, ascending: spaces, controls, punctuation, symbols.
/// Circled numbers and the middle dot stay in: 住所①, 姓・名.
constexpr auto separators = std::to_array<span_of_points>({
    {0x80, 0xA9},     {0xAB, 0xB1},       {0xB4, 0xB4},       {0xB6, 0xB8},        {0xBB, 0xBF},
    {0xD7, 0xD7},     {0xF7, 0xF7},       {0x1680, 0x1680},   {0x2000, 0x206F},    {0x2190, 0x245F},
    {0x2500, 0x2BFF}, {0x2E00, 0x2E7F},   {0x3000, 0x3004},   {0x3008, 0x3020},    {0x3030, 0x3030},
    {0x303D, 0x303F}, {0xD800, 0xF8FF},   {0xFD3E, 0xFD3F},   {0xFE10, 0xFE1F},    {0xFE30, 0xFE6F},
    {0xFEFF, 0xFF0F}, {0xFF1A, 0xFF20},   {0xFF3B, 0xFF3E},   {0xFF40, 0xFF40},    {0xFF5B, 0xFF64},
    {0xFFE0, 0xFFFF}, {0x1F000, 0x1FAFF}, {0xE0000, 0xE00FF}, {0xF0000, 0x10FFFF},
});

bool is_word_point(char32_t c) noexcept
{
    const auto at =
        std::upper_bound(separators.begin(), separators.end(), c,
                         [](char32_t v, const span_of_points& s) { return v < s.first; });
    return at == separators.begin() || c > std::prev(at)->last;
}

bool is_ascii_letter(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// Bytes of the letter at the front (or digit, when `inside` an identifier), 0 when it is none.
std::size_t word_size(std::string_view text, bool inside) noexcept
{
    if (text.empty())
    {
        return 0;
    }
    const char c = text.front();
    if (static_cast<unsigned char>(c) < 0x80)
    {
        return is_ascii_letter(c) || (inside && (is_digit(c) || c == '-')) ? 1 : 0;
    }
    const auto point = text::first_code_point(text);
    return point.valid && is_word_point(point.value) ? point.size : 0;
}

std::size_t number_size(std::string_view text) noexcept
{
    std::size_t at = text.front() == '-' ? 1 : 0;
    const auto start = at;
    while (at < text.size() && is_digit(text[at]))
    {
        ++at;
    }
    if (at == start)
    {
        return 0;
    }
    if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1]))
    {
        ++at;
        while (at < text.size() && is_digit(text[at]))
        {
            ++at;
        }
    }
    return at;
}

token_kind single(char c) noexcept
{
    switch (c)
    {
    case '|':
        return token_kind::pipe;
    case '.':
        return token_kind::dot;
    case ':':
        return token_kind::colon;
    case ',':
        return token_kind::comma;
    case '[':
        return token_kind::open_square;
    case ']':
        return token_kind::close_square;
    case '(':
        return token_kind::open_round;
    case ')':
        return token_kind::close_round;
    case '=':
        return token_kind::assign;
    case '<':
    case '>':
        return token_kind::comparison;
    default:
        return token_kind::unknown;
    }
}

struct cut
{
    token_kind kind;
    std::size_t size;
};

cut next_cut(std::string_view rest) noexcept
{
    const auto two = rest.substr(0, 2);
    if (two == "==" || two == "!=" || two == "<>" || two == "<=" || two == ">=")
    {
        return {token_kind::comparison, 2};
    }
    if (two == "..")
    {
        return {token_kind::dot_dot, 2};
    }
    const char c = rest.front();
    if (c == '\'' || c == '"')
    {
        const auto close = rest.find(c, 1);
        return close == std::string_view::npos ? cut{token_kind::unknown, 1}
                                               : cut{token_kind::text, close + 1};
    }
    if (is_digit(c) || c == '-')
    {
        const auto size = number_size(rest);
        return size == 0 ? cut{token_kind::unknown, 1} : cut{token_kind::number, size};
    }
    if (const auto size = identifier_size(rest); size > 0)
    {
        return {token_kind::identifier, size};
    }
    const auto kind = single(c);
    return {kind, kind == token_kind::unknown ? text::first_code_point(rest).size : 1};
}

} // namespace

std::size_t space_size(std::string_view text) noexcept
{
    if (text.empty())
    {
        return 0;
    }
    if (is_space(text.front()))
    {
        return 1;
    }
    return text.starts_with("\xC2\xA0") ? 2 : text.starts_with("\xE3\x80\x80") ? 3 : 0;
}

std::size_t identifier_size(std::string_view text) noexcept
{
    std::size_t size = word_size(text, false);
    while (size > 0)
    {
        const auto more = word_size(text.substr(size), true);
        if (more == 0)
        {
            return size + (size < text.size() && text[size] == '?' ? 1 : 0);
        }
        size += more;
    }
    return size;
}

std::vector<token> lex_markup(std::string_view markup, std::size_t position)
{
    std::vector<token> tokens;
    std::size_t at = 0;
    while (true)
    {
        while (const auto space = space_size(markup.substr(at)))
        {
            at += space;
        }
        if (at == markup.size())
        {
            break;
        }
        auto [kind, size] = next_cut(markup.substr(at));
        auto text = markup.substr(at, size);
        if (kind == token_kind::identifier && text == "contains" &&
            (tokens.empty() || tokens.back().kind != token_kind::dot))
        {
            kind = token_kind::comparison;
        }
        if (kind == token_kind::text)
        {
            text = text.substr(1, size - 2);
        }
        tokens.push_back({kind, text, position + at});
        at += size;
    }
    tokens.push_back({token_kind::end, {}, position + at});
    return tokens;
}

} // namespace hikyaku::tmpl
