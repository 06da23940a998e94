#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/result.h>
#include <hikyaku/shaping/adaptation_event.h>
#include <hikyaku/shaping/limits.h>
#include <hikyaku/shaping/reply_rules.h>

namespace hikyaku::shaping
{

/// How far limits are lowered and how they come back.
struct adaptation_policy
{
    static constexpr milliseconds quiet_min = seconds{1};
    static constexpr milliseconds quiet_max = std::chrono::hours{24};

    /// So long without a further trigger raises a lowered limit by one step.
    milliseconds quiet = std::chrono::minutes{10};
    /// A step, as a share of the configured value (1-100).
    std::uint32_t step_percent = 10;
    /// Halving ends at this share of the configured rate (0-100), and at floor_rate, whichever is
    /// higher; connections end at 1. Values that a rule names may be lower.
    std::uint32_t floor_percent = 1;
    rate floor_rate{1, std::chrono::minutes{1}, 1};
    /// Triggers that follow a halving within this time don't halve again: what was in flight says
    /// the same once more. They do start the quiet time anew.
    milliseconds repeat_after = std::chrono::minutes{1};

    friend bool operator==(const adaptation_policy&, const adaptation_policy&) = default;
};
/// @error names the first value that is out of bounds
[[nodiscard]] result<void, failure> check_policy(const adaptation_policy& policy);

/// The adapted limits of one path: one site, one source.
///
/// Lowered limits come back by steps of their configured value, one per quiet time: never at once.
/// A limit without a configured value (none) is lowered from the built-in one and ends as none.
/// Invariant: every limit in force is at most the configured one and at least 1 of its unit.
/// Pure, not thread-safe. Calls that change something append events to `out`; the state is then to
/// be stored (encode).
class path_adaptation
{
public:
    /// @pre check_policy(policy) has no error
    path_adaptation(std::string site, std::string source, const site_limits& configured,
                    const adaptation_policy& policy);

    /// New limits or policy (reload). Lowered values stay, within the new configured ones.
    void set_configured(const site_limits& configured, const adaptation_policy& policy, instant now,
                        std::vector<adaptation_event>& out);

    /// Does what back_off, reopen with a number, and suspend: source_site ask for. Other actions
    /// and scopes are not the path's business. Thresholds are the caller's (match_counters).
    void on_action(const rule_action& action, const adaptation_cause& cause, instant now,
                   std::vector<adaptation_event>& out);

    /// Ends what has run out and raises what has been quiet. Call at next_step(), or more often.
    void step(instant now, std::vector<adaptation_event>& out);
    /// Ends every adaptation now (operator).
    void clear(instant now, std::vector<adaptation_event>& out);

    /// When step() has something to do; nullopt: nothing is adapted.
    [[nodiscard]] std::optional<mono_time> next_step() const noexcept;
    /// Nothing is adapted: the path need not be kept.
    [[nodiscard]] bool is_idle() const noexcept { return !next_step(); }

    /// The configured limits, lowered: message_rate, connections_max (and connections_initial with
    /// it), connection_rate, messages_per_connection. Others as configured.
    [[nodiscard]] const site_limits& effective() const noexcept { return effective_; }
    /// nullopt: not suspended. As of the last call that took a time.
    [[nodiscard]] std::optional<mono_time> suspended_until() const noexcept;
    /// What is adapted now, as events of the phase `changed`. Ends are reckoned from `now`.
    [[nodiscard]] std::vector<adaptation_event> active(instant now) const;

    [[nodiscard]] const std::string& site() const noexcept { return site_; }
    [[nodiscard]] const std::string& source() const noexcept { return source_; }

    /// What decode() restores; empty when idle. A version byte is first (FORMAT in README.md).
    [[nodiscard]] std::string encode(instant now) const;
    /// Takes over a stored state. Waits go on with what was left when it was stored, less the wall
    /// time since: a clock that went back adds nothing. The time while nothing ran earns at most
    /// one step.
    /// @error the bytes are not of encode(); nothing is taken over
    [[nodiscard]] result<void, failure> decode(std::string_view bytes, instant now);

private:
    static constexpr std::size_t dial_count = 4;
    // A limit that can be lowered: messages or connections a day, or a plain number.
    struct dial
    {
        bool lowered = false;
        std::uint64_t value = 0;
        adaptation_cause cause;
        wall_time began{};
        // No step before this: the duration that a rule named.
        mono_time held_until{};
        mono_time next_step{};
        // No halving before this.
        mono_time halves_again{};
        // next_step as the last event told it.
        mono_time told_step{};
    };
    struct suspension
    {
        bool on = false;
        adaptation_cause cause;
        wall_time began{};
        mono_time until{};
        // `until` as the last event told it.
        mono_time told_until{};
    };

    [[nodiscard]] std::uint64_t configured_value(std::size_t index) const noexcept;
    [[nodiscard]] std::uint64_t floor_value(std::size_t index) const noexcept;
    [[nodiscard]] std::uint64_t step_value(std::size_t index) const noexcept;
    void lower(std::size_t index, std::uint64_t to, milliseconds hold,
               const adaptation_cause& cause, instant now, std::vector<adaptation_event>& out);
    void halve(std::size_t index, const adaptation_cause& cause, instant now,
               std::vector<adaptation_event>& out);
    void suspend(milliseconds duration, const adaptation_cause& cause, instant now,
                 std::vector<adaptation_event>& out);
    void raise(std::size_t index, instant now, std::vector<adaptation_event>& out);
    void end(std::size_t index, instant now, std::vector<adaptation_event>& out);
    void end_suspension(instant now, std::vector<adaptation_event>& out);
    void renew_effective();
    [[nodiscard]] mono_time back_at(std::size_t index) const noexcept;
    [[nodiscard]] adaptation_event event_of(std::size_t index, adaptation_phase phase,
                                            instant now) const;
    [[nodiscard]] adaptation_event suspension_event(adaptation_phase phase, instant now) const;
    [[nodiscard]] static bool take_dial(byte_reader& in, milliseconds elapsed, instant now,
                                        dial& out);
    [[nodiscard]] static bool take_suspension(byte_reader& in, milliseconds elapsed, instant now,
                                              suspension& out);

    std::string site_;
    std::string source_;
    site_limits configured_;
    adaptation_policy policy_;
    site_limits effective_;
    std::array<dial, dial_count> dials_;
    suspension suspension_;
};

} // namespace hikyaku::shaping
