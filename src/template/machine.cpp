#include "machine.h"

#include "compare.h"
#include "output_escape.h"

#include <array>
#include <charconv>

namespace hikyaku::tmpl
{

bool machine::fail(std::string text)
{
    if (!failed_)
    {
        failed_ = true;
        failure_ = std::move(text);
        failed_position_ = position_;
    }
    return false;
}

bool machine::charge(std::uint64_t bytes)
{
    work_ += bytes;
    return work_ <= limits_.work_bytes_max ||
           fail("the rendering looks at more than " + std::to_string(limits_.work_bytes_max) +
                " bytes (limit work_bytes_max)");
}

value machine::keep(std::string_view text)
{
    auto* const at = static_cast<char*>(scratch_.allocate(text.size()));
    if (at == nullptr)
    {
        fail("filters make more than " + std::to_string(limits_.scratch_bytes_max) +
             " bytes (limit scratch_bytes_max)");
        return {};
    }
    std::copy(text.begin(), text.end(), at);
    return value::string({at, text.size()});
}

std::span<value> machine::make_array(std::size_t size)
{
    void* const at =
        size > limits_.scratch_bytes_max ? nullptr : scratch_.allocate(size * sizeof(value));
    if (at == nullptr)
    {
        fail("filters make more than " + std::to_string(limits_.scratch_bytes_max) +
             " bytes (limit scratch_bytes_max)");
        return {};
    }
    auto* const values = static_cast<value*>(at);
    std::uninitialized_default_construct_n(values, size);
    return {values, size};
}

void machine::prepare(const program_code& code, std::span<const value> slots,
                      const render_clock& clock)
{
    code_ = &code;
    slots_ = slots;
    clock_ = &clock;
    scratch_.reset();
    locals_.resize(code.local_names.size());
    assigned_.assign(code.local_names.size(), 0);
    loops_.assign(code.loop_states, {});
    registers_.assign(code.registers, 0);
    iterations_ = 0;
    work_ = 0;
    position_ = 0;
    failed_ = false;
    failure_.clear();
}

result<void, source_error> machine::render(const program_code& code, std::span<const value> slots,
                                           const render_clock& clock, std::string& out)
{
    const auto start = out.size();
    prepare(code, slots, clock);
    run(out);
    if (failed_)
    {
        out.resize(start);
        return error_at(code.source, failed_position_, failure_);
    }
    return {};
}

void machine::run(std::string& out)
{
    const auto& code = *code_;
    const auto out_max = out.size() + limits_.output_bytes_max;
    std::uint32_t at = 0;
    while (!failed_)
    {
        const auto& i = code.instructions[at++];
        position_ = i.position;
        switch (i.code)
        {
        case opcode::text:
            out.append(code.texts, i.first, i.second);
            break;
        case opcode::output:
            output(run_chain(code.chains[i.first]), out);
            break;
        case opcode::assign:
            locals_[i.first] = run_chain(code.chains[i.second]);
            assigned_[i.first] = 1;
            break;
        case opcode::jump:
            at = i.second;
            break;
        case opcode::jump_unless:
            at = test(i.first) ? at : i.second;
            break;
        case opcode::jump_if:
            at = test(i.first) ? i.second : at;
            break;
        case opcode::clear:
            registers_[i.first] = 0;
            break;
        case opcode::when_test:
            at = when_matches(code.cases[i.first]) ? at : i.second;
            break;
        case opcode::jump_if_set:
            at = registers_[i.first] != 0 ? i.second : at;
            break;
        case opcode::loop_begin:
            at = begin_loop(code.loops[i.first]) ? at : i.second;
            break;
        case opcode::loop_next:
            at = next_round(code.loops[i.first]) ? i.second : at;
            break;
        case opcode::stop:
            return;
        }
        if (out.size() > out_max)
        {
            fail("the output has more than " + std::to_string(limits_.output_bytes_max) +
                 " bytes (limit output_bytes_max)");
        }
    }
}

bool machine::output(const value& v, std::string& out)
{
    if (failed_)
    {
        return false;
    }
    if (v.kind() == value_kind::integer)
    {
        std::array<char, 24> digits{};
        const auto end =
            std::to_chars(digits.data(), digits.data() + digits.size(), v.as_integer()).ptr;
        out.append(digits.data(), end);
        return true;
    }
    std::string_view text;
    if (v.kind() == value_kind::string)
    {
        text = v.as_string();
    }
    else
    {
        text_buffer_.clear();
        append_text(text_buffer_, v);
        text = text_buffer_;
    }
    if (text.size() > limits_.output_bytes_max)
    {
        return fail("the output has more than " + std::to_string(limits_.output_bytes_max) +
                    " bytes (limit output_bytes_max)");
    }
    append_escaped(out, text,
                   v.is_markup() && code_->mode == escape_mode::html ? escape_mode::none
                                                                     : code_->mode);
    return charge(text.size());
}

value machine::run_chain(const chain& c)
{
    value v = evaluate(c.operand);
    for (std::uint32_t f = 0; f < c.filter_count && !failed_; ++f)
    {
        const auto& call = code_->filters[c.filter_first + f];
        position_ = call.position;
        arguments_.clear();
        for (std::uint32_t a = 0; a < call.argument_count; ++a)
        {
            arguments_.push_back(evaluate(code_->arguments[call.argument_first + a]));
        }
        filter_arguments arguments{arguments_};
        arguments.allow_false = call.allow_false != no_index && evaluate(call.allow_false).truthy();
        const auto size = v.kind() == value_kind::string ? v.as_string().size() : 16;
        if (failed_ || !charge(size) || !call.apply(*this, v, arguments))
        {
            return {};
        }
    }
    return v;
}

bool machine::test(std::uint32_t first_condition)
{
    for (auto at = first_condition;; ++at)
    {
        const auto& c = code_->conditions[at];
        const bool holds = test_one(c);
        // Evaluated from the right: what is left of an operator decides only if it can.
        if (failed_ || c.next == relation::end || (c.next == relation::logical_or) == holds)
        {
            return holds;
        }
    }
}

bool machine::test_one(const condition& c)
{
    position_ = c.position;
    const value left = evaluate(c.left);
    if (c.compare == comparison::truth)
    {
        return left.truthy();
    }
    const value right = evaluate(c.right);
    switch (c.compare)
    {
    case comparison::equal:
        return equals(*this, left, right);
    case comparison::not_equal:
        return !equals(*this, left, right);
    case comparison::contains:
        return contains(*this, left, right);
    case comparison::truth:
    case comparison::less:
    case comparison::less_equal:
    case comparison::greater:
    case comparison::greater_equal:
        break;
    }
    return compare(*this, c.compare, left, right);
}

bool machine::when_matches(const case_code& c)
{
    const value left = evaluate(c.left);
    for (auto i = registers_[c.next_register]; i < c.value_count && !failed_; ++i)
    {
        if (equals(*this, left, evaluate(code_->arguments[c.value_first + i])))
        {
            registers_[c.next_register] = i + 1;
            registers_[c.matched_register] = 1;
            return true;
        }
    }
    return false;
}

} // namespace hikyaku::tmpl
