#include <hikyaku/shaping/adaptation.h>

#include "stored_state.h"

namespace hikyaku::shaping
{
namespace
{

// The longest wait of each kind; stored ones that are longer are damage.
constexpr milliseconds hold_max = limits_duration_max + milliseconds{1};
constexpr milliseconds step_max = hold_max + adaptation_policy::quiet_max;
constexpr milliseconds repeat_max = adaptation_policy::quiet_max + milliseconds{1};

failure damaged()
{
    return failure{"the stored adaptations of a path are damaged"};
}

} // namespace

// Layout: README.md.
std::string path_adaptation::encode(instant now) const
{
    std::string out;
    if (is_idle())
    {
        return out;
    }
    put_be(out, state_version);
    put_wall(out, now.wall);
    for (std::size_t i = 0; i < dial_count; ++i)
    {
        const dial& d = dials_[i];
        if (!d.lowered)
        {
            continue;
        }
        put_be(out, static_cast<std::uint8_t>(i + 1));
        put_varint(out, d.value);
        put_cause(out, d.cause);
        put_wall(out, d.began);
        put_left(out, d.held_until, now);
        put_left(out, d.next_step, now);
        put_left(out, d.halves_again, now);
    }
    if (suspension_.on)
    {
        put_be(out, static_cast<std::uint8_t>(adapted::suspended));
        put_cause(out, suspension_.cause);
        put_wall(out, suspension_.began);
        put_left(out, suspension_.until, now);
    }
    return out;
}

result<void, failure> path_adaptation::decode(std::string_view bytes, instant now)
{
    byte_reader in(bytes);
    std::array<dial, dial_count> dials;
    suspension paused;
    if (!bytes.empty() && in.u8() != state_version)
    {
        return failure{"the stored adaptations of a path are of another version"};
    }
    const milliseconds elapsed =
        bytes.empty() ? milliseconds{0} : elapsed_since(take_wall(in), now);
    while (in.ok() && !in.at_end())
    {
        const std::uint8_t what = in.u8();
        const bool is_pause = what == static_cast<std::uint8_t>(adapted::suspended);
        if (what == 0 || (!is_pause && what > dial_count) ||
            (is_pause ? paused.on : dials[what - 1].lowered))
        {
            return damaged();
        }
        const bool good = is_pause ? take_suspension(in, elapsed, now, paused)
                                   : take_dial(in, elapsed, now, dials[what - 1]);
        if (!good)
        {
            return damaged();
        }
    }
    if (!in.ok())
    {
        return damaged();
    }
    dials_ = std::move(dials);
    suspension_ = std::move(paused);
    for (std::size_t i = 0; i < dial_count; ++i)
    {
        if (dials_[i].lowered && dials_[i].value >= configured_value(i))
        {
            dials_[i] = {}; // the limits were lowered in the meantime
        }
    }
    renew_effective();
    return {};
}

bool path_adaptation::take_dial(byte_reader& in, milliseconds elapsed, instant now, dial& out)
{
    out.lowered = true;
    out.value = in.varint();
    out.cause = take_cause(in);
    out.began = std::min(take_wall(in), now.wall);
    const auto held = take_left(in, elapsed, hold_max, now);
    const auto step = take_left(in, elapsed, step_max, now);
    const auto repeat = take_left(in, elapsed, repeat_max, now);
    if (!in.ok() || !held || !step || !repeat || out.value == 0)
    {
        return false;
    }
    out.held_until = *held;
    out.next_step = *step;
    out.told_step = *step;
    out.halves_again = *repeat;
    return true;
}

bool path_adaptation::take_suspension(byte_reader& in, milliseconds elapsed, instant now,
                                      suspension& out)
{
    out.cause = take_cause(in);
    out.began = std::min(take_wall(in), now.wall);
    const auto until = take_left(in, elapsed, hold_max, now);
    if (!in.ok() || !until)
    {
        return false;
    }
    out.on = true;
    out.until = *until;
    out.told_until = *until;
    return true;
}

} // namespace hikyaku::shaping
