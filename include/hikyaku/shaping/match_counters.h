#pragma once

#include <algorithm>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/shaping/reply_rules.h>

namespace hikyaku::shaping
{

/// Counts how often a rule matched within its time, per scope: exact over a sliding window.
///
/// Pure, not thread-safe, not copied. Not stored: after a restart thresholds count from none.
/// Invariant: at most counters_max counters of at most match_threshold::count_max times each; the
/// counter that was touched longest ago makes room for a new one.
class match_counters
{
public:
    static constexpr std::size_t counters_max = 10'000;

    match_counters() = default;
    match_counters(const match_counters&) = delete;
    match_counters& operator=(const match_counters&) = delete;

    /// One more match of `rule` in `scope` (any text that names it).
    /// @returns whether the rule acts: it has no threshold, or reaches it with this match. It then
    ///          counts from none again.
    [[nodiscard]] bool count(const reply_rule& rule, std::string_view scope, mono_time now);
    [[nodiscard]] std::size_t size() const noexcept { return counters_.size(); }

private:
    struct counter
    {
        std::string name;
        // A ring of the latest times, at most the threshold's count; `next` is the oldest.
        std::vector<mono_time> times;
        std::size_t next = 0;
    };
    [[nodiscard]] counter& obtain(const reply_rule& rule, std::string_view scope);

    // The latest touched first.
    std::list<counter> counters_;
    // Names live in the list.
    std::unordered_map<std::string_view, std::list<counter>::iterator> index_;
};

} // namespace hikyaku::shaping
