#pragma once

#include <cstdint>

namespace hikyaku::crm
{

inline constexpr std::uint8_t row_version = 1;

/// How a value is written in a contact's row. On disk: never reused.
enum class row_kind : std::uint8_t
{
    text = 1,
    integer = 2,
    decimal = 3,
    no = 4,
    yes = 5,
    date = 6,
    time = 7,
    list = 8,
};

} // namespace hikyaku::crm
