#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "code.h"
#include "markup_lexer.h"
#include "name_scope.h"

namespace hikyaku::tmpl
{

/// Thrown and caught inside compile(): a recursive descent has many ways out.
struct syntax_failure
{
    std::size_t position;
    std::string text;
};

/// Reads the inside of one tag or output and adds what it means to the program.
class expression_parser
{
public:
    expression_parser(program_code& code, name_scope& names, const compile_limits& limits,
                      std::string_view markup, std::size_t position)
        : code_(code), names_(names), limits_(limits), tokens_(lex_markup(markup, position))
    {
    }

    /// A value and its filters, up to the end.
    [[nodiscard]] std::uint32_t parse_chain();
    /// Tests tied by `and` and `or`, up to the end. @returns the first of them
    [[nodiscard]] std::uint32_t parse_conditions();
    /// @returns an operand
    [[nodiscard]] std::uint32_t parse_expression();
    /// Appends to program_code::arguments; what follows a value that is no `or` or comma is
    /// ignored, as Liquid does. @returns the first argument
    [[nodiscard]] std::uint32_t parse_when_values(std::uint32_t& count);

    [[nodiscard]] const token& peek(std::size_t ahead = 0) const noexcept;
    token take() noexcept;
    [[nodiscard]] bool take_if(token_kind kind) noexcept;
    [[nodiscard]] bool take_word(std::string_view word) noexcept;
    void expect_end() const;
    /// The source of the tokens from `first` up to the current one, without spaces.
    [[nodiscard]] std::string text_since(std::size_t first) const;
    [[nodiscard]] std::size_t mark() const noexcept { return at_; }
    [[noreturn]] void fail(std::string text) const;
    [[nodiscard]] std::uint32_t add_string(std::string_view text);

private:
    std::uint32_t parse_literal_or_path();
    std::uint32_t parse_range();
    void parse_lookups(operand& o);
    void parse_filter();
    void parse_argument(filter_call& call, std::vector<std::uint32_t>& positional);
    condition parse_condition();
    std::uint32_t add_constant(const value& v);
    std::uint32_t add_number(const token& t);
    std::uint32_t add_operand(const operand& o);
    [[nodiscard]] std::optional<value> literal(std::string_view word) const noexcept;

    program_code& code_;
    name_scope& names_;
    const compile_limits& limits_;
    std::vector<token> tokens_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
};

} // namespace hikyaku::tmpl
