#include "compare.h"

#include "date_parse.h"
#include "markup_lexer.h"
#include "number.h"

#include <algorithm>

#include <boost/json/object.hpp>

namespace hikyaku::tmpl
{
namespace
{

bool is_number(const value& v) noexcept
{
    return v.kind() == value_kind::integer || v.kind() == value_kind::decimal;
}

bool is_sentinel(const value& v) noexcept
{
    return v.kind() == value_kind::empty || v.kind() == value_kind::blank;
}

bool is_empty(const value& v) noexcept
{
    return (v.kind() == value_kind::string && v.as_string().empty()) ||
           ((is_array(v) || is_object(v)) && size_of(v) == 0);
}

bool is_blank(const value& v) noexcept
{
    if (v.kind() == value_kind::string)
    {
        const auto text = v.as_string();
        return std::all_of(text.begin(), text.end(), is_space);
    }
    return !v.truthy() || is_empty(v);
}

bool equals_sentinel(const value& sentinel, const value& v) noexcept
{
    if (is_sentinel(v))
    {
        return false;
    }
    return sentinel.kind() == value_kind::empty ? is_empty(v) : is_blank(v);
}

std::string_view member_name(const value& v, std::uint64_t i)
{
    if (v.kind() == value_kind::object)
    {
        return v.as_object()[i].name;
    }
    const auto& object = v.as_json_object();
    const auto key = std::next(object.begin(), static_cast<std::ptrdiff_t>(i))->key();
    return {key.data(), key.size()};
}

bool same_members(machine& m, const value& a, const value& b)
{
    const auto size = size_of(a).value_or(0);
    for (std::uint64_t i = 0; i < size; ++i)
    {
        const auto name = member_name(a, i);
        if (!contains(m, b, value::string(name)) ||
            !equals(m, m.member_of(a, name), m.member_of(b, name)))
        {
            return false;
        }
    }
    return true;
}

bool same_elements(machine& m, const value& a, const value& b)
{
    const auto size = size_of(a).value_or(0);
    for (std::uint64_t i = 0; i < size; ++i)
    {
        if (!equals(m, m.element(a, i), m.element(b, i)))
        {
            return false;
        }
    }
    return true;
}

bool has_order(const value& v) noexcept
{
    return is_number(v) || v.kind() == value_kind::string || v.kind() == value_kind::date_time;
}

std::optional<std::int64_t> time_of(machine& m, const value& v)
{
    const auto t = to_date(v, m.clock());
    return t ? std::optional(t->unix_ms) : std::nullopt;
}

} // namespace

bool equals(machine& m, const value& a, const value& b)
{
    if (is_sentinel(a) || is_sentinel(b))
    {
        return is_sentinel(a) ? equals_sentinel(a, b) : equals_sentinel(b, a);
    }
    if (is_number(a) && is_number(b))
    {
        return order(m, a, b) == std::strong_ordering::equal;
    }
    if (is_array(a) && is_array(b))
    {
        return m.charge(size_of(a).value_or(0)) && size_of(a) == size_of(b) &&
               same_elements(m, a, b);
    }
    if (is_object(a) && is_object(b))
    {
        return m.charge(size_of(a).value_or(0)) && size_of(a) == size_of(b) &&
               same_members(m, a, b);
    }
    if (a.kind() != b.kind())
    {
        return false;
    }
    switch (a.kind())
    {
    case value_kind::nil:
        return true;
    case value_kind::boolean:
        return a.as_boolean() == b.as_boolean();
    case value_kind::string:
        return a.as_string().size() == b.as_string().size() && m.charge(a.as_string().size()) &&
               a.as_string() == b.as_string();
    case value_kind::date_time:
        return a.as_time() == b.as_time();
    case value_kind::range:
        return a.range_first() == b.range_first() && a.range_last() == b.range_last();
    case value_kind::loop:
        return a.loop_state() == b.loop_state();
    case value_kind::integer:
    case value_kind::decimal:
    case value_kind::array:
    case value_kind::json_array:
    case value_kind::object:
    case value_kind::json_object:
    case value_kind::empty:
    case value_kind::blank:
        break; // seen above
    }
    return false;
}

bool contains(machine& m, const value& a, const value& b)
{
    if (!a.truthy() || !b.truthy())
    {
        return false;
    }
    if (a.kind() == value_kind::string)
    {
        const auto part = m.text_of(b);
        return m.charge_search(a.as_string(), part) &&
               a.as_string().find(part) != std::string_view::npos;
    }
    if (a.kind() == value_kind::range)
    {
        const auto n = to_number(b);
        const auto d = n.as_decimal();
        return is_number(b) && compare_decimals(make_decimal(a.range_first(), 0), d) <= 0 &&
               compare_decimals(d, make_decimal(a.range_last(), 0)) <= 0;
    }
    if (a.kind() == value_kind::json_object)
    {
        return b.kind() == value_kind::string && a.as_json_object().contains(b.as_string());
    }
    if (a.kind() == value_kind::object)
    {
        const auto members = a.as_object();
        return b.kind() == value_kind::string &&
               std::any_of(members.begin(), members.end(),
                           [&](const member& x) { return x.name == b.as_string(); });
    }
    const auto size = is_array(a) ? size_of(a).value_or(0) : 0;
    for (std::uint64_t i = 0; i < size && m.charge(sizeof(value)); ++i)
    {
        if (equals(m, m.element(a, i), b))
        {
            return true;
        }
    }
    return false;
}

std::optional<std::strong_ordering> order(machine& m, const value& a, const value& b)
{
    if (is_number(a) && is_number(b))
    {
        if (a.kind() == value_kind::integer && b.kind() == value_kind::integer)
        {
            return a.as_integer() <=> b.as_integer();
        }
        const auto left = to_number(a).as_decimal();
        return compare_decimals(left, to_number(b).as_decimal());
    }
    if (a.kind() == value_kind::string && b.kind() == value_kind::string)
    {
        (void)m.charge(std::min(a.as_string().size(), b.as_string().size()));
        return a.as_string() <=> b.as_string();
    }
    const bool has_time = a.kind() == value_kind::date_time || b.kind() == value_kind::date_time;
    if (has_time && !is_number(a) && !is_number(b))
    {
        const auto left = time_of(m, a);
        const auto right = time_of(m, b);
        return left && right ? std::optional(*left <=> *right) : std::nullopt;
    }
    return std::nullopt;
}

bool compare(machine& m, comparison c, const value& a, const value& b)
{
    if (!has_order(a) || !has_order(b))
    {
        return false;
    }
    const auto o = order(m, a, b);
    if (!o)
    {
        return m.fail("these two values have no order between them (a string and a number?)");
    }
    return c == comparison::less         ? *o < 0
           : c == comparison::less_equal ? *o <= 0
           : c == comparison::greater    ? *o > 0
                                         : *o >= 0;
}

} // namespace hikyaku::tmpl
