#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::tmpl
{

enum class token_kind : std::uint8_t
{
    identifier,
    number,
    text, ///< a string literal, without its quotes
    comparison,
    pipe,
    dot,
    dot_dot,
    colon,
    comma,
    open_square,
    close_square,
    open_round,
    close_round,
    assign, ///< =
    unknown,
    end,
};

struct token
{
    token_kind kind = token_kind::end;
    std::string_view text;    ///< as written, string literals without quotes
    std::size_t position = 0; ///< byte offset in the source
};

/// Space inside {{ }} and {% %}: ASCII white space, U+00A0 and U+3000, which Japanese keyboards
/// make. Bytes at the front of `text`, 0 when there is none.
[[nodiscard]] std::size_t space_size(std::string_view text) noexcept;
/// ASCII white space as Ruby's strip and \s see it.
[[nodiscard]] constexpr bool is_space(char c) noexcept
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
/// Bytes of the identifier at the front: a letter or _, then letters, digits, _ and -, then perhaps
/// one '?'. Letters and digits are those of all scripts.
[[nodiscard]] std::size_t identifier_size(std::string_view text) noexcept;

/// Cuts the inside of a tag or output into tokens; the last one is `end`. What it cannot cut is one
/// `unknown` token: an error only if the parser gets there.
[[nodiscard]] std::vector<token> lex_markup(std::string_view markup, std::size_t position);

} // namespace hikyaku::tmpl
