#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <hikyaku/base/json.h>
#include <hikyaku/base/time.h>
#include <hikyaku/template/decimal.h>

namespace hikyaku::tmpl
{

struct member;

enum class value_kind : std::uint8_t
{
    nil,
    boolean,
    integer,
    decimal,
    string,
    date_time,
    array,       ///< a span of values
    json_array,  ///< an array inside a JSON document
    object,      ///< a span of members
    json_object, ///< an object inside a JSON document
    range,       ///< (first..last), never spelled out
    loop,        ///< the `forloop` object; made by the renderer only
    empty,       ///< the literal `empty`
    blank,       ///< the literal `blank`
};

/// What a field holds, as templates see it. A trivially copyable reference: strings, arrays,
/// objects and JSON belong to the caller and outlive the rendering. Nothing is copied or parsed
/// when one is made. Any thread.
class value
{
public:
    /// nil
    constexpr value() noexcept = default;
    [[nodiscard]] static value boolean(bool b) noexcept;
    [[nodiscard]] static value integer(std::int64_t i) noexcept;
    [[nodiscard]] static value number(const decimal& d) noexcept;
    /// UTF-8; other bytes pass through (in header mode they become U+FFFD).
    [[nodiscard]] static value string(std::string_view s) noexcept;
    /// A point in time as seen `offset_minutes` east of UTC.
    [[nodiscard]] static value date_time(wall_time t, int offset_minutes) noexcept;
    [[nodiscard]] static value array(std::span<const value> elements) noexcept;
    /// Members keep their order; names are unique.
    [[nodiscard]] static value object(std::span<const member> members) noexcept;
    [[nodiscard]] static value range(std::int64_t first, std::int64_t last) noexcept;
    [[nodiscard]] static value loop(std::uint32_t state) noexcept;
    [[nodiscard]] static value empty() noexcept;
    [[nodiscard]] static value blank() noexcept;
    /// References strings, arrays and objects inside `v`.
    [[nodiscard]] static value from_json(const json::value& v) noexcept;

    [[nodiscard]] value_kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_nil() const noexcept { return kind_ == value_kind::nil; }
    /// Everything is, except nil and false.
    [[nodiscard]] bool truthy() const noexcept
    {
        return kind_ != value_kind::nil && !(kind_ == value_kind::boolean && a_.integer == 0);
    }
    /// @pre for each accessor: kind() is the one it names
    [[nodiscard]] bool as_boolean() const noexcept { return a_.integer != 0; }
    [[nodiscard]] std::int64_t as_integer() const noexcept { return a_.integer; }
    [[nodiscard]] tmpl::decimal as_decimal() const noexcept { return {a_.integer, aux_}; }
    [[nodiscard]] std::string_view as_string() const noexcept { return {a_.text, b_}; }
    [[nodiscard]] wall_time as_time() const noexcept { return from_unix_ms(a_.integer); }
    [[nodiscard]] int offset_minutes() const noexcept { return aux_; }
    [[nodiscard]] std::span<const value> as_array() const noexcept { return {a_.elements, b_}; }
    [[nodiscard]] std::span<const member> as_object() const noexcept;
    [[nodiscard]] const json::array& as_json_array() const noexcept;
    [[nodiscard]] const json::object& as_json_object() const noexcept;
    [[nodiscard]] std::int64_t range_first() const noexcept { return a_.integer; }
    [[nodiscard]] std::int64_t range_last() const noexcept { return static_cast<std::int64_t>(b_); }
    [[nodiscard]] std::uint32_t loop_state() const noexcept
    {
        return static_cast<std::uint32_t>(b_);
    }

    /// The string is HTML already (made by `escape` and the like): output does not escape it again.
    [[nodiscard]] bool is_markup() const noexcept { return markup_; }
    [[nodiscard]] value as_markup() const noexcept
    {
        value v = *this;
        v.markup_ = v.kind_ == value_kind::string;
        return v;
    }

private:
    union payload
    {
        std::int64_t integer;
        const char* text;
        const value* elements;
        const member* members;
        const void* json;
    };
    payload a_{0};
    std::uint64_t b_ = 0;
    std::int32_t aux_ = 0;
    value_kind kind_ = value_kind::nil;
    bool markup_ = false;
};

/// One name and its value in an object.
struct member
{
    std::string_view name;
    value content;
};

} // namespace hikyaku::tmpl
