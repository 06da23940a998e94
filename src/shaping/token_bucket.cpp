#include <hikyaku/shaping/token_bucket.h>

#include <algorithm>
#include <limits>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{

namespace
{

void check(const rate& r)
{
    HK_ASSERT(r.count > 0 && r.count <= rate::count_max);
    HK_ASSERT(r.burst > 0 && r.burst <= rate::count_max);
    HK_ASSERT(r.per > milliseconds{0} && r.per <= rate::per_max);
}

} // namespace

token_bucket::token_bucket(const rate& r, mono_time now, bucket_start start) : rate_(r), at_(now)
{
    check(r);
    level_ = start == bucket_start::full ? level_max() : 0;
}

// 10^9 tokens × a day of nanoseconds, and 2^63 ns × 10^9 per ns, both fit into 128 bits.
token_bucket::credits token_bucket::per_token() const noexcept
{
    return static_cast<credits>(std::chrono::nanoseconds{rate_.per}.count());
}

token_bucket::credits token_bucket::level_max() const noexcept
{
    return per_token() * rate_.burst;
}

void token_bucket::earn(mono_time now)
{
    if (now <= at_)
    {
        return;
    }
    const auto elapsed = std::chrono::nanoseconds{now - at_}.count();
    level_ = std::min(level_max(), level_ + static_cast<credits>(elapsed) * rate_.count);
    at_ = now;
}

std::uint64_t token_bucket::take(mono_time now, std::uint64_t n)
{
    earn(now);
    const auto there = static_cast<std::uint64_t>(level_ / per_token());
    const std::uint64_t granted = std::min(n, there);
    level_ -= per_token() * granted;
    return granted;
}

void token_bucket::give_back(std::uint64_t n)
{
    level_ = std::min(level_max(), level_ + per_token() * n);
}

mono_time token_bucket::next_at(std::uint64_t n) const
{
    const credits wanted = per_token() * std::min(n, rate_.burst);
    if (wanted <= level_)
    {
        return at_;
    }
    const credits wait_ns = (wanted - level_ + rate_.count - 1) / rate_.count;
    const auto left = static_cast<credits>(
        std::chrono::nanoseconds{mono_time::max().time_since_epoch()}.count() -
        std::max<std::int64_t>(0, std::chrono::nanoseconds{at_.time_since_epoch()}.count()));
    if (wait_ns >= left)
    {
        return mono_time::max();
    }
    return at_ + std::chrono::nanoseconds{static_cast<std::int64_t>(wait_ns)};
}

void token_bucket::set_rate(mono_time now, const rate& r)
{
    check(r);
    earn(now);
    const credits old_per_token = per_token();
    rate_ = r;
    level_ = std::min(level_max(), level_ * per_token() / old_per_token);
}

} // namespace hikyaku::shaping
