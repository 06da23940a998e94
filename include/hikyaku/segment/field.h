#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace hikyaku::segment
{

enum class field_type
{
    text,
    integer,
    decimal,
    date,
    datetime,
    boolean,
    email,
    select,
    multi_select,
    tags,
};
/// "text", "multi_select", … as in the API.
[[nodiscard]] std::string_view to_string(field_type type) noexcept;

/// A field of the contact: where a row has its value, and of which type it is.
struct field_ref
{
    std::uint32_t slot = 0;
    field_type type = field_type::text;
};

/// Finds a field by the name a condition uses; nullopt when there is none.
using field_finder = std::function<std::optional<field_ref>(std::string_view name)>;

} // namespace hikyaku::segment
