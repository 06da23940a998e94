#include "machine.h"

#include "number.h"

#include <algorithm>

namespace hikyaku::tmpl
{

std::optional<std::int64_t> machine::loop_bound(std::uint32_t operand_index)
{
    if (operand_index == no_index)
    {
        return std::nullopt;
    }
    const value v = evaluate(operand_index);
    if (v.is_nil())
    {
        return std::nullopt;
    }
    const auto n = to_integer(v);
    if (!n)
    {
        fail("limit: and offset: take an integer");
    }
    return n;
}

bool machine::begin_loop(const loop_code& loop)
{
    loop_state state;
    state.code = &loop;
    const auto from = loop.offset_continue ? static_cast<std::int64_t>(registers_[loop.progress])
                                           : loop_bound(loop.offset).value_or(0);
    state.collection = evaluate(loop.collection);
    const auto limit = loop_bound(loop.limit);
    if (failed_)
    {
        return false;
    }
    if (state.collection.kind() == value_kind::string)
    {
        // One round, whatever limit and offset say.
        state.length = state.collection.as_string().empty() ? 0 : 1;
    }
    else if (is_array(state.collection) || is_object(state.collection))
    {
        constexpr std::int64_t far = std::int64_t{1} << 62;
        const auto size = static_cast<std::int64_t>(
            std::min<std::uint64_t>(size_of(state.collection).value_or(0), far));
        const auto start = std::clamp<std::int64_t>(from, -far, far);
        const auto end =
            limit ? std::min(size, start + std::clamp<std::int64_t>(*limit, -far, far)) : size;
        const auto first = std::clamp<std::int64_t>(start, 0, size);
        state.first = static_cast<std::uint64_t>(first);
        state.length = static_cast<std::uint64_t>(std::max<std::int64_t>(0, end - first));
    }
    registers_[loop.progress] =
        static_cast<std::uint64_t>(from) + state.length; // the next offset:continue starts here
    if (state.length == 0)
    {
        return false;
    }
    auto& slot = loops_[loop.state];
    slot = state;
    take_item(slot);
    return !failed_;
}

bool machine::next_round(const loop_code& loop)
{
    auto& state = loops_[loop.state];
    ++state.index;
    if (state.index >= state.length)
    {
        return false;
    }
    take_item(state);
    return true;
}

void machine::take_item(loop_state& state)
{
    if (++iterations_ > limits_.loop_iterations_max)
    {
        fail("more than " + std::to_string(limits_.loop_iterations_max) +
             " rounds of loops (limit loop_iterations_max)");
        return;
    }
    if (state.collection.kind() == value_kind::string)
    {
        state.item = state.collection;
        return;
    }
    const auto round = state.code->reversed ? state.length - 1 - state.index : state.index;
    state.item = element(state.collection, state.first + round);
}

value machine::loop_member(const value& v, std::string_view name)
{
    const auto& state = loops_[v.loop_state()];
    if (state.code == nullptr)
    {
        return {};
    }
    const auto index = static_cast<std::int64_t>(state.index);
    const auto length = static_cast<std::int64_t>(state.length);
    if (name == "index" || name == "index0")
    {
        return value::integer(index + (name == "index" ? 1 : 0));
    }
    if (name == "rindex" || name == "rindex0")
    {
        return value::integer(length - index - (name == "rindex" ? 0 : 1));
    }
    if (name == "first" || name == "last")
    {
        return value::boolean(name == "first" ? index == 0 : index == length - 1);
    }
    if (name == "length")
    {
        return value::integer(length);
    }
    if (name == "name")
    {
        return code_->constants[state.code->name];
    }
    if (name == "parentloop" && v.loop_state() > 0)
    {
        return value::loop(v.loop_state() - 1);
    }
    return {};
}

} // namespace hikyaku::tmpl
