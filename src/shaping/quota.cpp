#include <hikyaku/shaping/quota.h>

#include <algorithm>
#include <string>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{
namespace
{

bool in_range(std::uint64_t limit)
{
    return limit > 0 && limit <= quota_limits::count_max;
}

std::uint64_t left_of(std::uint64_t limit, std::uint64_t used, std::uint64_t out)
{
    // Both may be above the limit when it was lowered.
    return used >= limit || out >= limit - used ? 0 : limit - used - out;
}

} // namespace

result<void, failure> check_quota(const quota_limits& limits)
{
    const std::string range = " must be 1 to " + std::to_string(quota_limits::count_max);
    if (limits.per_day && !in_range(*limits.per_day))
    {
        return failure{"per_day" + range};
    }
    if (limits.per_month && !in_range(*limits.per_month))
    {
        return failure{"per_month" + range};
    }
    if (limits.ramp.size() > quota_limits::ramp_days_max)
    {
        return failure{"ramp has at most " + std::to_string(quota_limits::ramp_days_max) + " days"};
    }
    if (!std::all_of(limits.ramp.begin(), limits.ramp.end(), in_range))
    {
        return failure{"each day of ramp" + range};
    }
    if (!std::is_sorted(limits.ramp.begin(), limits.ramp.end()))
    {
        return failure{"ramp never falls from one day to the next"};
    }
    return {};
}

std::string_view to_string(quota_rule rule) noexcept
{
    switch (rule)
    {
    case quota_rule::per_day:
        return "per_day";
    case quota_rule::per_month:
        return "per_month";
    case quota_rule::ramp:
        return "ramp";
    }
    return "damaged";
}

tenant_quota::tenant_quota(quota_limits limits, day_number created, const quota_use& durable)
    : created_(created), use_(durable)
{
    set_limits(std::move(limits));
}

void tenant_quota::set_limits(quota_limits limits)
{
    HK_ASSERT(check_quota(limits).has_value());
    limits_ = std::move(limits);
}

void tenant_quota::turn_to(const local_date& now)
{
    if (now.day > use_.day)
    {
        use_.day = now.day;
        use_.today = 0;
    }
    if (now.month > use_.month)
    {
        use_.month = now.month;
        use_.this_month = 0;
    }
}

std::optional<std::uint64_t> tenant_quota::ramp_cap(day_number day) const
{
    const std::int64_t index = std::max<std::int64_t>(0, std::int64_t{day} - created_);
    if (static_cast<std::uint64_t>(index) >= limits_.ramp.size())
    {
        return std::nullopt;
    }
    return limits_.ramp[static_cast<std::size_t>(index)];
}

std::optional<std::uint64_t> tenant_quota::day_limit(day_number day) const
{
    const auto ramp = ramp_cap(day);
    if (ramp && limits_.per_day)
    {
        return std::min(*ramp, *limits_.per_day);
    }
    return ramp ? ramp : limits_.per_day;
}

std::uint64_t tenant_quota::take(const local_date& now, std::uint64_t n)
{
    turn_to(now);
    if (const auto limit = day_limit(use_.day))
    {
        n = std::min(n, left_of(*limit, use_.today, out_));
    }
    if (limits_.per_month)
    {
        n = std::min(n, left_of(*limits_.per_month, use_.this_month, out_));
    }
    out_ += n;
    return n;
}

bool tenant_quota::settle(const local_date& now, std::uint64_t counted, std::uint64_t returned)
{
    HK_ASSERT(counted <= out_ && returned <= out_ - counted);
    turn_to(now);
    out_ -= counted + returned;
    use_.today += counted;
    use_.this_month += counted;
    return counted > 0;
}

std::optional<quota_block> tenant_quota::blocked(const local_date& now)
{
    turn_to(now);
    if (limits_.per_month && left_of(*limits_.per_month, use_.this_month, out_) == 0)
    {
        return quota_block{quota_rule::per_month, now.month_ends,
                           use_.this_month < *limits_.per_month};
    }
    const auto limit = day_limit(use_.day);
    if (limit && left_of(*limit, use_.today, out_) == 0)
    {
        const bool by_ramp = !limits_.per_day || *limit < *limits_.per_day;
        return quota_block{by_ramp ? quota_rule::ramp : quota_rule::per_day, now.day_ends,
                           use_.today < *limit};
    }
    return std::nullopt;
}

} // namespace hikyaku::shaping
