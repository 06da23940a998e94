#include <hikyaku/shaping/retry_schedule.h>

#include <algorithm>
#include <utility>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{

namespace
{

constexpr unsigned jitter_percent_max = 90;

std::optional<failure> find_fault(const retry_policy& policy)
{
    if (policy.steps.empty() || policy.steps.size() > retry_policy::steps_max)
    {
        return failure{"retry.steps: 1 to 64 durations are needed"};
    }
    const auto bad = std::ranges::find_if(
        policy.steps, [](milliseconds step)
        { return step < retry_policy::step_min || step > retry_policy::step_max; });
    if (bad != policy.steps.end())
    {
        return failure{"retry.steps: each is from 1s to 7d"};
    }
    if (policy.jitter_percent > jitter_percent_max)
    {
        return failure{"retry.jitter_percent: 0 to 90"};
    }
    if (policy.expire_after <= milliseconds{0} ||
        policy.expire_after > retry_policy::expire_after_max)
    {
        return failure{"retry.expire_after: more than 0 and at most 30d"};
    }
    return std::nullopt;
}

// Evenly over [from, from + width], to the millisecond.
milliseconds spread(milliseconds from, milliseconds width, random_source& random)
{
    const auto offset = random.below(static_cast<std::uint64_t>(width.count()) + 1);
    return from + milliseconds{static_cast<std::int64_t>(offset)};
}

} // namespace

std::vector<milliseconds> make_geometric_steps(milliseconds first, unsigned factor_percent,
                                               milliseconds max)
{
    HK_ASSERT(first > milliseconds{0} && first <= max && factor_percent > 100);
    HK_ASSERT(max <= retry_policy::step_max);
    std::vector<milliseconds> steps{first};
    while (steps.back() < max && steps.size() < retry_policy::steps_max)
    {
        const std::int64_t grown =
            std::max(steps.back().count() * factor_percent / 100, steps.back().count() + 1);
        steps.push_back(std::min(max, milliseconds{grown}));
    }
    return steps;
}

retry_schedule::retry_schedule() : retry_schedule(retry_policy{}) {}

retry_schedule::retry_schedule(retry_policy policy) : policy_(std::move(policy))
{
    HK_ASSERT(!find_fault(policy_));
}

result<retry_schedule, failure> retry_schedule::make(retry_policy policy)
{
    if (auto fault = find_fault(policy))
    {
        return std::move(*fault);
    }
    return retry_schedule(std::move(policy));
}

milliseconds retry_schedule::next_delay(std::uint32_t attempts, random_source& random) const
{
    HK_ASSERT(attempts > 0);
    const std::size_t last = policy_.steps.size() - 1;
    const milliseconds step = policy_.steps[std::min<std::size_t>(attempts - 1, last)];
    const milliseconds half = step * policy_.jitter_percent / 100;
    return std::max(retry_policy::step_min, spread(step - half, 2 * half, random));
}

std::optional<wall_time> retry_schedule::next_due(std::uint32_t attempts, wall_time now,
                                                  wall_time expires, random_source& random) const
{
    const wall_time due = now + next_delay(attempts, random);
    if (due < expires)
    {
        return due;
    }
    const wall_time soonest = now + policy_.steps.front();
    if (soonest >= expires)
    {
        return std::nullopt;
    }
    return now + spread(policy_.steps.front(), expires - soonest - milliseconds{1}, random);
}

} // namespace hikyaku::shaping
