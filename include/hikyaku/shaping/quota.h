#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/shaping/local_date.h>

namespace hikyaku::shaping
{

/// What a tenant may send.
struct quota_limits
{
    static constexpr std::uint64_t count_max = 1'000'000'000'000;
    static constexpr std::size_t ramp_days_max = 366;

    /// nullopt: no such limit.
    std::optional<std::uint64_t> per_day;
    std::optional<std::uint64_t> per_month;
    /// Of a new tenant: what it may send on its first, second, … day. After the last one only the
    /// limits above hold.
    std::vector<std::uint64_t> ramp;

    friend bool operator==(const quota_limits&, const quota_limits&) = default;
};

/// @error names the limit that is 0 or above count_max, or a ramp that is too long or falls
[[nodiscard]] result<void, failure> check_quota(const quota_limits& limits);

/// What a tenant has sent: the durable row. Counts of a day or month that is over mean nothing.
struct quota_use
{
    day_number day = 0;
    std::uint64_t today = 0;
    month_number month = 0;
    std::uint64_t this_month = 0;

    friend bool operator==(const quota_use&, const quota_use&) = default;
};

enum class quota_rule
{
    per_day,
    per_month,
    ramp,
};
/// "per_day", "per_month", "ramp".
[[nodiscard]] std::string_view to_string(quota_rule rule) noexcept;

/// Why there is no permit now, and when the next one may come.
struct quota_block
{
    quota_rule rule{};
    wall_time until{};
    /// Mail in flight holds the last permits: one may come back before `until`.
    bool may_come_back = false;

    friend bool operator==(const quota_block&, const quota_block&) = default;
};

/// Exact quotas of one tenant. A permit is taken before a recipient is tried and settled when the
/// try has ended: counted on the day it ends, or given back.
///
/// Invariants: what is settled as counted within a day or month, restarts included, never exceeds
/// the limit in force; use() holds settled permits only, so with the outcomes in one commit it is
/// exact. Permits that are out when a day ends use up the next day's limit. The day and month never
/// go back: a date before the latest one seen counts as that one, and a permit is never granted
/// twice because a clock did.
/// Pure, not thread-safe.
class tenant_quota
{
public:
    /// @param created  the tenant's first day, in its own time zone
    /// @param durable  as last written; {} for a tenant without a row
    /// @pre check_quota(limits) has no error
    tenant_quota(quota_limits limits, day_number created, const quota_use& durable);

    /// Takes up to `n` permits. @returns how many were granted, 0 to n.
    [[nodiscard]] std::uint64_t take(const local_date& now, std::uint64_t n);

    /// Ends permits: `counted` were used up, `returned` were not.
    /// @returns whether use() changed and must be in the commit of the outcomes
    /// @pre counted + returned <= out()
    bool settle(const local_date& now, std::uint64_t counted, std::uint64_t returned);

    /// nullopt: take() grants one now. Otherwise the rule that ends last.
    [[nodiscard]] std::optional<quota_block> blocked(const local_date& now);

    /// Other limits from now on. Permits that are out stay good.
    void set_limits(quota_limits limits);

    [[nodiscard]] const quota_limits& limits() const noexcept { return limits_; }
    [[nodiscard]] const quota_use& use() const noexcept { return use_; }
    /// Permits taken and not settled.
    [[nodiscard]] std::uint64_t out() const noexcept { return out_; }
    /// What may be sent on `day` over all, nullopt: no limit.
    [[nodiscard]] std::optional<std::uint64_t> day_limit(day_number day) const;

private:
    void turn_to(const local_date& now);
    [[nodiscard]] std::optional<std::uint64_t> ramp_cap(day_number day) const;

    quota_limits limits_;
    day_number created_;
    quota_use use_;
    std::uint64_t out_ = 0;
};

} // namespace hikyaku::shaping
