#include "operators.h"

#include <algorithm>

namespace hikyaku::segment
{

namespace
{

constexpr std::uint32_t bit(field_type type)
{
    return 1U << static_cast<unsigned>(type);
}

constexpr std::uint32_t texts =
    bit(field_type::text) | bit(field_type::email) | bit(field_type::select);
constexpr std::uint32_t lists = bit(field_type::multi_select) | bit(field_type::tags);
constexpr std::uint32_t ordered = bit(field_type::text) | bit(field_type::integer) |
                                  bit(field_type::decimal) | bit(field_type::date) |
                                  bit(field_type::datetime);
constexpr std::uint32_t listable = ordered | texts;
constexpr std::uint32_t single = listable | bit(field_type::boolean);
constexpr std::uint32_t every = single | lists;

constexpr op_row rows[] = {
    {op::eq, "eq", arity::one, single},
    {op::ne, "ne", arity::one, single},
    {op::in, "in", arity::list, listable},
    {op::not_in, "not_in", arity::list, listable},
    {op::lt, "lt", arity::one, ordered},
    {op::lte, "lte", arity::one, ordered},
    {op::gt, "gt", arity::one, ordered},
    {op::gte, "gte", arity::one, ordered},
    {op::between, "between", arity::pair, ordered},
    {op::contains, "contains", arity::one, texts | lists},
    {op::not_contains, "not_contains", arity::one, texts | lists},
    {op::starts_with, "starts_with", arity::one, texts},
    {op::ends_with, "ends_with", arity::one, texts},
    {op::has_any, "has_any", arity::list, lists},
    {op::has_all, "has_all", arity::list, lists},
    {op::has_none, "has_none", arity::list, lists},
    {op::empty, "empty", arity::none, every},
    {op::not_empty, "not_empty", arity::none, every},
};

struct type_name
{
    field_type type;
    std::string_view name;
};

constexpr type_name type_names[] = {
    {field_type::text, "text"},         {field_type::integer, "integer"},
    {field_type::decimal, "decimal"},   {field_type::date, "date"},
    {field_type::datetime, "datetime"}, {field_type::boolean, "boolean"},
    {field_type::email, "email"},       {field_type::select, "select"},
    {field_type::tags, "tags"},         {field_type::multi_select, "multi_select"},
};

} // namespace

std::span<const op_row> operators() noexcept
{
    return rows;
}

const op_row& row_of(op which) noexcept
{
    return rows[static_cast<std::size_t>(which)];
}

const op_row* find_operator(std::string_view name) noexcept
{
    const auto* found = std::ranges::find(rows, name, &op_row::name);
    return found == std::end(rows) ? nullptr : found;
}

bool allows(const op_row& row, field_type type) noexcept
{
    return (row.types & bit(type)) != 0;
}

std::string_view to_string(field_type type) noexcept
{
    const auto* found = std::ranges::find(type_names, type, &type_name::type);
    return found == std::end(type_names) ? "?" : found->name;
}

} // namespace hikyaku::segment
