#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <hikyaku/base/json.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crm/problem.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/segment/cell.h>

namespace hikyaku::crm
{

using segment::decimal;

/// One value of a contact. monostate: none (an empty text and an empty list are stored as none).
/// text, email and select are strings; multi_select and tags are lists.
using value = std::variant<std::monostate, std::string, std::int64_t, decimal, bool,
                           std::chrono::sys_days, wall_time, std::vector<std::string>>;

inline constexpr std::size_t value_bytes_max = 64u << 10;
inline constexpr std::size_t list_values_max = 1'000;
/// Of an update key field: it becomes part of a key.
inline constexpr std::size_t key_value_bytes_max = 1'024;
/// Minutes east of UTC for a datetime that comes without an offset, and the calendar of people.
inline constexpr int default_offset_minutes = 9 * 60;

[[nodiscard]] inline bool is_none(const value& v) noexcept
{
    return std::holds_alternative<std::monostate>(v);
}

/// Decimals by value: 1.50 equals 1.5.
[[nodiscard]] bool equal(const value& a, const value& b) noexcept;

/// Reads a value as people and files write it. Nothing is trimmed or repaired, with one exception:
/// fields other than text ignore ASCII blanks around the value.
///
/// text: UTF-8 without NUL, CR LF becomes LF; other controls but TAB and line breaks are refused.
/// integer: digits with a sign. decimal: segment::parse_decimal. boolean: true false 1 0 yes no on
/// off, はい いいえ. date: 2026-11-24 or 2026/11/24. datetime: RFC 3339, or "2026-11-24 09:00[:00]"
/// in default_offset_minutes. email: mime::parse_address, stored as typed. select: an option.
/// multi_select, tags: parts separated by LF, ',' or ';' (a list in JSON can hold those).
/// Empty text is none.
/// @error invalid  with the field's name and a sentence that doesn't hold the value
[[nodiscard]] result<value, problem> parse_value(const field& f, std::string_view text);
/// The same from JSON: null is none; numbers, booleans and arrays of strings where the type has
/// them; strings always.
[[nodiscard]] result<value, problem> parse_value(const field& f, const json::value& v);

/// As parse_value reads it back: lists joined by LF, datetimes in RFC 3339 with the offset.
[[nodiscard]] std::string format_value(const value& v, int offset_minutes = default_offset_minutes);
/// As the API shows it: decimals, dates and datetimes are strings, none is null.
[[nodiscard]] json::value to_json(const value& v, int offset_minutes = default_offset_minutes);

/// The bytes that two values of an update key field share exactly when they are equal: an email's
/// normalized address, digits of numbers, ISO dates. Empty for none.
[[nodiscard]] std::string key_bytes(const field& f, const value& v);

/// (field id, value), ascending by id, each id once.
using values = std::vector<std::pair<std::uint16_t, value>>;

/// Reads {"name": value, …}; labels are taken too. null stays as none: update() erases it.
/// @error invalid  first mistake: unknown field, field named twice, bad value
[[nodiscard]] result<values, problem> parse_values(const schema& s, const json::object& o);

} // namespace hikyaku::crm
