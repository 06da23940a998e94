#include <hikyaku/shaping/site_health.h>

#include <algorithm>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{

namespace
{

void check(const health_policy& policy)
{
    HK_ASSERT(policy.failures_max > 0);
    HK_ASSERT(policy.backoff_first > milliseconds{0});
    HK_ASSERT(policy.backoff_first <= policy.backoff_max);
}

// first × 2^rounds, at most max.
milliseconds backoff(const health_policy& policy, std::uint32_t rounds)
{
    milliseconds wait = policy.backoff_first;
    for (std::uint32_t i = 0; i < rounds && wait < policy.backoff_max; ++i)
    {
        wait = wait > policy.backoff_max / 2 ? policy.backoff_max : wait * 2;
    }
    return wait;
}

} // namespace

site_health::site_health(health_policy policy) : policy_(policy)
{
    check(policy);
}

bool site_health::may_connect(mono_time now)
{
    switch (state_)
    {
    case health_state::up:
        return true;
    case health_state::probing:
        return false;
    case health_state::suspended:
        if (now < until_)
        {
            return false;
        }
        state_ = health_state::probing;
        return true;
    }
    return false;
}

void site_health::connected()
{
    failures_ = 0;
    rounds_ = 0;
    if (state_ == health_state::suspended && asked_)
    {
        return;
    }
    state_ = health_state::up;
    asked_ = false;
}

bool site_health::connect_failed(mono_time now, random_source& random)
{
    switch (state_)
    {
    case health_state::up:
        if (++failures_ < policy_.failures_max)
        {
            return false;
        }
        suspend_for_failures(now, random);
        return true;
    case health_state::probing:
        suspend_for_failures(now, random);
        return true;
    case health_state::suspended:
        // A connection that was under way when the site was suspended: nothing new.
        return false;
    }
    return false;
}

void site_health::abandoned(mono_time now)
{
    if (state_ == health_state::probing)
    {
        state_ = health_state::suspended;
        until_ = std::min(until_, now);
    }
}

void site_health::suspend(mono_time now, milliseconds duration)
{
    const mono_time until = now + duration;
    until_ = state_ == health_state::suspended ? std::max(until_, until) : until;
    state_ = health_state::suspended;
    asked_ = true;
}

void site_health::resume()
{
    state_ = health_state::up;
    asked_ = false;
    failures_ = 0;
    rounds_ = 0;
}

std::optional<mono_time> site_health::resumes_at() const noexcept
{
    return state_ == health_state::suspended ? std::optional{until_} : std::nullopt;
}

void site_health::set_policy(health_policy policy)
{
    check(policy);
    policy_ = policy;
}

void site_health::suspend_for_failures(mono_time now, random_source& random)
{
    const milliseconds wait = backoff(policy_, rounds_);
    const milliseconds more = wait * policy_.jitter_percent / 100;
    until_ = now + wait +
             milliseconds{static_cast<std::int64_t>(
                 random.below(static_cast<std::uint64_t>(more.count()) + 1))};
    state_ = health_state::suspended;
    asked_ = false;
    ++rounds_;
    failures_ = 0;
}

} // namespace hikyaku::shaping
