#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>

namespace hikyaku::queue
{

/// Whose campaign.
struct campaign_ref
{
    tenant_id tenant;
    campaign_id campaign;
    friend constexpr auto operator<=>(const campaign_ref&, const campaign_ref&) = default;
};

/// How an attempt, or a recipient, ended. Values are stored: never reuse one.
enum class disposition : std::uint8_t
{
    delivered = 1,
    deferred = 2,
    bounced = 3,
    unknown = 4,
    expired = 5,
    cancelled = 6,
    suppressed = 7,
    failed = 8,
    // What is reported by mail later, beside the recipient's end: facts only, never an end.
    oob_bounce = 9,
    complaint = 10,
};
inline constexpr std::size_t dispositions_max = 11;
/// Dispositions that recipients end with, or wait in: those below are in the counters' row.
inline constexpr std::size_t counted_dispositions = 9;

/// "delivered", as in delivery.log and the API.
[[nodiscard]] std::string_view to_string(disposition d) noexcept;
[[nodiscard]] std::optional<disposition> parse_disposition(std::string_view text) noexcept;
/// Deferred recipients come back; all others but a retried unknown are final.
[[nodiscard]] constexpr bool is_final(disposition d) noexcept
{
    return d != disposition::deferred && d != disposition::unknown;
}

/// Number of a lane inside its campaign: the interned routing domain, or a tail lane that many
/// rare domains share.
struct lane_id
{
    static constexpr std::uint32_t tail_bit = 0x8000'0000U;
    static constexpr std::uint32_t tail_lanes = 256;

    std::uint32_t value = 0;
    [[nodiscard]] static constexpr lane_id of_domain(domain_id d) noexcept { return {d.value}; }
    [[nodiscard]] static constexpr lane_id tail_of(domain_id d) noexcept
    {
        // Fibonacci hashing: neighbours in number are not neighbours in lane.
        return {tail_bit | ((d.value * 2'654'435'769U) >> 24)};
    }
    [[nodiscard]] constexpr bool is_tail() const noexcept { return (value & tail_bit) != 0; }
    friend constexpr auto operator<=>(const lane_id&, const lane_id&) = default;
};

/// Ranks of a lane's recipients, 0 first: those of a campaign that leaves from a warming source are
/// sorted by how recently they engaged; all others have rank 0.
inline constexpr std::uint8_t ranks_max = 8;

/// A lane's recipients of one rank.
struct lane_part
{
    lane_id lane;
    std::uint8_t rank = 0;
    friend constexpr auto operator<=>(const lane_part&, const lane_part&) = default;
};

/// Place of a recipient in its part of a lane: chunk number * 512 + index in the chunk.
using position = std::uint64_t;
inline constexpr unsigned chunk_bits = 9;
inline constexpr std::uint32_t chunk_entries_max = 1U << chunk_bits;

/// What is remembered of a recipient between attempts (the D row).
struct attempt_state
{
    std::uint32_t attempts = 0;
    wall_time first_try{};
    /// 100 * stage + class of the last reply, for the queue's summary.
    std::uint16_t last_class = 0;
    /// The last attempt ended after the final dot: the retry must be byte-identical.
    bool was_unknown = false;
    /// Might have been in flight when an earlier process died: said with its last attempt too.
    bool maybe_repeat = false;
    /// Which source the first attempt left from: greylisting wants the same again.
    std::uint16_t source = 0;
};

/// Exact counters of one campaign. recipients = sum of final + pending, at every instant.
struct counters
{
    std::uint64_t final_by[dispositions_max] = {};
    /// Recipients that wait for a retry now (D rows), and how many of them are unknown.
    std::uint64_t deferred_now = 0;
    std::uint64_t unknown_now = 0;
    std::uint64_t attempts = 0;

    [[nodiscard]] std::uint64_t of(disposition d) const noexcept
    {
        return final_by[static_cast<std::size_t>(d)];
    }
    [[nodiscard]] std::uint64_t settled() const noexcept
    {
        std::uint64_t sum = 0;
        for (const auto n : final_by)
        {
            sum += n;
        }
        return sum;
    }
};

} // namespace hikyaku::queue
