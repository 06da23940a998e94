#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/shaping/local_date.h>

namespace hikyaku::shaping
{

/// How many messages a new source may send to each site on each day of its first weeks.
/// Invariant of a made plan: 1 to days_max caps, each 1 to cap_max.
struct warm_up_plan
{
    static constexpr std::size_t days_max = 366;
    static constexpr std::uint64_t cap_max = 1'000'000'000;

    /// The day of the first cap, in the installation's time zone.
    day_number started = 0;
    /// Of the first, second, … day, for each site. After the last one there is no cap.
    std::vector<std::uint64_t> caps;

    friend bool operator==(const warm_up_plan&, const warm_up_plan&) = default;
};

/// Each day so many percent more than the day before, and at least one message more.
struct warm_up_growth
{
    static constexpr std::uint32_t percent_max = 1'000;

    std::uint64_t first = 50;
    std::uint32_t percent = 50;

    friend bool operator==(const warm_up_growth&, const warm_up_growth&) = default;
};

/// A plan from its daily caps. The plan ends before the first day whose cap reaches `target`.
/// @error names what is out of bounds: no caps, too many, one that is zero, too large or below the
///        cap of the day before, or a target that the first day reaches already
[[nodiscard]] result<warm_up_plan, failure> make_warm_up(day_number started,
                                                         std::vector<std::uint64_t> caps,
                                                         std::optional<std::uint64_t> target);

/// A plan that grows until `target` is reached.
/// @error as above, and when the target is more than days_max days away
[[nodiscard]] result<warm_up_plan, failure>
make_warm_up(day_number started, const warm_up_growth& growth, std::uint64_t target);

/// What a source may send to one site on `day`; nullopt: no cap, the plan is through. 0 before the
/// plan starts: the source rests until then.
[[nodiscard]] std::optional<std::uint64_t> warm_up_cap(const warm_up_plan& plan, day_number day);

/// Number of a source that stays the same over changes of the configuration; 0: none.
using source_number = std::uint16_t;

/// What one warming source has used of one site's cap on a day: one durable row.
struct warm_up_use
{
    source_number source = 0;
    std::string site;
    day_number day = 0;
    std::uint64_t used = 0;

    friend bool operator==(const warm_up_use&, const warm_up_use&) = default;
};

/// Counts what warming sources use of their caps, per (source, site), within one day.
///
/// What was taken counts as used until it is given back, also on disk: after a crash a site may
/// get less than its cap on that day, never more.
/// Pure, not thread-safe. The day never goes back: an earlier one counts as the latest one seen.
class warm_up_counter
{
public:
    /// (source, site) pairs counted in one day; a pair beyond it is granted nothing until the next.
    static constexpr std::size_t rows_max = 200'000;

    /// Takes a row read at the start. Rows of earlier days are ignored, those of a later day
    /// replace what is there.
    void load(const warm_up_use& row);

    /// Takes up to `n` of what is left of `cap` (warm_up_cap) on `day`.
    /// @returns how many were granted, 0 to n. @pre source is not 0
    [[nodiscard]] std::uint64_t take(source_number source, std::string_view site, day_number day,
                                     std::uint64_t cap, std::uint64_t n);

    /// Returns what was taken on `day` and not sent. Of another day than the one counted it is
    /// forgotten. Never more than was taken.
    void give_back(source_number source, std::string_view site, day_number day, std::uint64_t n);

    /// What is used on `day`; 0 on another day than the one counted.
    [[nodiscard]] std::uint64_t used(source_number source, std::string_view site,
                                     day_number day) const;

    /// The day that is counted; nullopt before the first.
    [[nodiscard]] std::optional<day_number> day() const noexcept { return day_; }
    [[nodiscard]] std::size_t size() const noexcept { return used_.size(); }

    /// Rows that changed since the last call, at most `rows`, for the next commit. Rows of days
    /// that have ended are never among them: see take_ended_days().
    [[nodiscard]] std::vector<warm_up_use> take_changes(std::size_t rows);
    /// Once after a day has ended: the day that is counted now. Durable rows of all days before it
    /// can be erased.
    [[nodiscard]] std::optional<day_number> take_ended_days() noexcept;

private:
    using place = std::pair<source_number, std::string>;

    /// Moves on to `day` if it is later. False when it has ended.
    bool turn_to(day_number day);

    std::optional<day_number> day_;
    std::map<place, std::uint64_t, std::less<>> used_;
    std::set<place> changed_;
    bool ended_ = false;
};

/// The rank of a contact for a warming source, 0 first: engaged (opened, clicked, …) within 7, 30,
/// 90, 180, 365 days, or longer ago or never (5). As the rank of a lane it lets a day's budget go
/// to those who engaged most recently. A time after `now` counts as now.
[[nodiscard]] std::uint8_t engagement_rank(std::optional<wall_time> engaged_at, wall_time now);
inline constexpr std::uint8_t engagement_ranks = 6;

} // namespace hikyaku::shaping
