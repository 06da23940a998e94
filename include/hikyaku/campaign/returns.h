#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>

namespace hikyaku::campaign
{

/// When a campaign pauses itself. Rates are in hundredths of a percent.
struct breaker_limits
{
    static constexpr std::uint32_t rate_max = 10'000;

    bool enabled = true;
    /// Recipients refused for what is wrong with their address, of all that were delivered or
    /// bounced. The rate is looked at from `bounce_after` of these on.
    std::uint32_t bounce_rate = 1'000;
    std::uint64_t bounce_after = 200;
    /// Complaints, of all that were delivered.
    std::uint32_t complaint_rate = 30;
    std::uint64_t complaint_after = 500;

    friend bool operator==(const breaker_limits&, const breaker_limits&) = default;
};

/// What a campaign says itself; what it does not say is the tenant's.
struct breaker_override
{
    std::optional<bool> enabled;
    std::optional<std::uint32_t> bounce_rate;
    std::optional<std::uint64_t> bounce_after;
    std::optional<std::uint32_t> complaint_rate;
    std::optional<std::uint64_t> complaint_after;

    friend bool operator==(const breaker_override&, const breaker_override&) = default;
};
[[nodiscard]] breaker_limits merge(const breaker_limits& of_tenant,
                                   const std::optional<breaker_override>& own) noexcept;

/// Why a campaign paused itself. Stored: values are never reused.
enum class breaker_cause : std::uint8_t
{
    none = 0,
    bounce_rate = 1,
    complaint_rate = 2,
};
/// "bounce_rate", "complaint_rate"; empty for none.
[[nodiscard]] std::string_view to_string(breaker_cause c) noexcept;

/// What came back of a campaign, and what its breaker has counted since it was started or resumed.
struct returns
{
    /// Of the whole campaign: failures reported by mail after the message had been accepted, and
    /// complaints. Their recipients stay counted as delivered.
    std::uint64_t oob_bounced = 0;
    std::uint64_t complaints = 0;

    /// What happened before does not count for the breaker.
    wall_time since{};
    std::uint64_t delivered = 0;
    /// All that bounced in a session, and those of `bad` among them, with those reported by mail.
    std::uint64_t bounced = 0;
    std::uint64_t bad = 0;
    std::uint64_t complained = 0;

    breaker_cause cause = breaker_cause::none;
    wall_time tripped{};
    /// A sentence with the figures.
    std::string detail;

    friend bool operator==(const returns&, const returns&) = default;
};

/// Why the campaign should pause now; none: it should not.
[[nodiscard]] breaker_cause judge(const breaker_limits& limits, const returns& r) noexcept;
/// "12.50 % of 240 recipients had bad addresses (limit 10.00 % from 200 on)".
[[nodiscard]] std::string describe(breaker_cause cause, const breaker_limits& limits,
                                   const returns& r);
/// The breaker counts anew from `now` on; totals stay.
void restart_breaker(returns& r, wall_time now);

/// 'b' + campaign, in the tenant's family. Written under the tenant's gate.
[[nodiscard]] std::string returns_key(campaign_id c);
[[nodiscard]] std::string encode(const returns& r);
[[nodiscard]] std::optional<returns> decode_returns(std::string_view bytes);

} // namespace hikyaku::campaign
