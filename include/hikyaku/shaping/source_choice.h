#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <hikyaku/shaping/source_table.h>

namespace hikyaku::shaping
{

/// Turns through the sources of a pool by weight, evenly mixed (smooth weighted round robin): over
/// any stretch in which the same sources are available, each gets its share, off by less than two
/// rounds (a round is the sum of their weights). A source that was away is owed nothing.
///
/// One per pool and place that must be even by itself (a site). Pure, not thread-safe; O(shares).
class source_rotation
{
public:
    explicit source_rotation(const pool_rule& pool);

    /// The next source for which `available(source index)` is true, and takes its turn.
    /// nullopt: none is, and no turn was taken.
    template <class Available> [[nodiscard]] std::optional<std::size_t> next(Available available)
    {
        seat* chosen = nullptr;
        std::int64_t total = 0;
        for (seat& s : seats_)
        {
            s.here = available(s.share.source);
            if (!s.here)
            {
                continue;
            }
            total += s.share.weight;
            s.credit += s.share.weight;
            if (chosen == nullptr || s.credit > chosen->credit)
            {
                chosen = &s;
            }
        }
        if (chosen == nullptr)
        {
            return std::nullopt;
        }
        chosen->credit -= total;
        forget_absent();
        return chosen->share.source;
    }

    [[nodiscard]] bool has(std::size_t source) const noexcept;

private:
    struct seat
    {
        pool_share share;
        std::int64_t credit = 0;
        bool here = false;
    };
    /// A source that is away starts anew when it comes back.
    void forget_absent() noexcept;

    std::vector<seat> seats_;
};

/// The source for a try. A retry keeps the source of the tries before it, because greylisting
/// remembers the address, and waits for it if need be; if that source is not in the pool any more
/// it is chosen like a first try.
/// @param before  the source of the tries before, nullopt for a first one
/// @returns nullopt: wait, none is available
template <class Available>
[[nodiscard]] std::optional<std::size_t>
choose_source(source_rotation& rotation, std::optional<std::size_t> before, Available available)
{
    if (before && rotation.has(*before))
    {
        return available(*before) ? before : std::nullopt;
    }
    return rotation.next(available);
}

} // namespace hikyaku::shaping
