#pragma once

#include <cstdint>
#include <string_view>

namespace hikyaku::crm
{

/// What a column is by its header: decides what lost zeros look like.
enum class column_kind : std::uint8_t
{
    other,
    phone,
    postal_code,
};
[[nodiscard]] column_kind kind_of_column(std::string_view header);

/// A cell that a spreadsheet or a wrong encoding has spoilt; nullptr code when it looks sound.
struct cell_fault
{
    const char* code = nullptr;
    const char* text = nullptr;
};
/// The first fault of a cell. Pure. @pre well-formed UTF-8
[[nodiscard]] cell_fault find_cell_fault(std::string_view cell, column_kind kind);

} // namespace hikyaku::crm
