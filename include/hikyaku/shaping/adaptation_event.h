#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/time.h>
#include <hikyaku/shaping/reply_rules.h>

namespace hikyaku::shaping
{

/// Both clocks, read together. Running waits go by `mono`, so that a jump of the wall clock neither
/// ends nor extends them; `wall` is for events and for what is stored.
struct instant
{
    wall_time wall{};
    mono_time mono{};

    /// The time of day at which the monotonic clock will show `t`, if nobody sets the clock.
    [[nodiscard]] wall_time wall_of(mono_time t) const
    {
        return wall + std::chrono::duration_cast<milliseconds>(t - mono);
    }
};

/// What an adaptation changes. Values are stored: never reused.
enum class adapted : std::uint8_t
{
    message_rate = 1,
    connections = 2,
    connection_rate = 3,
    messages_per_connection = 4,
    /// Nothing is sent to the scope.
    suspended = 5,
};
[[nodiscard]] std::string_view to_string(adapted what) noexcept;

enum class adaptation_phase
{
    began,
    /// Lowered or extended again, or raised by a step.
    changed,
    ended,
};
[[nodiscard]] std::string_view to_string(adaptation_phase phase) noexcept;

/// Why something is adapted.
struct adaptation_cause
{
    static constexpr std::size_t rule_bytes_max = 64;
    static constexpr std::size_t reply_bytes_max = 256;

    /// Name of the rule; "operator" when a person asked for it.
    std::string rule;
    /// The reply that triggered it last, or the operator's words: cleaned (smtp::clean_text), cut.
    std::string reply;

    friend bool operator==(const adaptation_cause&, const adaptation_cause&) = default;
};
/// Cleans and cuts both texts.
[[nodiscard]] adaptation_cause make_cause(std::string_view rule, std::string_view reply);

/// Who an adaptation is about. The members that the scope does not name are empty.
struct adaptation_subject
{
    std::string site;
    std::string source;
    std::string tenant;
    std::string campaign;

    friend bool operator==(const adaptation_subject&, const adaptation_subject&) = default;
};

/// One adaptation as it began, changed or ended: for the log, the API and metrics.
struct adaptation_event
{
    adaptation_phase phase = adaptation_phase::began;
    adapted what = adapted::message_rate;
    suspension_kind scope = suspension_kind::source_site;
    adaptation_subject subject;
    adaptation_cause cause;
    wall_time began{};
    /// When it ends; of a lowered limit: when it is back at its configured value if nothing more
    /// happens.
    wall_time ends{};
    /// The value in force and the configured one: "50/s,50", "3"; empty for suspensions.
    std::string value;
    std::string configured;
};

} // namespace hikyaku::shaping
