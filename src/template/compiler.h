#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "code.h"
#include "expression_parser.h"
#include "name_scope.h"
#include "source_scanner.h"

namespace hikyaku::tmpl
{

enum class block_kind : std::uint8_t
{
    conditional, ///< if, unless
    choice,      ///< case
    loop,        ///< for
};

/// An open block.
struct block
{
    block_kind kind = block_kind::conditional;
    std::string_view tag;
    std::size_t position = 0;
    std::uint32_t first_instruction = 0;
    /// The jump over the rest of the current branch; its target is the next branch.
    std::uint32_t pending_jump = no_index;
    /// Jumps to the end of the block.
    std::vector<std::uint32_t> exits;
    /// Nothing but white space, assignments and comments so far: it will print nothing.
    bool is_blank = true;
    bool had_else = false;
    /// Of a loop.
    std::uint32_t loop = 0;
    std::vector<std::uint32_t> breaks;
    std::vector<std::uint32_t> continues;
    /// Of a case.
    std::uint32_t left = 0;
    std::uint32_t when = no_index;
    std::uint32_t when_instruction = 0;
    std::uint32_t matched_register = 0;
};

/// One compilation. Throws syntax_failure.
class compiler
{
public:
    compiler(program_code& code, slot_table& slots, const compile_limits& limits)
        : code_(code), names_(code, slots), limits_(limits), scanner_(code.source)
    {
    }

    void run();

private:
    void compile_text(std::string_view text);
    void compile_output(const piece& p);
    void compile_tag(const piece& p);
    bool compile_plain_tag(const piece& p);
    bool compile_opening_tag(const piece& p);
    bool compile_branch_tag(const piece& p);
    bool compile_closing_tag(const piece& p);

    void compile_assign(const piece& p);
    void compile_interrupt(const piece& p, bool is_break);
    void compile_raw(const piece& p);
    void skip_comment(const piece& p);
    void skip_raw_in_comment(std::size_t position);

    void open_conditional(const piece& p, bool negated);
    void branch_conditional(const piece& p);
    void open_loop(const piece& p);
    void parse_loop_attributes(expression_parser& parser, loop_code& loop);
    void finish_loop_body(block& b);
    void open_choice(const piece& p);
    void branch_when(const piece& p);
    void branch_else(const piece& p);
    void finish_when(block& b);
    block& open_block(block_kind kind, const piece& p);
    void close_block();

    std::uint32_t emit(opcode code, std::uint32_t first, std::uint32_t second);
    [[nodiscard]] std::uint32_t next_target() const noexcept;
    void set_target(std::uint32_t instruction)
    {
        code_.instructions[instruction].second = next_target();
    }
    void land_pending_jump(block& b);
    void mark_not_blank() noexcept;
    [[nodiscard]] expression_parser parser_for(const piece& p);
    [[nodiscard]] std::uint32_t progress_register(const std::string& loop_name);

    program_code& code_;
    name_scope names_;
    const compile_limits& limits_;
    source_scanner scanner_;
    std::vector<block> blocks_;
    std::unordered_map<std::string, std::uint32_t> progress_registers_;
    std::size_t position_ = 0;
};

} // namespace hikyaku::tmpl
