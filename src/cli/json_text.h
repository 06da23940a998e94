#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/json.h>

namespace hikyaku::cli
{

/// A member of a server's answer for a person: strings with control characters escaped, numbers and
/// booleans as they are, objects and arrays as JSON; absent, null and empty are "-".
[[nodiscard]] std::string text_of(const json::object& from, std::string_view name);
[[nodiscard]] std::string text_of(const json::value& value);
/// A string as it came, for requests, files and DNS records; empty when it is none.
[[nodiscard]] std::string raw_text_of(const json::object& from, std::string_view name);
/// A count; anything else is 0.
[[nodiscard]] std::uint64_t number_of(const json::object& from, std::string_view name);
[[nodiscard]] bool flag_of(const json::object& from, std::string_view name);
/// The member when it is an object, else an empty one. Valid as long as `from`.
[[nodiscard]] const json::object& object_of(const json::object& from, std::string_view name);
[[nodiscard]] const json::array& array_of(const json::object& from, std::string_view name);

} // namespace hikyaku::cli
