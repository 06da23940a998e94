#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include <hikyaku/base/time.h>
#include <hikyaku/http/response.h>
#include <hikyaku/shaping/token_bucket.h>

namespace hikyaku::api
{

/// How many requests one key may make.
struct request_rate
{
    std::uint32_t per_s = 500;
    /// At once, after a rest.
    std::uint32_t burst = 1'000;
};

/// What is left to a key after a request.
struct request_quota
{
    /// False: the request is one too many (429).
    bool granted = false;
    std::uint64_t remaining = 0;
    /// Until the next request is granted; when one is granted now, until the whole burst is there
    /// again. Rounded up.
    seconds reset{};
};

/// A token bucket for each key of the tenants' listener: one tenant can't starve another.
/// In memory: a restart fills the buckets. Thread-safe.
class request_limits
{
public:
    /// Buckets that are full again are dropped when there are twice as many as after the last
    /// time, and more than this.
    static constexpr std::size_t buckets_kept = 1'024;

    /// @pre both members of `each` are positive
    request_limits(const clock& clock, request_rate each);

    /// Takes one request from the key's bucket.
    [[nodiscard]] request_quota take(std::uint64_t key_id);
    /// Sets RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11): a bucket of
    /// q requests that fills within w seconds, r of them left, t seconds until it resets.
    void tell(const request_quota& q, http::response& out) const;
    /// 429 `rate_limited` with Retry-After and the same headers.
    [[nodiscard]] http::response refuse(const request_quota& q) const;

    /// Keys with a bucket now.
    [[nodiscard]] std::size_t buckets() const;

private:
    void drop_full(mono_time now);

    const clock& clock_;
    const shaping::rate rate_;
    const std::string policy_;
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, shaping::token_bucket> buckets_;
    std::size_t drop_at_ = buckets_kept;
};

} // namespace hikyaku::api
