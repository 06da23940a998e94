#pragma once

#include <cstdint>

#include <hikyaku/base/time.h>
#include <hikyaku/shaping/rate.h>

namespace hikyaku::shaping
{

/// What a new bucket holds.
enum class bucket_start
{
    full,
    /// Nothing: a restart must not grant a second burst.
    empty,
};

/// A token bucket in exact integers: over any time span it grants at most burst + count × span /
/// per tokens, and no fraction is ever lost. It is asked for blocks and never read as a counter, so
/// a bucket shared by many hosts can take its place.
///
/// Pure, not thread-safe. A time before the latest one seen counts as that latest one.
class token_bucket
{
public:
    /// @pre r is as parse_rate makes it
    token_bucket(const rate& r, mono_time now, bucket_start start = bucket_start::full);

    /// Takes up to `n` tokens.
    /// @returns how many were granted, 0 to n: whole tokens that are there now.
    [[nodiscard]] std::uint64_t take(mono_time now, std::uint64_t n);

    /// Returns tokens of a block that were not used. Never more than was taken.
    void give_back(std::uint64_t n);

    /// The earliest time at which take(·, n) grants all `n`, if nobody takes before; now or
    /// earlier when they are there already. An `n` above the burst counts as the burst.
    [[nodiscard]] mono_time next_at(std::uint64_t n) const;

    /// Changes the rate and keeps what was earned, up to the new burst.
    /// @pre r is as parse_rate makes it
    void set_rate(mono_time now, const rate& r);

    [[nodiscard]] const rate& limit() const noexcept { return rate_; }

private:
    // One token is per_ns credits; one nanosecond earns `count` credits.
    __extension__ using credits = unsigned __int128;

    void earn(mono_time now);
    [[nodiscard]] credits per_token() const noexcept;
    [[nodiscard]] credits level_max() const noexcept;

    rate rate_;
    credits level_ = 0;
    mono_time at_;
};

} // namespace hikyaku::shaping
