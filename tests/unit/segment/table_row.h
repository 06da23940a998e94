#pragma once

#include <hikyaku/segment/condition.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::segment
{

/// The fields the tests use, with their slots.
struct test_field
{
    const char* name;
    field_ref at;
};

inline constexpr test_field test_fields[] = {
    {"name", {0, field_type::text}},
    {"age", {1, field_type::integer}},
    {"spent", {2, field_type::decimal}},
    {"birthday", {3, field_type::date}},
    {"seen", {4, field_type::datetime}},
    {"member", {5, field_type::boolean}},
    {"email", {6, field_type::email}},
    {"prefecture", {7, field_type::select}},
    {"hobbies", {8, field_type::multi_select}},
    {"tags", {9, field_type::tags}},
};

inline std::optional<field_ref> find_test_field(std::string_view name)
{
    for (const test_field& f : test_fields)
    {
        if (name == f.name)
        {
            return f.at;
        }
    }
    return std::nullopt;
}

/// A row in memory.
class table_row final : public row_view
{
public:
    std::map<std::uint32_t, cell> cells;

    [[nodiscard]] cell value(std::uint32_t slot) const override
    {
        const auto found = cells.find(slot);
        return found == cells.end() ? cell{} : found->second;
    }
};

inline result<condition, std::vector<condition_error>>
compile_text(std::string_view text, const compile_options& options = {})
{
    json_limits limits;
    limits.depth_max = 64;
    return compile(parse_json(text, limits).value(), find_test_field, options);
}

} // namespace hikyaku::segment
