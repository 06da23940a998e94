#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <hikyaku/http/fields.h>

namespace hikyaku::http
{

/// Bounds of a form.
inline constexpr std::size_t form_fields_max = 64;
/// RFC 2046 section 5.1.1.
inline constexpr std::size_t form_boundary_bytes_max = 70;
/// Headers of one part of multipart/form-data.
inline constexpr std::size_t form_part_header_bytes_max = 4096;

/// The fields of an HTML form: application/x-www-form-urlencoded (also when the type is another
/// one, or not said) or multipart/form-data (RFC 7578), in order. Contents of files count as
/// values; file names and types are not looked at. Pure.
///
/// @returns nullopt when it is malformed, has more than form_fields_max fields, or a name or value
///          is not valid UTF-8 without NUL
[[nodiscard]] std::optional<query_parameters> parse_form(std::string_view content_type,
                                                         std::string_view body);

} // namespace hikyaku::http
