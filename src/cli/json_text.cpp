#include "json_text.h"

#include "json_line.h"

namespace hikyaku::cli
{

std::string text_of(const json::value& value)
{
    if (value.is_null() || (value.is_string() && value.get_string().empty()))
    {
        return "-";
    }
    if (value.is_string())
    {
        return printable(value.get_string());
    }
    return printable(to_json_text(value));
}

std::string text_of(const json::object& from, std::string_view name)
{
    const auto* v = from.if_contains(name);
    return v == nullptr ? "-" : text_of(*v);
}

std::string raw_text_of(const json::object& from, std::string_view name)
{
    const auto* v = from.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::uint64_t number_of(const json::object& from, std::string_view name)
{
    const auto* v = from.if_contains(name);
    if (v == nullptr)
    {
        return 0;
    }
    if (v->is_uint64())
    {
        return v->get_uint64();
    }
    return v->is_int64() && v->get_int64() > 0 ? static_cast<std::uint64_t>(v->get_int64()) : 0;
}

bool flag_of(const json::object& from, std::string_view name)
{
    const auto* v = from.if_contains(name);
    return v != nullptr && v->is_bool() && v->get_bool();
}

const json::object& object_of(const json::object& from, std::string_view name)
{
    static const json::object none;
    const auto* v = from.if_contains(name);
    return v != nullptr && v->is_object() ? v->get_object() : none;
}

const json::array& array_of(const json::object& from, std::string_view name)
{
    static const json::array none;
    const auto* v = from.if_contains(name);
    return v != nullptr && v->is_array() ? v->get_array() : none;
}

} // namespace hikyaku::cli
