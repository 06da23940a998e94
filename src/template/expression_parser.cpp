#include "expression_parser.h"

#include "filter_table.h"

#include <algorithm>
#include <charconv>

namespace hikyaku::tmpl
{
namespace
{

std::string quoted(std::string_view text)
{
    constexpr std::size_t shown_bytes_max = 64;
    std::string out = "\"";
    auto cut = text.substr(0, shown_bytes_max);
    while (cut.size() < text.size() && !cut.empty() &&
           (static_cast<unsigned char>(text[cut.size()]) & 0xC0U) == 0x80U)
    {
        cut.remove_suffix(1);
    }
    return out.append(cut).append(cut.size() < text.size() ? "…\"" : "\"");
}

std::string described(const token& t)
{
    return t.kind == token_kind::end ? "the end of the tag" : quoted(t.text);
}

comparison to_comparison(std::string_view text) noexcept
{
    return text == "=="         ? comparison::equal
           : text == "<"        ? comparison::less
           : text == "<="       ? comparison::less_equal
           : text == ">"        ? comparison::greater
           : text == ">="       ? comparison::greater_equal
           : text == "contains" ? comparison::contains
                                : comparison::not_equal;
}

} // namespace

const token& expression_parser::peek(std::size_t ahead) const noexcept
{
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

token expression_parser::take() noexcept
{
    const token t = peek();
    at_ += t.kind == token_kind::end ? 0 : 1;
    return t;
}

bool expression_parser::take_if(token_kind kind) noexcept
{
    const bool found = peek().kind == kind;
    at_ += found && kind != token_kind::end ? 1 : 0;
    return found;
}

bool expression_parser::take_word(std::string_view word) noexcept
{
    const bool found = peek().kind == token_kind::identifier && peek().text == word;
    at_ += found ? 1 : 0;
    return found;
}

void expression_parser::fail(std::string text) const
{
    throw syntax_failure{peek().position, std::move(text)};
}

void expression_parser::expect_end() const
{
    if (peek().kind != token_kind::end)
    {
        fail("unexpected " + described(peek()));
    }
}

std::string expression_parser::text_since(std::size_t first) const
{
    std::string text;
    for (auto i = first; i < at_; ++i)
    {
        const bool literal = tokens_[i].kind == token_kind::text;
        text.append(literal ? "'" : "").append(tokens_[i].text).append(literal ? "'" : "");
    }
    return text;
}

std::uint32_t expression_parser::add_string(std::string_view text)
{
    return add_constant(value::string(code_.strings.emplace_back(text)));
}

std::uint32_t expression_parser::add_constant(const value& v)
{
    if (code_.constants.size() >= limits_.expressions_max)
    {
        fail("more than " + std::to_string(limits_.expressions_max) +
             " constants (limit expressions_max)");
    }
    code_.constants.push_back(v);
    return static_cast<std::uint32_t>(code_.constants.size() - 1);
}

std::uint32_t expression_parser::add_operand(const operand& o)
{
    if (code_.operands.size() >= limits_.expressions_max)
    {
        fail("more than " + std::to_string(limits_.expressions_max) +
             " values (limit expressions_max)");
    }
    code_.operands.push_back(o);
    return static_cast<std::uint32_t>(code_.operands.size() - 1);
}

std::uint32_t expression_parser::add_number(const token& t)
{
    value v;
    if (t.text.find('.') == std::string_view::npos)
    {
        std::int64_t whole = 0;
        const auto [end, ec] = std::from_chars(t.text.data(), t.text.data() + t.text.size(), whole);
        if (ec != std::errc{})
        {
            throw syntax_failure{t.position, "the number " + quoted(t.text) + " is too large"};
        }
        v = value::integer(whole);
    }
    else
    {
        v = value::number(parse_decimal(t.text).value_or(decimal{}));
    }
    return add_operand({operand_kind::constant, add_constant(v)});
}

std::optional<value> expression_parser::literal(std::string_view word) const noexcept
{
    if (peek(1).kind == token_kind::dot || peek(1).kind == token_kind::open_square)
    {
        return std::nullopt; // {{ empty.name }} is a variable
    }
    if (word == "true" || word == "false")
    {
        return value::boolean(word == "true");
    }
    if (word == "nil" || word == "null")
    {
        return value{};
    }
    if (word == "empty" || word == "blank")
    {
        return word == "empty" ? value::empty() : value::blank();
    }
    return std::nullopt;
}

std::uint32_t expression_parser::parse_expression()
{
    if (++depth_ > limits_.expression_depth_max)
    {
        fail("expressions nested deeper than " + std::to_string(limits_.expression_depth_max) +
             " (limit expression_depth_max)");
    }
    std::uint32_t made = 0;
    const token& t = peek();
    if (t.kind == token_kind::text)
    {
        made = add_operand({operand_kind::constant, add_string(take().text)});
    }
    else if (t.kind == token_kind::number)
    {
        made = add_number(take());
    }
    else if (t.kind == token_kind::open_round)
    {
        made = parse_range();
    }
    else if (t.kind == token_kind::identifier || t.kind == token_kind::open_square)
    {
        made = parse_literal_or_path();
    }
    else
    {
        fail(described(t) + " is no value");
    }
    --depth_;
    return made;
}

std::uint32_t expression_parser::parse_range()
{
    (void)take();
    operand o{operand_kind::range};
    o.first = parse_expression();
    if (!take_if(token_kind::dot_dot))
    {
        fail("expected \"..\" but found " + described(peek()));
    }
    o.second = parse_expression();
    if (!take_if(token_kind::close_round))
    {
        fail("expected \")\" but found " + described(peek()));
    }
    return add_operand(o);
}

std::uint32_t expression_parser::parse_literal_or_path()
{
    operand o;
    if (peek().kind == token_kind::identifier)
    {
        if (const auto v = literal(peek().text))
        {
            (void)take();
            return add_operand({operand_kind::constant, add_constant(*v)});
        }
        names_.resolve(take().text, o);
    }
    else
    {
        (void)take();
        if (peek().kind == token_kind::text && peek(1).kind == token_kind::close_square)
        {
            names_.resolve(take().text, o);
        }
        else
        {
            o.kind = operand_kind::named;
            o.first = parse_expression();
            code_.reads_any_slot = true;
        }
        if (!take_if(token_kind::close_square))
        {
            fail("expected \"]\" but found " + described(peek()));
        }
    }
    parse_lookups(o);
    return add_operand(o);
}

void expression_parser::parse_lookups(operand& o)
{
    std::vector<lookup> path;
    while (peek().kind == token_kind::dot || peek().kind == token_kind::open_square)
    {
        if (path.size() >= limits_.expressions_max)
        {
            fail("too many look-ups (limit expressions_max)");
        }
        if (take().kind == token_kind::dot)
        {
            if (peek().kind != token_kind::identifier)
            {
                fail("expected a name after \".\" but found " + described(peek()));
            }
            const auto name = take().text;
            path.push_back({name == "size"    ? lookup_kind::size
                            : name == "first" ? lookup_kind::first
                            : name == "last"  ? lookup_kind::last
                                              : lookup_kind::name,
                            add_string(name)});
            continue;
        }
        path.push_back({lookup_kind::computed, parse_expression()});
        if (!take_if(token_kind::close_square))
        {
            fail("expected \"]\" but found " + described(peek()));
        }
    }
    o.lookup_first = static_cast<std::uint32_t>(code_.lookups.size());
    o.lookup_count = static_cast<std::uint32_t>(path.size());
    code_.lookups.insert(code_.lookups.end(), path.begin(), path.end());
}

std::uint32_t expression_parser::parse_chain()
{
    chain c;
    // {{ }} is nothing.
    c.operand = peek().kind == token_kind::end
                    ? add_operand({operand_kind::constant, add_constant(value{})})
                    : parse_expression();
    c.filter_first = static_cast<std::uint32_t>(code_.filters.size());
    while (take_if(token_kind::pipe))
    {
        if (++c.filter_count > limits_.filters_per_value_max)
        {
            fail("more than " + std::to_string(limits_.filters_per_value_max) +
                 " filters on one value (limit filters_per_value_max)");
        }
        parse_filter();
    }
    expect_end();
    code_.chains.push_back(c);
    return static_cast<std::uint32_t>(code_.chains.size() - 1);
}

void expression_parser::parse_filter()
{
    if (peek().kind != token_kind::identifier)
    {
        fail("expected the name of a filter but found " + described(peek()));
    }
    const token name = take();
    const auto* entry = find_filter(name.text);
    if (entry == nullptr)
    {
        throw syntax_failure{name.position, "unknown filter " + quoted(name.text)};
    }
    filter_call call{entry->apply};
    call.position = static_cast<std::uint32_t>(name.position);
    std::vector<std::uint32_t> positional;
    if (take_if(token_kind::colon))
    {
        do
        {
            parse_argument(call, positional);
        } while (take_if(token_kind::comma));
    }
    if (call.allow_false != no_index && name.text != "default")
    {
        throw syntax_failure{name.position,
                             "filter " + quoted(name.text) + " takes no allow_false"};
    }
    if (positional.size() < entry->arguments_min || positional.size() > entry->arguments_max)
    {
        const auto wanted = entry->arguments_min == entry->arguments_max
                                ? std::to_string(entry->arguments_min)
                                : std::to_string(entry->arguments_min) + " to " +
                                      std::to_string(entry->arguments_max);
        throw syntax_failure{name.position, "filter " + quoted(name.text) + " takes " + wanted +
                                                " arguments, not " +
                                                std::to_string(positional.size())};
    }
    call.argument_first = static_cast<std::uint32_t>(code_.arguments.size());
    call.argument_count = static_cast<std::uint32_t>(positional.size());
    code_.arguments.insert(code_.arguments.end(), positional.begin(), positional.end());
    code_.filters.push_back(call);
}

void expression_parser::parse_argument(filter_call& call, std::vector<std::uint32_t>& positional)
{
    if (peek().kind == token_kind::identifier && peek(1).kind == token_kind::colon)
    {
        if (peek().text != "allow_false")
        {
            fail("unknown keyword " + quoted(peek().text));
        }
        (void)take();
        (void)take();
        call.allow_false = parse_expression();
        return;
    }
    if (positional.size() >= limits_.arguments_max)
    {
        fail("more than " + std::to_string(limits_.arguments_max) +
             " arguments (limit arguments_max)");
    }
    positional.push_back(parse_expression());
}

condition expression_parser::parse_condition()
{
    condition c;
    c.position = static_cast<std::uint32_t>(peek().position);
    c.left = parse_expression();
    c.right = c.left;
    if (peek().kind == token_kind::comparison)
    {
        c.compare = to_comparison(take().text);
        c.right = parse_expression();
    }
    return c;
}

std::uint32_t expression_parser::parse_conditions()
{
    std::vector<condition> list;
    while (true)
    {
        if (code_.conditions.size() + list.size() >= limits_.expressions_max)
        {
            fail("too many conditions (limit expressions_max)");
        }
        list.push_back(parse_condition());
        if (take_word("and"))
        {
            list.back().next = relation::logical_and;
        }
        else if (take_word("or"))
        {
            list.back().next = relation::logical_or;
        }
        else
        {
            break;
        }
    }
    if (peek().kind == token_kind::assign)
    {
        fail("\"=\" compares nothing; use \"==\"");
    }
    if (peek().kind == token_kind::identifier)
    {
        fail("unknown operator " + quoted(peek().text));
    }
    expect_end();
    code_.conditions.insert(code_.conditions.end(), list.begin(), list.end());
    return static_cast<std::uint32_t>(code_.conditions.size() - list.size());
}

std::uint32_t expression_parser::parse_when_values(std::uint32_t& count)
{
    std::vector<std::uint32_t> values;
    do
    {
        if (values.size() >= limits_.arguments_max)
        {
            fail("more than " + std::to_string(limits_.arguments_max) +
                 " values (limit arguments_max)");
        }
        values.push_back(parse_expression());
    } while (take_if(token_kind::comma) || take_word("or"));
    count = static_cast<std::uint32_t>(values.size());
    code_.arguments.insert(code_.arguments.end(), values.begin(), values.end());
    return static_cast<std::uint32_t>(code_.arguments.size() - values.size());
}

} // namespace hikyaku::tmpl
