#pragma once

#include <algorithm>

#include <hikyaku/base/bytes.h>
#include <hikyaku/shaping/adaptation_event.h>
#include <hikyaku/shaping/limits.h>

// How waits and causes are stored: a wait as what was left of it, so that no clock can lengthen it.
namespace hikyaku::shaping
{

inline constexpr std::uint8_t state_version = 1;

inline void put_wall(std::string& out, wall_time t)
{
    put_be(out, static_cast<std::uint64_t>(to_unix_ms(t)));
}
[[nodiscard]] inline wall_time take_wall(byte_reader& in) noexcept
{
    // Before 1970 is damage; the epoch does no harm.
    return from_unix_ms(
        std::max<std::int64_t>(0, static_cast<std::int64_t>(in.be<std::uint64_t>())));
}

/// Rounded up: a wait is not stored shorter than it is by more than the clock's unit.
inline void put_left(std::string& out, mono_time until, instant now)
{
    const auto left = std::chrono::ceil<milliseconds>(until - now.mono);
    put_varint(out, static_cast<std::uint64_t>(std::max<std::int64_t>(0, left.count())));
}
/// What is left `elapsed` later; nullopt when the stored wait is longer than `most`.
[[nodiscard]] inline std::optional<mono_time> take_left(byte_reader& in, milliseconds elapsed,
                                                        milliseconds most, instant now) noexcept
{
    const std::uint64_t left = in.varint();
    if (left > static_cast<std::uint64_t>(most.count()))
    {
        return std::nullopt;
    }
    const milliseconds wait{static_cast<std::int64_t>(left)};
    return now.mono + std::max(milliseconds{0}, wait - elapsed);
}

/// The wall time since the state was stored; zero when the clock went back.
[[nodiscard]] inline milliseconds elapsed_since(wall_time stored, instant now) noexcept
{
    return stored >= now.wall ? milliseconds{0} : now.wall - stored;
}

inline void put_cause(std::string& out, const adaptation_cause& cause)
{
    put_string(out, cause.rule);
    put_string(out, cause.reply);
}
/// Cleaned again: stored bytes may be damaged.
[[nodiscard]] inline adaptation_cause take_cause(byte_reader& in)
{
    const auto rule = in.string();
    const auto reply = in.string();
    return make_cause(rule, reply);
}

} // namespace hikyaku::shaping
