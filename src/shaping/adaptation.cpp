#include <hikyaku/shaping/adaptation.h>

#include "day_rate.h"

#include <algorithm>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{
namespace
{

// Places in dials_: the value of `adapted`, less one.
constexpr std::size_t rate_dial = 0;
constexpr std::size_t connections_dial = 1;
constexpr std::size_t connection_rate_dial = 2;
constexpr std::size_t messages_dial = 3;

constexpr adapted what_of(std::size_t index) noexcept
{
    return static_cast<adapted>(index + 1);
}
static_assert(what_of(rate_dial) == adapted::message_rate);
static_assert(what_of(messages_dial) == adapted::messages_per_connection);

constexpr bool is_rate(std::size_t index) noexcept
{
    return index == rate_dial || index == connection_rate_dial;
}

// A limit of `none` is lowered from the built-in one.
const rate& base_rate(const std::optional<rate>& configured, bool of_connections) noexcept
{
    static const site_limits built_in;
    if (configured)
    {
        return *configured;
    }
    return of_connections ? *built_in.connection_rate : *built_in.message_rate;
}

wall_time wall_of(mono_time at, instant now)
{
    return now.wall + std::chrono::ceil<milliseconds>(at - now.mono);
}

} // namespace

result<void, failure> check_policy(const adaptation_policy& policy)
{
    const auto in_range = [](milliseconds v)
    { return v >= adaptation_policy::quiet_min && v <= adaptation_policy::quiet_max; };
    if (!in_range(policy.quiet))
    {
        return failure{"quiet: allowed is 1s to 24h"};
    }
    if (!in_range(policy.repeat_after))
    {
        return failure{"repeat_after: allowed is 1s to 24h"};
    }
    if (policy.step_percent < 1 || policy.step_percent > 100)
    {
        return failure{"step_percent: allowed is 1 to 100"};
    }
    if (policy.floor_percent > 100)
    {
        return failure{"floor_percent: allowed is 0 to 100"};
    }
    limits_patch floor;
    floor.message_rate = policy.floor_rate;
    return check_patch(floor).has_error()
               ? result<void, failure>{failure{"floor_rate: allowed is a rate such as 1/min"}}
               : result<void, failure>{};
}

path_adaptation::path_adaptation(std::string site, std::string source,
                                 const site_limits& configured, const adaptation_policy& policy)
    : site_(std::move(site)), source_(std::move(source)), configured_(configured), policy_(policy),
      effective_(configured)
{
    HK_ASSERT(check_policy(policy).has_value());
}

std::uint64_t path_adaptation::configured_value(std::size_t index) const noexcept
{
    switch (index)
    {
    case rate_dial:
        return per_day(base_rate(configured_.message_rate, false));
    case connections_dial:
        return configured_.connections_max;
    case connection_rate_dial:
        return per_day(base_rate(configured_.connection_rate, true));
    default:
        return configured_.messages_per_connection;
    }
}

std::uint64_t path_adaptation::floor_value(std::size_t index) const noexcept
{
    if (!is_rate(index))
    {
        return 1;
    }
    const std::uint64_t all = configured_value(index);
    return std::min(all, std::max(per_day(policy_.floor_rate), all / 100 * policy_.floor_percent));
}

std::uint64_t path_adaptation::step_value(std::size_t index) const noexcept
{
    return std::max<std::uint64_t>(1, configured_value(index) * policy_.step_percent / 100);
}

void path_adaptation::on_action(const rule_action& action, const adaptation_cause& cause,
                                instant now, std::vector<adaptation_event>& out)
{
    const auto lower_to = [&](std::size_t index, std::uint64_t to)
    { lower(index, to, action.duration, cause, now, out); };
    switch (action.kind)
    {
    case action_kind::back_off:
        if (!action.message_rate && !action.connections && !action.connection_rate)
        {
            halve(rate_dial, cause, now, out);
            halve(connections_dial, cause, now, out);
        }
        if (action.message_rate)
        {
            lower_to(rate_dial, per_day(*action.message_rate));
        }
        if (action.connections)
        {
            lower_to(connections_dial, *action.connections);
        }
        if (action.connection_rate)
        {
            lower_to(connection_rate_dial, per_day(*action.connection_rate));
        }
        break;
    case action_kind::suspend:
        if (action.scope == suspension_kind::source_site)
        {
            suspend(action.duration, cause, now, out);
        }
        break;
    case action_kind::reopen:
        if (action.messages_per_connection)
        {
            lower_to(messages_dial, *action.messages_per_connection);
        }
        break;
    case action_kind::bounce:
    case action_kind::defer:
    case action_kind::next_mx:
        break;
    }
    renew_effective();
}

void path_adaptation::halve(std::size_t index, const adaptation_cause& cause, instant now,
                            std::vector<adaptation_event>& out)
{
    dial& d = dials_[index];
    const std::uint64_t current = d.lowered ? d.value : configured_value(index);
    if (d.lowered && now.mono < d.halves_again)
    {
        lower(index, current, milliseconds{0}, cause, now, out);
        return;
    }
    // Held, so that a repeat within the time is known as one even where the floor is reached.
    d.halves_again = now.mono + policy_.repeat_after;
    lower(index, std::max(current / 2, floor_value(index)), milliseconds{0}, cause, now, out);
}

void path_adaptation::lower(std::size_t index, std::uint64_t to, milliseconds hold,
                            const adaptation_cause& cause, instant now,
                            std::vector<adaptation_event>& out)
{
    dial& d = dials_[index];
    const std::uint64_t current = d.lowered ? d.value : configured_value(index);
    const std::uint64_t value = std::min(current, std::max<std::uint64_t>(to, 1));
    if (!d.lowered && value == current)
    {
        return; // already at what is asked for
    }
    const bool is_new = !d.lowered;
    const bool is_less = value < current;
    if (is_new)
    {
        d.lowered = true;
        d.began = now.wall;
        d.held_until = now.mono;
    }
    d.value = value;
    d.cause = cause;
    d.held_until = std::max(d.held_until, now.mono + hold);
    d.next_step = std::max(d.held_until, now.mono) + policy_.quiet;
    if (is_new || is_less || d.next_step - d.told_step >= policy_.repeat_after)
    {
        d.told_step = d.next_step;
        out.push_back(
            event_of(index, is_new ? adaptation_phase::began : adaptation_phase::changed, now));
    }
}

void path_adaptation::suspend(milliseconds duration, const adaptation_cause& cause, instant now,
                              std::vector<adaptation_event>& out)
{
    suspension& s = suspension_;
    const mono_time until = now.mono + duration;
    const bool is_new = !s.on || s.until <= now.mono;
    if (!is_new && until <= s.until)
    {
        return;
    }
    s.began = is_new ? now.wall : s.began;
    s.on = true;
    s.cause = cause;
    s.until = until;
    if (is_new || until - s.told_until >= policy_.repeat_after)
    {
        s.told_until = until;
        out.push_back(
            suspension_event(is_new ? adaptation_phase::began : adaptation_phase::changed, now));
    }
}

void path_adaptation::raise(std::size_t index, instant now, std::vector<adaptation_event>& out)
{
    dial& d = dials_[index];
    if (!d.lowered || now.mono < d.next_step)
    {
        return;
    }
    const std::uint64_t all = configured_value(index);
    const std::uint64_t step = step_value(index);
    while (d.value < all && d.next_step <= now.mono)
    {
        d.value += std::min(step, all - d.value);
        d.next_step += policy_.quiet;
    }
    d.told_step = d.next_step;
    if (d.value < all)
    {
        out.push_back(event_of(index, adaptation_phase::changed, now));
        return;
    }
    end(index, now, out);
}

void path_adaptation::end(std::size_t index, instant now, std::vector<adaptation_event>& out)
{
    dials_[index].value = configured_value(index);
    auto event = event_of(index, adaptation_phase::ended, now);
    event.ends = now.wall;
    out.push_back(std::move(event));
    dials_[index] = {};
}

void path_adaptation::end_suspension(instant now, std::vector<adaptation_event>& out)
{
    auto event = suspension_event(adaptation_phase::ended, now);
    event.ends = now.wall;
    out.push_back(std::move(event));
    suspension_ = {};
}

void path_adaptation::step(instant now, std::vector<adaptation_event>& out)
{
    if (suspension_.on && suspension_.until <= now.mono)
    {
        end_suspension(now, out);
    }
    for (std::size_t i = 0; i < dial_count; ++i)
    {
        raise(i, now, out);
    }
    renew_effective();
}

void path_adaptation::clear(instant now, std::vector<adaptation_event>& out)
{
    if (suspension_.on)
    {
        end_suspension(now, out);
    }
    for (std::size_t i = 0; i < dial_count; ++i)
    {
        if (dials_[i].lowered)
        {
            end(i, now, out);
        }
    }
    renew_effective();
}

void path_adaptation::set_configured(const site_limits& configured, const adaptation_policy& policy,
                                     instant now, std::vector<adaptation_event>& out)
{
    HK_ASSERT(check_policy(policy).has_value());
    configured_ = configured;
    policy_ = policy;
    for (std::size_t i = 0; i < dial_count; ++i)
    {
        dial& d = dials_[i];
        if (!d.lowered)
        {
            continue;
        }
        if (d.value >= configured_value(i))
        {
            end(i, now, out);
            continue;
        }
        d.next_step = std::min(d.next_step, std::max(d.held_until, now.mono) + policy_.quiet);
    }
    renew_effective();
}

std::optional<mono_time> path_adaptation::next_step() const noexcept
{
    std::optional<mono_time> out;
    if (suspension_.on)
    {
        out = suspension_.until;
    }
    for (const dial& d : dials_)
    {
        if (d.lowered)
        {
            out = std::min(out.value_or(d.next_step), d.next_step);
        }
    }
    return out;
}

std::optional<mono_time> path_adaptation::suspended_until() const noexcept
{
    return suspension_.on ? std::optional{suspension_.until} : std::nullopt;
}

void path_adaptation::renew_effective()
{
    effective_ = configured_;
    const auto lowered = [&](std::size_t index) { return dials_[index].lowered; };
    if (lowered(rate_dial))
    {
        effective_.message_rate =
            rate_of_day(dials_[rate_dial].value, base_rate(configured_.message_rate, false));
    }
    if (lowered(connections_dial))
    {
        effective_.connections_max = static_cast<std::uint32_t>(dials_[connections_dial].value);
        effective_.connections_initial =
            std::min(configured_.connections_initial, effective_.connections_max);
    }
    if (lowered(connection_rate_dial))
    {
        effective_.connection_rate = rate_of_day(dials_[connection_rate_dial].value,
                                                 base_rate(configured_.connection_rate, true));
    }
    if (lowered(messages_dial))
    {
        effective_.messages_per_connection =
            static_cast<std::uint32_t>(dials_[messages_dial].value);
    }
}

// When the limit is back at its configured value if nothing more happens.
mono_time path_adaptation::back_at(std::size_t index) const noexcept
{
    const dial& d = dials_[index];
    const std::uint64_t missing =
        configured_value(index) - std::min(d.value, configured_value(index));
    const std::uint64_t step = step_value(index);
    const std::uint64_t steps = missing / step + (missing % step != 0 ? 1 : 0);
    return d.next_step + policy_.quiet * static_cast<std::int64_t>(steps > 0 ? steps - 1 : 0);
}

adaptation_event path_adaptation::event_of(std::size_t index, adaptation_phase phase,
                                           instant now) const
{
    const dial& d = dials_[index];
    adaptation_event out;
    out.phase = phase;
    out.what = what_of(index);
    out.subject.site = site_;
    out.subject.source = source_;
    out.cause = d.cause;
    out.began = d.began;
    out.ends = wall_of(back_at(index), now);
    if (!is_rate(index))
    {
        out.value = std::to_string(d.value);
        out.configured = std::to_string(configured_value(index));
        return out;
    }
    const bool of_connections = index == connection_rate_dial;
    const auto& own = of_connections ? configured_.connection_rate : configured_.message_rate;
    out.configured = own ? format_rate(*own) : "none";
    out.value = phase == adaptation_phase::ended
                    ? out.configured
                    : format_rate(rate_of_day(d.value, base_rate(own, of_connections)));
    return out;
}

adaptation_event path_adaptation::suspension_event(adaptation_phase phase, instant now) const
{
    adaptation_event out;
    out.phase = phase;
    out.what = adapted::suspended;
    out.subject.site = site_;
    out.subject.source = source_;
    out.cause = suspension_.cause;
    out.began = suspension_.began;
    out.ends = wall_of(suspension_.until, now);
    return out;
}

std::vector<adaptation_event> path_adaptation::active(instant now) const
{
    std::vector<adaptation_event> out;
    for (std::size_t i = 0; i < dial_count; ++i)
    {
        if (dials_[i].lowered)
        {
            out.push_back(event_of(i, adaptation_phase::changed, now));
        }
    }
    if (suspension_.on && suspension_.until > now.mono)
    {
        out.push_back(suspension_event(adaptation_phase::changed, now));
    }
    return out;
}

} // namespace hikyaku::shaping
