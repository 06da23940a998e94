#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <hikyaku/base/random.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>

namespace hikyaku::shaping
{

/// How long a deferred recipient waits before each next attempt, and when it is given up.
/// The defaults try 11 times in the first day: early enough for greylisting (usually 5 minutes),
/// then slower, so a site that is down is not hammered.
struct retry_policy
{
    static constexpr std::size_t steps_max = 64;
    static constexpr milliseconds step_min = seconds{1};
    static constexpr milliseconds step_max = std::chrono::hours{7 * 24};
    static constexpr milliseconds expire_after_max = std::chrono::hours{30 * 24};

    /// The wait after the 1st, 2nd, … failed attempt. The last one repeats.
    std::vector<milliseconds> steps = {
        std::chrono::minutes{5},  std::chrono::minutes{10}, std::chrono::minutes{20},
        std::chrono::minutes{40}, std::chrono::hours{1},    std::chrono::hours{2},
        std::chrono::hours{4},
    };
    /// Each wait is spread evenly over ± this share of it, so that a mass deferral does not come
    /// back as one wave.
    unsigned jitter_percent = 20;
    /// From acceptance; a campaign may set a shorter one.
    milliseconds expire_after = std::chrono::hours{72};

    friend bool operator==(const retry_policy&, const retry_policy&) = default;
};

/// The steps of "first, then `factor_percent` of the one before, up to `max`".
/// @pre first > 0, first <= max, factor_percent > 100
[[nodiscard]] std::vector<milliseconds>
make_geometric_steps(milliseconds first, unsigned factor_percent, milliseconds max);

/// A checked retry policy. Immutable; pure but for the random source given.
class retry_schedule
{
public:
    /// The defaults of retry_policy.
    retry_schedule();

    /// @error names the setting that is out of range
    [[nodiscard]] static result<retry_schedule, failure> make(retry_policy policy);

    /// The wait after the `attempts`-th failed attempt (1 is the first), with jitter.
    /// Never below one second. @pre attempts > 0
    [[nodiscard]] milliseconds next_delay(std::uint32_t attempts, random_source& random) const;

    /// When to try again after the `attempts`-th failed attempt, or nullopt: no attempt fits before
    /// `expires`, the recipient is expired. A wait that would end after the expiry is
    /// replaced by one last attempt at a random moment before it, if at least the first step is
    /// left.
    /// @pre attempts > 0
    [[nodiscard]] std::optional<wall_time> next_due(std::uint32_t attempts, wall_time now,
                                                    wall_time expires, random_source& random) const;

    [[nodiscard]] const retry_policy& policy() const noexcept { return policy_; }

private:
    explicit retry_schedule(retry_policy policy);

    retry_policy policy_;
};

} // namespace hikyaku::shaping
