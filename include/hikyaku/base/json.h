#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku
{

namespace json = boost::json;

/// Why a text is not the JSON we take, and where.
struct json_error
{
    std::string text;
    /// Byte offset in the input.
    std::size_t offset = 0;
};

struct json_limits
{
    std::size_t depth_max = 32;
    std::size_t string_bytes_max = 10u << 20;
};

/// Parses strict JSON (RFC 8259): what Boost.JSON lets pass is refused here too: duplicate keys,
/// numbers that overflow to infinity, invalid UTF-8 (lone surrogates included), nesting beyond the
/// limit, bytes after the value.
[[nodiscard]] result<json::value, json_error> parse_json(std::string_view text,
                                                         const json_limits& limits = {});

/// `{"a":1}` in one line, UTF-8 kept as it is.
[[nodiscard]] std::string to_json_text(const json::value& value);

[[noreturn]] inline void throw_exception_from_error(const json_error& e,
                                                    const boost::source_location&)
{
    throw std::runtime_error(e.text);
}

} // namespace hikyaku
