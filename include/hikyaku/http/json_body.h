#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hikyaku/base/json.h>
#include <hikyaku/base/result.h>
#include <hikyaku/http/request.h>
#include <hikyaku/http/response.h>

namespace hikyaku::http
{

/// One part of a JSON pointer (RFC 6901 section 3).
[[nodiscard]] std::string escape_pointer(std::string_view part);

/// The body as strict JSON.
/// @error the answer to give: 415 unless application/json (or +json; charset utf-8 only),
///        400 `malformed_json` with the byte offset in the detail
[[nodiscard]] result<json::value, response> parse_json_body(const request& from,
                                                            const json_limits& limits = {});

/// Reads a JSON object strictly: typed getters collect what is wrong, each with its JSON pointer,
/// and finish() also reports the members nobody asked for. Getters never fail: they return an
/// empty value and note the error, so an endpoint reads everything, then checks once.
///
/// `null` counts as absent for optional_*, and as missing for required_*; is_null() tells them
/// apart (PATCH: absent keeps, null clears). A string with U+0000 is refused.
/// Readers made from a reader (object, objects) report into the same list: call finish() on the
/// first one, after all of them. The json::value outlives the readers. Not thread-safe.
///
///     object_reader in(*body);
///     const auto name = in.required_string("name", 100);
///     const auto limit = in.optional_int("limit", 1, 1000).value_or(50);
///     if (auto from = in.optional_object("from")) { read_sender(*from); }
///     if (auto refused = in.finish()) { return *refused; }
class object_reader
{
public:
    /// Anything but an object is a wrong_type error at `pointer`.
    explicit object_reader(const json::value& value, std::string pointer = {});

    /// The member is there, null or not. Doesn't make it known.
    [[nodiscard]] bool has(std::string_view name) const noexcept;
    /// The member is there and null. Makes it known.
    [[nodiscard]] bool is_null(std::string_view name);

    /// Lengths are in characters (Unicode code points). A required string is not empty unless
    /// `length_min` is 0.
    [[nodiscard]] std::string required_string(std::string_view name, std::size_t length_max,
                                              std::size_t length_min = 1);
    [[nodiscard]] std::optional<std::string>
    optional_string(std::string_view name, std::size_t length_max, std::size_t length_min = 0);

    /// Integers only: 1.0 is wrong_type.
    [[nodiscard]] std::int64_t
    required_int(std::string_view name, std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                 std::int64_t max = std::numeric_limits<std::int64_t>::max());
    [[nodiscard]] std::optional<std::int64_t>
    optional_int(std::string_view name, std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                 std::int64_t max = std::numeric_limits<std::int64_t>::max());

    [[nodiscard]] bool required_bool(std::string_view name);
    [[nodiscard]] std::optional<bool> optional_bool(std::string_view name);

    /// One of the words, given back as its value; otherwise not_allowed, naming the words.
    template <class E>
    [[nodiscard]] std::optional<E>
    optional_choice(std::string_view name,
                    std::initializer_list<std::pair<std::string_view, E>> choices)
    {
        return choose(name, optional_string(name, choice_length_max), choices);
    }
    /// As above; the first choice when it is missing or wrong (and the error noted).
    template <class E>
    [[nodiscard]] E required_choice(std::string_view name,
                                    std::initializer_list<std::pair<std::string_view, E>> choices)
    {
        const auto* value = take(name, true);
        if (value == nullptr)
        {
            return choices.begin()->second;
        }
        return choose(name, optional_string(name, choice_length_max), choices)
            .value_or(choices.begin()->second);
    }

    /// The array, or null when it is absent or wrong.
    [[nodiscard]] const json::array* optional_array(std::string_view name, std::size_t items_max);
    [[nodiscard]] const json::array* required_array(std::string_view name, std::size_t items_max,
                                                    std::size_t items_min = 1);
    /// Array of strings; absent: empty. Errors point at the item: "/tags/3".
    [[nodiscard]] std::vector<std::string> strings(std::string_view name, std::size_t items_max,
                                                   std::size_t length_max);
    /// Array of objects, a reader for each; absent: empty.
    [[nodiscard]] std::vector<object_reader> objects(std::string_view name, std::size_t items_max);

    /// A reader for a nested object, strict as this one.
    [[nodiscard]] std::optional<object_reader> optional_object(std::string_view name);
    /// As above; missing or wrong: noted, and a reader of nothing (its getters note no more).
    [[nodiscard]] object_reader required_object(std::string_view name);
    /// A nested object whose members are free (variables): the caller checks them.
    [[nodiscard]] const json::object* optional_free_object(std::string_view name,
                                                           std::size_t members_max);
    /// Any value, unchecked (a condition tree with a parser of its own); null when absent.
    [[nodiscard]] const json::value* optional_any(std::string_view name);
    [[nodiscard]] const json::value* required_any(std::string_view name);

    /// Notes an error of the caller at a member ("" for the object itself; "a/0/b" goes deeper,
    /// its parts already escaped).
    void fail(std::string_view name, std::string code, std::string detail);
    /// No error so far; unknown members are found by finish().
    [[nodiscard]] bool ok() const noexcept;
    /// The pointer of a member: "/from/email".
    [[nodiscard]] std::string pointer_to(std::string_view name) const;

    /// Notes unknown members of this and all nested readers.
    /// @returns the 422 `invalid_fields` problem with every error, or nullopt when all is well
    [[nodiscard]] std::optional<response> finish();

    /// Errors reported by finish() at most; the rest is left out.
    static constexpr std::size_t errors_max = 50;

private:
    static constexpr std::size_t choice_length_max = 64;
    struct node;
    struct state;
    object_reader(std::shared_ptr<state> shared, const json::value* value, std::string pointer);

    template <class E>
    std::optional<E> choose(std::string_view name, const std::optional<std::string>& text,
                            std::initializer_list<std::pair<std::string_view, E>> choices)
    {
        if (!text)
        {
            return std::nullopt;
        }
        std::string words;
        for (const auto& [word, value] : choices)
        {
            if (*text == word)
            {
                return value;
            }
            words += (words.empty() ? "" : ", ") + std::string(word);
        }
        note(pointer_to(name), "not_allowed", "must be one of: " + words);
        return std::nullopt;
    }
    [[nodiscard]] const json::value* take(std::string_view name, bool required);
    /// These note errors at a whole pointer.
    [[nodiscard]] std::optional<std::string> checked_string(const json::value& value,
                                                            const std::string& pointer,
                                                            std::size_t length_min,
                                                            std::size_t length_max);
    [[nodiscard]] std::optional<std::int64_t> checked_int(const json::value& value,
                                                          const std::string& pointer,
                                                          std::int64_t min, std::int64_t max);
    void note(std::string pointer, std::string code, std::string detail);
    void note_type(std::string_view name, std::string_view wanted, const json::value& got);

    /// Shared: nested readers report into the list of the first one, and may outlive it.
    std::shared_ptr<state> state_;
    /// Index of this object in state_->nodes.
    std::size_t node_ = 0;
};

} // namespace hikyaku::http
