#include "name_scope.h"

#include <algorithm>

namespace hikyaku::tmpl
{

void name_scope::resolve(std::string_view name, operand& o)
{
    for (auto depth = loop_variables_.size(); depth-- > 0;)
    {
        if (name == loop_variables_[depth] || name == "forloop")
        {
            o.kind = name == loop_variables_[depth] ? operand_kind::loop_item
                                                    : operand_kind::loop_object;
            o.first = static_cast<std::uint32_t>(depth);
            return;
        }
    }
    // Whether the name is assigned is known at the end only: a loop may read before it assigns.
    o.kind = operand_kind::local;
    o.first = obtain_name(name);
    o.second = slots_.obtain(name);
}

std::uint32_t name_scope::obtain_name(std::string_view name)
{
    const auto [at, is_new] =
        known_.try_emplace(std::string(name), static_cast<std::uint32_t>(assigned_.size()));
    if (is_new)
    {
        code_.local_names.emplace_back(name);
        assigned_.push_back(false);
    }
    return at->second;
}

std::uint32_t name_scope::obtain_local(std::string_view name)
{
    const auto local = obtain_name(name);
    assigned_[local] = true;
    return local;
}

std::uint32_t name_scope::enter_loop(std::string_view variable)
{
    loop_variables_.emplace_back(variable);
    code_.loop_states =
        std::max(code_.loop_states, static_cast<std::uint32_t>(loop_variables_.size()));
    return static_cast<std::uint32_t>(loop_variables_.size() - 1);
}

void name_scope::leave_loop()
{
    loop_variables_.pop_back();
}

void name_scope::finish()
{
    std::vector<std::uint32_t> renumbered(assigned_.size(), no_index);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < assigned_.size(); ++i)
    {
        if (assigned_[i])
        {
            renumbered[i] = static_cast<std::uint32_t>(names.size());
            names.push_back(code_.local_names[i]);
        }
    }
    code_.local_names = std::move(names);
    for (auto& o : code_.operands)
    {
        if (o.kind == operand_kind::local)
        {
            code_.slots.push_back(o.second);
            const auto local = renumbered[o.first];
            o.kind = local == no_index ? operand_kind::slot : operand_kind::local;
            o.first = local == no_index ? o.second : local;
        }
    }
    for (auto& i : code_.instructions)
    {
        i.first = i.code == opcode::assign ? renumbered[i.first] : i.first;
    }
    std::sort(code_.slots.begin(), code_.slots.end());
    code_.slots.erase(std::unique(code_.slots.begin(), code_.slots.end()), code_.slots.end());
    if (code_.reads_any_slot)
    {
        code_.slot_names.assign(slots_.names().begin(), slots_.names().end());
    }
}

} // namespace hikyaku::tmpl
