#include <hikyaku/api/request_limits.h>

#include <hikyaku/base/assert.h>

#include <algorithm>
#include <iterator>

namespace hikyaku::api
{
namespace
{

/// The name of our one policy in both headers.
constexpr std::string_view policy_name = "\"key\"";

shaping::rate to_rate(request_rate r)
{
    HK_ASSERT(r.per_s > 0 && r.burst > 0);
    return {.count = r.per_s, .per = seconds{1}, .burst = r.burst};
}

std::string describe_policy(const shaping::rate& r)
{
    const auto window = (r.burst + r.count - 1) / r.count;
    return std::string(policy_name) + ";q=" + std::to_string(r.burst) +
           ";w=" + std::to_string(window);
}

/// Tokens that are earned in `d`, rounded up.
std::uint64_t earned_in(std::chrono::nanoseconds d, const shaping::rate& r)
{
    const auto whole = std::chrono::floor<seconds>(d);
    const auto rest = static_cast<std::uint64_t>((d - whole).count());
    constexpr std::uint64_t second_ns = 1'000'000'000;
    return static_cast<std::uint64_t>(whole.count()) * r.count +
           (rest * r.count + second_ns - 1) / second_ns;
}

} // namespace

request_limits::request_limits(const clock& clock, request_rate each)
    : clock_(clock), rate_(to_rate(each)), policy_(describe_policy(rate_))
{
}

request_quota request_limits::take(std::uint64_t key_id)
{
    const std::lock_guard lock(mutex_);
    const auto now = clock_.mono();
    if (buckets_.size() >= drop_at_)
    {
        drop_full(now);
    }
    auto& bucket = buckets_.try_emplace(key_id, rate_, now).first->second;
    request_quota out;
    out.granted = bucket.take(now, 1) == 1;
    const auto wait_for = [&](std::uint64_t n)
    {
        return std::max(std::chrono::nanoseconds{0},
                        std::chrono::nanoseconds(bucket.next_at(n) - now));
    };
    const auto until_full = wait_for(rate_.burst);
    out.remaining =
        out.granted ? rate_.burst - std::min(rate_.burst, earned_in(until_full, rate_)) : 0;
    out.reset = std::chrono::ceil<seconds>(out.granted ? until_full : wait_for(1));
    return out;
}

void request_limits::drop_full(mono_time now)
{
    // A full bucket is what a key without one gets.
    for (auto at = buckets_.begin(); at != buckets_.end();)
    {
        (void)at->second.take(now, 0);
        at = at->second.next_at(rate_.burst) <= now ? buckets_.erase(at) : std::next(at);
    }
    drop_at_ = std::max(buckets_kept, 2 * buckets_.size());
}

void request_limits::tell(const request_quota& q, http::response& out) const
{
    out.set_header("RateLimit-Policy", policy_);
    out.set_header("RateLimit", std::string(policy_name) + ";r=" + std::to_string(q.remaining) +
                                    ";t=" + std::to_string(q.reset.count()));
}

http::response request_limits::refuse(const request_quota& q) const
{
    auto out = http::response::problem(
        {.status = 429,
         .code = "rate_limited",
         .detail = "This key may make " + std::to_string(rate_.count) +
                   " requests per second, and " + std::to_string(rate_.burst) + " at once: wait " +
                   std::to_string(q.reset.count()) + " s and send the request again.",
         .retry_after = q.reset});
    tell(q, out);
    return out;
}

std::size_t request_limits::buckets() const
{
    const std::lock_guard lock(mutex_);
    return buckets_.size();
}

} // namespace hikyaku::api
