#pragma once

#include <cstdint>
#include <optional>

#include <hikyaku/base/random.h>
#include <hikyaku/base/time.h>

namespace hikyaku::shaping
{

/// When a site counts as dead, and for how long it is left alone.
struct health_policy
{
    /// Consecutive connect failures (over all its hosts) that suspend the site.
    unsigned failures_max = 10;
    /// The first suspension; each further one without a success between doubles it.
    milliseconds backoff_first = seconds{60};
    milliseconds backoff_max = std::chrono::minutes{30};
    /// Suspensions are made longer by up to this share, so that sites of one outage spread out.
    unsigned jitter_percent = 20;
};

enum class health_state
{
    /// Connections are allowed.
    up,
    /// None is allowed until the time of resumes_at().
    suspended,
    /// The suspension is over; one connection is out to find out, no other is allowed.
    probing,
};

/// The dead-site machine: up → suspended → probing → up, or back to suspended for twice as long.
/// A site that can't be reached is marked as a site, so only the leased recipient gets an attempt.
///
/// Pure, not thread-safe. Protocol: ask may_connect() before each connection; answer every `true`
/// with exactly one of connected(), connect_failed() or abandoned().
class site_health
{
public:
    /// @pre policy.failures_max > 0, 0 < backoff_first <= backoff_max
    explicit site_health(health_policy policy = {});

    /// Whether a connection may be opened now. When a suspension has run out the first `true` is
    /// the probe: the state is `probing` until it is answered.
    [[nodiscard]] bool may_connect(mono_time now);

    /// A connection got as far as a good banner: the site is up. Ends only a suspension that came
    /// from connect failures, never one that was asked for with suspend().
    void connected();
    /// @returns true when this failure suspended the site
    bool connect_failed(mono_time now, random_source& random);
    /// The connection was given up for reasons of ours: it says nothing about the site.
    void abandoned(mono_time now);

    /// Suspends because a reply rule or the operator says so, at least until now + duration.
    void suspend(mono_time now, milliseconds duration);
    /// Ends any suspension and forgets the failures (operator).
    void resume();

    [[nodiscard]] health_state state() const noexcept { return state_; }
    /// When connections may be tried again; nullopt unless suspended.
    [[nodiscard]] std::optional<mono_time> resumes_at() const noexcept;
    /// New limits (reload). Keeps the state. @pre as the constructor
    void set_policy(health_policy policy);

private:
    void suspend_for_failures(mono_time now, random_source& random);

    health_policy policy_;
    health_state state_ = health_state::up;
    // Whether the suspension was asked for with suspend().
    bool asked_ = false;
    unsigned failures_ = 0;
    // Suspensions for failures since the last success.
    std::uint32_t rounds_ = 0;
    mono_time until_{};
};

} // namespace hikyaku::shaping
