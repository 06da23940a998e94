#include "compiler.h"

#include "output_escape.h"

#include <algorithm>

namespace hikyaku::tmpl
{
namespace
{

bool is_white(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), is_space);
}

/// Liquid takes more here than it can read back without brackets: 123, a.b, (a)[].
bool is_assignable(std::string_view name) noexcept
{
    constexpr std::string_view signs = "-.[]()0123456789";
    bool valid = !name.empty();
    while (valid && !name.empty())
    {
        const auto word = identifier_size(name);
        valid = word > 0 ? name[word - 1] != '?' : signs.find(name.front()) != signs.npos;
        name.remove_prefix(std::max<std::size_t>(word, 1));
    }
    return valid;
}

} // namespace

void compiler::run()
{
    while (const auto p = scanner_.take())
    {
        position_ = p->position;
        switch (p->kind)
        {
        case piece_kind::text:
            compile_text(p->inside);
            break;
        case piece_kind::output:
            compile_output(*p);
            break;
        case piece_kind::tag:
            compile_tag(*p);
            break;
        case piece_kind::broken_output:
            throw syntax_failure{p->position, "\"{{\" is not closed by \"}}\""};
        case piece_kind::broken_tag:
            throw syntax_failure{p->position, "\"{%\" is not closed by \"%}\""};
        }
    }
    if (!blocks_.empty())
    {
        const auto& open = blocks_.back();
        throw syntax_failure{open.position, "tag \"" + std::string(open.tag) +
                                                "\" is never closed by \"end" +
                                                std::string(open.tag) + "\""};
    }
    emit(opcode::stop, 0, 0);
    names_.finish();
}

std::uint32_t compiler::emit(opcode code, std::uint32_t first, std::uint32_t second)
{
    code_.instructions.push_back({code, first, second, static_cast<std::uint32_t>(position_)});
    return static_cast<std::uint32_t>(code_.instructions.size() - 1);
}

std::uint32_t compiler::next_target() const noexcept
{
    return static_cast<std::uint32_t>(code_.instructions.size());
}

void compiler::mark_not_blank() noexcept
{
    if (!blocks_.empty())
    {
        blocks_.back().is_blank = false;
    }
}

expression_parser compiler::parser_for(const piece& p)
{
    return {code_, names_, limits_, p.inside, p.inside_position};
}

void compiler::compile_text(std::string_view text)
{
    if (text.empty())
    {
        return;
    }
    if (!is_white(text))
    {
        mark_not_blank();
    }
    const auto start = code_.texts.size();
    append_escaped(code_.texts, text,
                   code_.mode == escape_mode::header ? escape_mode::header : escape_mode::none);
    emit(opcode::text, static_cast<std::uint32_t>(start),
         static_cast<std::uint32_t>(code_.texts.size() - start));
}

void compiler::compile_output(const piece& p)
{
    mark_not_blank();
    auto parser = parser_for(p);
    emit(opcode::output, parser.parse_chain(), 0);
}

void compiler::compile_tag(const piece& p)
{
    if (p.tag_name.empty())
    {
        throw syntax_failure{p.position, "a tag without a name"};
    }
    if (!compile_plain_tag(p) && !compile_opening_tag(p) && !compile_branch_tag(p) &&
        !compile_closing_tag(p))
    {
        constexpr std::size_t shown_bytes_max = 64;
        throw syntax_failure{p.position, "unknown tag \"" +
                                             std::string(p.tag_name.substr(0, shown_bytes_max)) +
                                             "\""};
    }
}

bool compiler::compile_plain_tag(const piece& p)
{
    if (p.tag_name == "assign")
    {
        compile_assign(p);
    }
    else if (p.tag_name == "break" || p.tag_name == "continue")
    {
        compile_interrupt(p, p.tag_name == "break");
    }
    else if (p.tag_name == "raw")
    {
        compile_raw(p);
    }
    else if (p.tag_name == "comment")
    {
        skip_comment(p);
    }
    else
    {
        return false;
    }
    return true;
}

void compiler::compile_assign(const piece& p)
{
    const auto sign = p.inside.find('=');
    auto name = p.inside.substr(0, sign);
    while (const auto space = space_size(name))
    {
        name.remove_prefix(space);
    }
    while (!name.empty() && is_space(name.back()))
    {
        name.remove_suffix(1);
    }
    if (!is_assignable(name))
    {
        throw syntax_failure{p.inside_position, "\"assign\" needs a variable name"};
    }
    if (sign == std::string_view::npos)
    {
        throw syntax_failure{p.inside_position, "\"assign\" needs \"=\" after the name"};
    }
    expression_parser parser(code_, names_, limits_, p.inside.substr(sign + 1),
                             p.inside_position + sign + 1);
    if (parser.peek().kind == token_kind::end)
    {
        parser.fail("\"assign\" needs a value");
    }
    const auto value_chain = parser.parse_chain();
    emit(opcode::assign, names_.obtain_local(name), value_chain);
}

void compiler::compile_interrupt(const piece& p, bool is_break)
{
    auto parser = parser_for(p);
    parser.expect_end();
    mark_not_blank();
    const auto loop = std::find_if(blocks_.rbegin(), blocks_.rend(), [](const block& b)
                                   { return b.kind == block_kind::loop && !b.had_else; });
    if (loop == blocks_.rend())
    {
        emit(opcode::stop, 0, 0); // outside every loop it ends the template
        return;
    }
    auto& jumps = is_break ? loop->breaks : loop->continues;
    jumps.push_back(emit(opcode::jump, 0, 0));
}

void compiler::compile_raw(const piece& p)
{
    parser_for(p).expect_end();
    const auto body = scanner_.take_raw();
    if (!body)
    {
        throw syntax_failure{p.position, "tag \"raw\" is never closed by \"endraw\""};
    }
    if (!body->empty())
    {
        compile_text(*body);
        mark_not_blank();
    }
}

void compiler::skip_raw_in_comment(std::size_t position)
{
    if (!scanner_.take_raw())
    {
        throw syntax_failure{position, "tag \"raw\" is never closed by \"endraw\""};
    }
}

void compiler::skip_comment(const piece& p)
{
    std::size_t depth = 1;
    while (const auto inner = scanner_.take())
    {
        if (inner->kind != piece_kind::tag)
        {
            continue;
        }
        if (inner->tag_name == "raw")
        {
            skip_raw_in_comment(inner->position);
        }
        depth += inner->tag_name == "comment" ? 1 : 0;
        depth -= inner->tag_name == "endcomment" ? 1 : 0;
        if (depth == 0)
        {
            return;
        }
    }
    throw syntax_failure{p.position, "tag \"comment\" is never closed by \"endcomment\""};
}

} // namespace hikyaku::tmpl
