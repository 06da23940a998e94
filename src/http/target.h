#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/http/fields.h>

#include "wire.h"

namespace hikyaku::http
{

/// Query parameters more than this are refused.
inline constexpr std::size_t query_parameters_max = 100;

/// A request target taken apart.
struct parsed_target
{
    /// Still encoded: what the router splits.
    std::string raw_path;
    std::string path;
    query_parameters query;
};

/// Percent-decodes; in a query '+' is a space.
/// @returns nullopt for a broken escape, NUL, or bytes that are not UTF-8
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// Takes origin form ("/v1/x?y") or absolute form ("http://host/v1/x", RFC 9112 section 3.2.2).
/// Refuses fragments, bytes outside visible ASCII, broken escapes, NUL, invalid UTF-8 and dot
/// segments, encoded ones included.
[[nodiscard]] result<parsed_target, refusal> parse_target(std::string_view target);

/// Whether the bytes are well-formed UTF-8 (RFC 3629) without NUL.
[[nodiscard]] bool is_clean_utf8(std::string_view text) noexcept;

} // namespace hikyaku::http
