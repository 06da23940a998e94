#pragma once

#include <string>

#include <hikyaku/base/json.h>

namespace hikyaku::cli
{

/// A DNS record of the API ({type, name, value, purpose}) as a line of a zone file (RFC 1035
/// section 5.1), without a line end. Text is cut into strings of 255 bytes (section 3.3.14).
[[nodiscard]] std::string zone_line(const json::object& record);

} // namespace hikyaku::cli
