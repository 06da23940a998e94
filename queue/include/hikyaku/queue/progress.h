#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/queue/types.h>

namespace hikyaku::queue
{

/// Which positions of a lane are settled: everything below the low-water mark, and a window of
/// bits above it. This is the P row: settling a recipient is setting a bit.
class progress
{
public:
    /// No lane leases further than this above its low-water mark: it bounds the row to 8 KB.
    static constexpr std::uint64_t window_max = 65'536;

    [[nodiscard]] position low_water() const noexcept { return base_; }
    [[nodiscard]] bool is_settled(position p) const noexcept;
    /// @pre p < low_water() + window_max
    void settle(position p);
    /// One past the highest settled position.
    [[nodiscard]] position high_water() const noexcept { return high_; }
    /// Highest position that was leased when the row was written; after a crash everything unset
    /// below it may have been in flight.
    void note_leased(position end) noexcept { leased_ = std::max(leased_, end); }
    [[nodiscard]] position leased() const noexcept { return leased_; }

    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static std::optional<progress> decode(std::string_view bytes);

private:
    void advance();

    position base_ = 0;
    position high_ = 0;
    position leased_ = 0;
    /// Bit i of word w is position (base_ & ~63) + 64 w + i.
    std::deque<std::uint64_t> words_;
};

} // namespace hikyaku::queue
