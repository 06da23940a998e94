#include <hikyaku/template/value.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <limits>

namespace hikyaku::tmpl
{

value value::boolean(bool b) noexcept
{
    value v;
    v.kind_ = value_kind::boolean;
    v.a_.integer = b ? 1 : 0;
    return v;
}

value value::integer(std::int64_t i) noexcept
{
    value v;
    v.kind_ = value_kind::integer;
    v.a_.integer = i;
    return v;
}

value value::number(const tmpl::decimal& d) noexcept
{
    value v;
    v.kind_ = value_kind::decimal;
    v.a_.integer = d.coefficient;
    v.aux_ = d.scale;
    return v;
}

value value::string(std::string_view s) noexcept
{
    value v;
    v.kind_ = value_kind::string;
    v.a_.text = s.data();
    v.b_ = s.size();
    return v;
}

value value::date_time(wall_time t, int offset_minutes) noexcept
{
    value v;
    v.kind_ = value_kind::date_time;
    v.a_.integer = to_unix_ms(t);
    v.aux_ = offset_minutes;
    return v;
}

value value::array(std::span<const value> elements) noexcept
{
    value v;
    v.kind_ = value_kind::array;
    v.a_.elements = elements.data();
    v.b_ = elements.size();
    return v;
}

value value::object(std::span<const member> members) noexcept
{
    value v;
    v.kind_ = value_kind::object;
    v.a_.members = members.data();
    v.b_ = members.size();
    return v;
}

value value::range(std::int64_t first, std::int64_t last) noexcept
{
    value v;
    v.kind_ = value_kind::range;
    v.a_.integer = first;
    v.b_ = static_cast<std::uint64_t>(last);
    return v;
}

value value::loop(std::uint32_t state) noexcept
{
    value v;
    v.kind_ = value_kind::loop;
    v.b_ = state;
    return v;
}

value value::empty() noexcept
{
    value v;
    v.kind_ = value_kind::empty;
    return v;
}

value value::blank() noexcept
{
    value v;
    v.kind_ = value_kind::blank;
    return v;
}

value value::from_json(const json::value& j) noexcept
{
    value v;
    switch (j.kind())
    {
    case json::kind::null:
        return v;
    case json::kind::bool_:
        return boolean(j.get_bool());
    case json::kind::int64:
        return integer(j.get_int64());
    case json::kind::uint64:
        return number(make_decimal(static_cast<wide_int>(j.get_uint64()), 0));
    case json::kind::double_:
        return number(decimal_from_double(j.get_double()));
    case json::kind::string:
        return string({j.get_string().data(), j.get_string().size()});
    case json::kind::array:
        v.kind_ = value_kind::json_array;
        v.a_.json = &j.get_array();
        return v;
    case json::kind::object:
        v.kind_ = value_kind::json_object;
        v.a_.json = &j.get_object();
        return v;
    }
    return v;
}

std::span<const member> value::as_object() const noexcept
{
    return {a_.members, static_cast<std::size_t>(b_)};
}

const json::array& value::as_json_array() const noexcept
{
    return *static_cast<const json::array*>(a_.json);
}

const json::object& value::as_json_object() const noexcept
{
    return *static_cast<const json::object*>(a_.json);
}

} // namespace hikyaku::tmpl
