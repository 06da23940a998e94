#include "compiler.h"

namespace hikyaku::tmpl
{

bool compiler::compile_opening_tag(const piece& p)
{
    if (p.tag_name == "if" || p.tag_name == "unless")
    {
        open_conditional(p, p.tag_name == "unless");
    }
    else if (p.tag_name == "case")
    {
        open_choice(p);
    }
    else if (p.tag_name == "for")
    {
        open_loop(p);
    }
    else
    {
        return false;
    }
    return true;
}

bool compiler::compile_branch_tag(const piece& p)
{
    const bool is_else = p.tag_name == "else";
    if (!is_else && p.tag_name != "elsif" && p.tag_name != "when")
    {
        return false;
    }
    if (blocks_.empty())
    {
        throw syntax_failure{p.position,
                             "tag \"" + std::string(p.tag_name) + "\" stands outside a block"};
    }
    auto& b = blocks_.back();
    if (is_else)
    {
        branch_else(p);
    }
    else if (p.tag_name == "elsif" && b.kind == block_kind::conditional)
    {
        branch_conditional(p);
    }
    else if (p.tag_name == "when" && b.kind == block_kind::choice)
    {
        branch_when(p);
    }
    else
    {
        throw syntax_failure{p.position, "tag \"" + std::string(p.tag_name) +
                                             "\" has no place inside \"" + std::string(b.tag) +
                                             "\""};
    }
    return true;
}

bool compiler::compile_closing_tag(const piece& p)
{
    const auto name = p.tag_name;
    if (name != "endif" && name != "endunless" && name != "endcase" && name != "endfor")
    {
        return false;
    }
    if (blocks_.empty())
    {
        throw syntax_failure{p.position, "tag \"" + std::string(name) + "\" closes nothing"};
    }
    const auto open = blocks_.back().tag;
    if (name.substr(3) != open)
    {
        throw syntax_failure{p.position, "tag \"" + std::string(name) + "\" does not close \"" +
                                             std::string(open) + "\"; use \"end" +
                                             std::string(open) + "\""};
    }
    close_block();
    return true;
}

block& compiler::open_block(block_kind kind, const piece& p)
{
    if (blocks_.size() >= limits_.block_depth_max)
    {
        throw syntax_failure{p.position, "blocks nested deeper than " +
                                             std::to_string(limits_.block_depth_max) +
                                             " (limit block_depth_max)"};
    }
    auto& b = blocks_.emplace_back();
    b.kind = kind;
    b.tag = p.tag_name;
    b.position = p.position;
    b.first_instruction = next_target();
    return b;
}

void compiler::land_pending_jump(block& b)
{
    if (b.pending_jump != no_index)
    {
        set_target(b.pending_jump);
        b.pending_jump = no_index;
    }
}

void compiler::open_conditional(const piece& p, bool negated)
{
    auto parser = parser_for(p);
    const auto condition = parser.parse_conditions();
    auto& b = open_block(block_kind::conditional, p);
    b.pending_jump = emit(negated ? opcode::jump_if : opcode::jump_unless, condition, 0);
}

void compiler::branch_conditional(const piece& p)
{
    auto parser = parser_for(p);
    const auto condition = parser.parse_conditions();
    auto& b = blocks_.back();
    b.exits.push_back(emit(opcode::jump, 0, 0));
    land_pending_jump(b);
    // After an else nothing is reached any more, but it is still compiled and checked.
    b.pending_jump = emit(opcode::jump_unless, condition, 0);
}

void compiler::branch_else(const piece& p)
{
    auto& b = blocks_.back();
    switch (b.kind)
    {
    case block_kind::conditional:
        b.exits.push_back(emit(opcode::jump, 0, 0));
        land_pending_jump(b);
        b.had_else = true;
        return;
    case block_kind::choice:
        parser_for(p).expect_end();
        finish_when(b);
        b.pending_jump = emit(opcode::jump_if_set, b.matched_register, 0);
        return;
    case block_kind::loop:
        if (b.had_else)
        {
            throw syntax_failure{p.position, "a second \"else\" in \"for\""};
        }
        finish_loop_body(b);
        b.exits.push_back(emit(opcode::jump, 0, 0));
        land_pending_jump(b);
        b.had_else = true;
        return;
    }
}

void compiler::open_choice(const piece& p)
{
    auto parser = parser_for(p);
    const auto left = parser.parse_expression();
    auto& b = open_block(block_kind::choice, p);
    b.left = left;
    b.matched_register = code_.registers++;
    emit(opcode::clear, b.matched_register, 0);
    b.pending_jump = emit(opcode::jump, 0, 0); // what stands before the first when is dropped
}

void compiler::branch_when(const piece& p)
{
    auto parser = parser_for(p);
    case_code c;
    c.value_first = parser.parse_when_values(c.value_count);
    auto& b = blocks_.back();
    finish_when(b);
    c.left = b.left;
    c.matched_register = b.matched_register;
    c.next_register = code_.registers++;
    emit(opcode::clear, c.next_register, 0);
    b.when = static_cast<std::uint32_t>(code_.cases.size());
    code_.cases.push_back(c);
    b.when_instruction = emit(opcode::when_test, b.when, 0);
    b.pending_jump = b.when_instruction;
}

void compiler::finish_when(block& b)
{
    if (b.when != no_index)
    {
        // Back to the test: the branch runs once for every value that matches.
        emit(opcode::jump, 0, b.when_instruction);
        b.when = no_index;
    }
    land_pending_jump(b);
}

void compiler::open_loop(const piece& p)
{
    auto parser = parser_for(p);
    const auto variable = parser.take();
    if (variable.kind != token_kind::identifier)
    {
        throw syntax_failure{variable.position, "\"for\" needs a variable name"};
    }
    if (!parser.take_word("in"))
    {
        parser.fail("\"for\" needs \"in\" after the variable");
    }
    loop_code loop;
    const auto first = parser.mark();
    loop.collection = parser.parse_expression();
    const auto name = std::string(variable.text) + "-" + parser.text_since(first);
    loop.name = parser.add_string(name);
    loop.progress = progress_register(name);
    parse_loop_attributes(parser, loop);

    auto& b = open_block(block_kind::loop, p);
    loop.state = names_.enter_loop(variable.text);
    b.loop = static_cast<std::uint32_t>(code_.loops.size());
    code_.loops.push_back(loop);
    b.pending_jump = emit(opcode::loop_begin, b.loop, 0);
}

void compiler::parse_loop_attributes(expression_parser& parser, loop_code& loop)
{
    while (parser.peek().kind != token_kind::end)
    {
        if (parser.take_if(token_kind::comma))
        {
            continue;
        }
        if (parser.take_word("reversed"))
        {
            loop.reversed = true;
            continue;
        }
        const auto word = parser.take();
        if (word.kind != token_kind::identifier || (word.text != "limit" && word.text != "offset"))
        {
            throw syntax_failure{word.position,
                                 "\"for\" takes limit:, offset: and reversed, nothing else"};
        }
        if (!parser.take_if(token_kind::colon))
        {
            parser.fail("expected \":\" after \"" + std::string(word.text) + "\"");
        }
        if (word.text == "limit")
        {
            loop.limit = parser.parse_expression();
            continue;
        }
        loop.offset_continue = parser.take_word("continue");
        loop.offset = loop.offset_continue ? no_index : parser.parse_expression();
    }
}

std::uint32_t compiler::progress_register(const std::string& loop_name)
{
    const auto [at, is_new] = progress_registers_.try_emplace(loop_name, code_.registers);
    code_.registers += is_new ? 1 : 0;
    return at->second;
}

void compiler::finish_loop_body(block& b)
{
    for (const auto jump : b.continues)
    {
        set_target(jump);
    }
    emit(opcode::loop_next, b.loop, b.pending_jump + 1);
    for (const auto jump : b.breaks)
    {
        set_target(jump);
    }
    names_.leave_loop();
}

void compiler::close_block()
{
    auto& b = blocks_.back();
    if (b.kind == block_kind::loop && !b.had_else)
    {
        finish_loop_body(b);
    }
    if (b.kind == block_kind::choice)
    {
        finish_when(b);
    }
    land_pending_jump(b);
    for (const auto jump : b.exits)
    {
        set_target(jump);
    }
    if (b.is_blank)
    {
        // A block that prints nothing but white space prints nothing.
        for (auto i = b.first_instruction; i < next_target(); ++i)
        {
            auto& instruction = code_.instructions[i];
            instruction.second = instruction.code == opcode::text ? 0 : instruction.second;
        }
    }
    const bool was_blank = b.is_blank;
    blocks_.pop_back();
    if (!was_blank)
    {
        mark_not_blank();
    }
}

} // namespace hikyaku::tmpl
