#pragma once

#include <cstdint>
#include <string_view>

#include "code.h"

namespace hikyaku::tmpl
{

struct filter_entry
{
    std::string_view name;
    filter_function apply;
    std::uint8_t arguments_min;
    std::uint8_t arguments_max;
};

/// nullptr: there is no such filter.
[[nodiscard]] const filter_entry* find_filter(std::string_view name) noexcept;

} // namespace hikyaku::tmpl
