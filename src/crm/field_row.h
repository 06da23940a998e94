#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/crm/schema.h>

namespace hikyaku::crm
{

/// The value of an 'A' row (FORMAT.md).
[[nodiscard]] std::string encode_field(const field& f);
[[nodiscard]] std::optional<field> decode_field(std::uint16_t id, std::string_view row);

} // namespace hikyaku::crm
