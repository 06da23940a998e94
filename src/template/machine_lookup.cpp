#include "machine.h"

#include "number.h"

#include <algorithm>
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <hikyaku/text/utf8.h>

namespace hikyaku::tmpl
{

bool is_array(const value& v) noexcept
{
    return v.kind() == value_kind::array || v.kind() == value_kind::json_array ||
           v.kind() == value_kind::range;
}

bool is_object(const value& v) noexcept
{
    return v.kind() == value_kind::object || v.kind() == value_kind::json_object;
}

std::optional<std::uint64_t> size_of(const value& v) noexcept
{
    switch (v.kind())
    {
    case value_kind::string:
        return text::count_code_points(v.as_string());
    case value_kind::array:
        return v.as_array().size();
    case value_kind::json_array:
        return v.as_json_array().size();
    case value_kind::object:
        return v.as_object().size();
    case value_kind::json_object:
        return v.as_json_object().size();
    case value_kind::range:
        return v.range_last() < v.range_first()
                   ? 0
                   : static_cast<std::uint64_t>(v.range_last()) -
                         static_cast<std::uint64_t>(v.range_first()) + 1;
    case value_kind::nil:
    case value_kind::boolean:
    case value_kind::integer:
    case value_kind::decimal:
    case value_kind::date_time:
    case value_kind::loop:
    case value_kind::empty:
    case value_kind::blank:
        break;
    }
    return std::nullopt;
}

value machine::element(const value& v, std::uint64_t i)
{
    if (v.kind() == value_kind::array)
    {
        return v.as_array()[i];
    }
    if (v.kind() == value_kind::json_array)
    {
        return value::from_json(v.as_json_array()[i]);
    }
    if (v.kind() == value_kind::range)
    {
        return value::integer(
            static_cast<std::int64_t>(static_cast<std::uint64_t>(v.range_first()) + i));
    }
    const auto pair = make_array(2);
    if (pair.empty())
    {
        return {};
    }
    if (v.kind() == value_kind::object)
    {
        const auto& m = v.as_object()[i];
        pair[0] = value::string(m.name);
        pair[1] = m.content;
    }
    else
    {
        const auto& m = *(v.as_json_object().begin() + static_cast<std::ptrdiff_t>(i));
        pair[0] = value::string({m.key().data(), m.key().size()});
        pair[1] = value::from_json(m.value());
    }
    return value::array(pair);
}

value machine::member_of(const value& v, std::string_view name)
{
    if (v.kind() == value_kind::json_object)
    {
        const auto* found = v.as_json_object().if_contains(name);
        return found == nullptr ? value{} : value::from_json(*found);
    }
    if (v.kind() == value_kind::object)
    {
        for (const auto& m : v.as_object())
        {
            if (m.name == name)
            {
                return m.content;
            }
        }
    }
    return v.kind() == value_kind::loop ? loop_member(v, name) : value{};
}

value machine::evaluate(std::uint32_t operand_index)
{
    const auto& o = code_->operands[operand_index];
    value v = root_of(o);
    for (std::uint32_t i = 0; i < o.lookup_count && !v.is_nil(); ++i)
    {
        v = look_up(v, code_->lookups[o.lookup_first + i]);
    }
    return v;
}

value machine::root_of(const operand& o)
{
    const auto slot = [this](std::uint32_t index)
    { return index < slots_.size() ? slots_[index] : value{}; };
    switch (o.kind)
    {
    case operand_kind::constant:
        return code_->constants[o.first];
    case operand_kind::slot:
        return slot(o.first);
    case operand_kind::local:
        return assigned_[o.first] != 0 ? locals_[o.first] : slot(o.second);
    case operand_kind::loop_item:
        return loops_[o.first].item;
    case operand_kind::loop_object:
        return value::loop(o.first);
    case operand_kind::named:
        return named_root(evaluate(o.first));
    case operand_kind::range:
        return make_range(o);
    }
    return {};
}

value machine::named_root(const value& name)
{
    if (name.kind() != value_kind::string)
    {
        return {};
    }
    const auto find = [&](const std::vector<std::string>& names)
    {
        return static_cast<std::size_t>(std::find(names.begin(), names.end(), name.as_string()) -
                                        names.begin());
    };
    (void)charge(code_->local_names.size() + code_->slot_names.size());
    const auto local = find(code_->local_names);
    if (local < code_->local_names.size() && assigned_[local] != 0)
    {
        return locals_[local];
    }
    const auto slot = find(code_->slot_names);
    return slot < slots_.size() && slot < code_->slot_names.size() ? slots_[slot] : value{};
}

value machine::make_range(const operand& o)
{
    const auto bound = [this](std::uint32_t index)
    {
        const auto n = to_number(evaluate(index));
        // Like Ruby's to_i: towards zero.
        const auto cut = n.fraction.coefficient < 0 ? rounding::ceiling : rounding::floor;
        return n.is_integer ? n.whole : to_whole(round_to(n.fraction, 0, cut)).value_or(0);
    };
    const auto first = bound(o.first);
    return value::range(first, bound(o.second));
}

value machine::look_up(const value& v, const lookup& l)
{
    switch (l.kind)
    {
    case lookup_kind::name:
        return member_of(v, code_->constants[l.value].as_string());
    case lookup_kind::computed:
        return look_up_computed(v, evaluate(l.value));
    case lookup_kind::size:
    case lookup_kind::first:
    case lookup_kind::last:
        return look_up_command(v, l);
    }
    return {};
}

value machine::look_up_computed(const value& v, const value& key)
{
    if (key.kind() == value_kind::string)
    {
        return member_of(v, key.as_string());
    }
    if (key.kind() != value_kind::integer || !is_array(v))
    {
        return {};
    }
    const auto size = size_of(v).value_or(0);
    const auto i = key.as_integer();
    const auto magnitude =
        i < 0 ? 0 - static_cast<std::uint64_t>(i) : static_cast<std::uint64_t>(i);
    if (i < 0 ? magnitude > size : magnitude >= size)
    {
        return {};
    }
    return element(v, i < 0 ? size - magnitude : magnitude);
}

value machine::look_up_command(const value& v, const lookup& l)
{
    if (is_object(v) || v.kind() == value_kind::loop)
    {
        const auto name = code_->constants[l.value].as_string();
        const value found = member_of(v, name);
        if (!found.is_nil() || v.kind() == value_kind::loop || l.kind == lookup_kind::last)
        {
            return found;
        }
    }
    if (v.kind() == value_kind::string && !charge(v.as_string().size()))
    {
        return {};
    }
    const auto size = size_of(v);
    if (l.kind == lookup_kind::size)
    {
        return size ? value::integer(static_cast<std::int64_t>(*size)) : value{};
    }
    if (v.kind() == value_kind::string)
    {
        const auto all = v.as_string();
        const auto skipped = l.kind == lookup_kind::first || *size == 0 ? 0 : *size - 1;
        const auto rest = all.substr(text::truncate_code_points(all, skipped).size());
        return value::string(text::truncate_code_points(rest, 1));
    }
    if (!size || *size == 0)
    {
        return {};
    }
    return element(v, l.kind == lookup_kind::first ? 0 : *size - 1);
}

} // namespace hikyaku::tmpl
