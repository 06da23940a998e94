#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <hikyaku/segment/field.h>

namespace hikyaku::segment
{

enum class op
{
    eq,
    ne,
    in,
    not_in,
    lt,
    lte,
    gt,
    gte,
    between,
    contains,
    not_contains,
    starts_with,
    ends_with,
    has_any,
    has_all,
    has_none,
    empty,
    not_empty,
};

/// What follows an operator as "value".
enum class arity
{
    none,
    one,
    /// [low, high]
    pair,
    list,
};

struct op_row
{
    op which;
    std::string_view name;
    arity takes;
    /// Bit set by field_type.
    std::uint32_t types;
};

/// Every operator, in the order of the enum.
[[nodiscard]] std::span<const op_row> operators() noexcept;
[[nodiscard]] const op_row& row_of(op which) noexcept;
/// nullptr when there is no operator of that name.
[[nodiscard]] const op_row* find_operator(std::string_view name) noexcept;
[[nodiscard]] bool allows(const op_row& row, field_type type) noexcept;

} // namespace hikyaku::segment
