#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/json.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/segment/cell.h>
#include <hikyaku/segment/field.h>

namespace hikyaku::segment
{

/// Limits of one condition.
inline constexpr std::size_t depth_max = 16;
inline constexpr std::size_t nodes_max = 1'000;
inline constexpr std::size_t list_values_max = 10'000;
/// Over all lists of a condition.
inline constexpr std::size_t values_max = 100'000;
/// Dates and times in a list.
inline constexpr std::size_t list_times_max = 100;
inline constexpr std::size_t value_bytes_max = 1'024;
inline constexpr std::size_t errors_max = 100;

/// What is wrong with a condition, and where.
struct condition_error
{
    /// RFC 6901, from the root of the condition: "/all/2/value".
    std::string pointer;
    /// unknown_field, unknown_operator, operator_not_allowed, wrong_type, bad_value, missing_key,
    /// unknown_key, not_available, too_deep, too_many_nodes, too_many_values, too_long.
    std::string code;
    std::string text;
};

[[noreturn]] inline void throw_exception_from_error(const std::vector<condition_error>& errors,
                                                    const boost::source_location&)
{
    throw std::runtime_error(errors.empty() ? "condition" : errors.front().text);
}

/// The form in which texts are compared (case folding, NFKC); bytes as they are when not set.
using normalizer = std::function<std::string(std::string_view)>;

struct compile_options
{
    /// Applied to the texts of the condition.
    normalizer normalize;
    /// Whether it is applied to the texts of rows too. False when rows come normalised.
    bool normalize_rows = true;
    /// Names to suggest for one that is unknown. Used during the call only.
    std::span<const std::string> field_names;
};

struct tree;

/// A compiled, type-checked condition. Immutable; copies share one tree, any thread may evaluate
/// it.
///
/// The language (JSON): `{"all":[…]}`, `{"any":[…]}`, `{"not":{…}}`, and the leaf
/// `{"field":"prefecture","op":"in","value":["東京都"]}`. `{"all":[]}` matches everyone,
/// `{"any":[]}` nobody.
///
/// | operators | field types | value |
/// |---|---|---|
/// | eq ne | all but multi_select, tags | one |
/// | in not_in | the same but boolean | list |
/// | lt lte gt gte | text integer decimal date datetime | one |
/// | between | the same | [low, high], both included |
/// | contains not_contains | text email select (substring), multi_select tags (an element) | one |
/// | starts_with ends_with | text email select | one |
/// | has_any has_all has_none | multi_select tags | list |
/// | empty not_empty | all | none |
///
/// Logic is two-valued, so `not` is a plain complement and De Morgan's laws hold. A missing value
/// fails every comparison; ne, not_in, not_contains and has_none are the exact complements of eq,
/// in, contains and has_any, hence true for it. A cell of a type the field can't have counts as
/// missing.
///
/// Decimals are JSON integers, strings ("12.50"), or numbers of at most 15 digits. Text order is by
/// bytes of the normalised text, which is the order of code points.
///
/// Dates: "2026-11-24"; "today", "today+7d", "-30d", "+2w", "-3mo", "-1y" are days counted from
/// today in the given offset (a month's end is clamped). For datetime fields a day means the whole
/// day; RFC 3339 moments, "now", "-36h" and "-15min" mean that moment.
class condition
{
public:
    /// Matches everyone.
    condition();

    [[nodiscard]] const tree& compiled() const noexcept { return *tree_; }

private:
    friend result<condition, std::vector<condition_error>>
    compile(const json::value& source, const field_finder& find, const compile_options& options);
    explicit condition(std::shared_ptr<const tree> compiled);

    // Shared: a campaign, its preview and the workers that evaluate it hold the same large lists.
    std::shared_ptr<const tree> tree_;
};

/// @error all mistakes found, at most errors_max, in the order of the tree; never empty
[[nodiscard]] result<condition, std::vector<condition_error>>
compile(const json::value& source, const field_finder& find, const compile_options& options = {});

/// Whether `row` satisfies the condition. `now` and `offset_minutes` (east of UTC) give relative
/// dates and the bounds of days their meaning. @pre |offset_minutes| <= 18 hours
[[nodiscard]] bool matches(const condition& c, const row_view& row, wall_time now,
                           int offset_minutes);

/// The one way a condition is stored: fixed key order, no spaces, decimals as strings. Compiling it
/// again with the same fields gives the same text.
[[nodiscard]] std::string canonical_json(const condition& c);

/// The slots the condition reads, ascending, each once: what a caller must load.
[[nodiscard]] std::vector<std::uint32_t> slots_of(const condition& c);

} // namespace hikyaku::segment
