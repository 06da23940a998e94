#include <hikyaku/shaping/adaptation.h>

#include <gtest/gtest.h>

#include "day_rate.h"
#include "seeded_random.h"

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;

const instant start{from_unix_ms(1'800'000'000'000), mono_time{} + 100h};

instant later(instant t, milliseconds by)
{
    return {t.wall + by, t.mono + by};
}

site_limits limits()
{
    site_limits out;
    out.message_rate = rate{100, 1s, 100};
    out.connections_max = 20;
    out.connections_initial = 5;
    return out;
}

const rule_action halving{};

rule_action value_action(milliseconds duration, std::optional<rate> r,
                         std::optional<std::uint32_t> connections = std::nullopt)
{
    rule_action out;
    out.message_rate = r;
    out.connections = connections;
    out.duration = duration;
    return out;
}

rule_action pause_action(milliseconds duration)
{
    return {.kind = action_kind::suspend, .duration = duration};
}

// Messages a day.
double speed(const std::optional<rate>& r)
{
    return static_cast<double>(r->count) * 86'400'000.0 / static_cast<double>(r->per.count());
}

struct path_test : testing::Test
{
    path_adaptation path{"mx.example", "s1", limits(), {}};
    std::vector<adaptation_event> events;
    adaptation_cause cause = make_cause("some-rule", "421 slow\x01 down");

    void act(const rule_action& action, instant now)
    {
        events.clear();
        path.on_action(action, cause, now, events);
    }
    void step(instant now)
    {
        events.clear();
        path.step(now, events);
    }
};

TEST_F(path_test, HalvesAndComesBackByTenths)
{
    EXPECT_TRUE(path.is_idle());
    act(halving, start);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].phase, adaptation_phase::began);
    EXPECT_EQ(events[0].what, adapted::message_rate);
    EXPECT_EQ(events[0].value, "50/s,50");
    EXPECT_EQ(events[0].configured, "100/s,100");
    EXPECT_EQ(events[0].cause.rule, "some-rule");
    EXPECT_EQ(events[0].cause.reply, "421 slow? down");
    EXPECT_EQ(events[0].subject, (adaptation_subject{"mx.example", "s1", "", ""}));
    EXPECT_EQ(events[0].began, start.wall);
    EXPECT_EQ(events[0].ends, start.wall + 50min) << "five tenths";
    EXPECT_EQ(events[1].what, adapted::connections);
    EXPECT_EQ(path.effective().connections_max, 10U);
    EXPECT_EQ(path.effective().connections_initial, 5U);
    EXPECT_EQ(path.next_step(), start.mono + 10min);
    step(later(start, 9min));
    EXPECT_TRUE(events.empty());
    for (int i = 1; i <= 4; ++i)
    {
        step(later(start, i * 10min));
        ASSERT_EQ(events.size(), 2U);
        EXPECT_EQ(events[0].phase, adaptation_phase::changed);
        EXPECT_EQ(path.effective().message_rate->count, 50U + 10U * static_cast<unsigned>(i));
        EXPECT_EQ(path.effective().connections_max, 10U + 2U * static_cast<unsigned>(i));
    }
    step(later(start, 50min));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].phase, adaptation_phase::ended);
    EXPECT_TRUE(path.is_idle());
    EXPECT_EQ(path.effective(), limits());
}

TEST_F(path_test, WhatWasInFlightDoesNotHalveAgain)
{
    for (int i = 0; i < 20; ++i)
    {
        act(halving, later(start, i * 1s));
    }
    EXPECT_EQ(path.effective().message_rate->count, 50U);
    EXPECT_EQ(path.next_step(), later(start, 10min + 19s).mono) << "the quiet time starts anew";
    act(halving, later(start, 61s));
    EXPECT_EQ(path.effective().message_rate->count, 25U);
    for (int i = 2; i < 30; ++i)
    {
        act(halving, later(start, i * 2min));
    }
    EXPECT_EQ(path.effective().message_rate->count, 1U) << "one percent is the floor";
    EXPECT_EQ(path.effective().message_rate->per, 1s);
    EXPECT_EQ(path.effective().connections_max, 1U);
}

TEST_F(path_test, AGivenValueHoldsForItsTimeAndThenRisesByTenths)
{
    act(value_action(90min, rate{1, 1min, 1}, 1), start);
    EXPECT_EQ(path.effective().message_rate, (rate{1, 1min, 1})) << "below the floor, as asked";
    EXPECT_EQ(path.effective().connections_max, 1U);
    EXPECT_EQ(path.effective().connections_initial, 1U);
    step(later(start, 99min));
    EXPECT_TRUE(events.empty());
    step(later(start, 100min));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_NEAR(speed(path.effective().message_rate), 864'000 + 1'440, 1) << "no snapping back";
    // A higher value later does not raise it.
    act(value_action(1h, rate{50, 1s, 50}), later(start, 101min));
    EXPECT_NEAR(speed(path.effective().message_rate), 864'000 + 1'440, 1);
    EXPECT_EQ(path.next_step(), later(start, 110min).mono) << "connections";
}

TEST_F(path_test, AValueAboveTheConfiguredOneDoesNothing)
{
    act(value_action(1h, rate{1'000, 1s, 1}, 50), start);
    EXPECT_TRUE(events.empty());
    EXPECT_TRUE(path.is_idle());
    EXPECT_TRUE(path.encode(start).empty());
}

TEST_F(path_test, NoLimitIsLoweredFromTheBuiltInOneAndComesBack)
{
    site_limits none = limits();
    none.message_rate.reset();
    path_adaptation open("s", "a", none, {});
    open.on_action(halving, cause, start, events);
    EXPECT_EQ(open.effective().message_rate, (rate{50, 1s, 50}));
    EXPECT_EQ(events[0].configured, "none");
    open.step(later(start, 24h), events);
    EXPECT_FALSE(open.effective().message_rate.has_value());
}

TEST_F(path_test, SuspensionsEndAtTheirTime)
{
    act(pause_action(1h), start);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].what, adapted::suspended);
    EXPECT_EQ(events[0].ends, start.wall + 1h);
    act(pause_action(1h), later(start, 30s));
    EXPECT_TRUE(events.empty()) << "a longer one by seconds is not told";
    EXPECT_EQ(path.suspended_until(), later(start, 1h + 30s).mono);
    act(pause_action(1min), later(start, 40s));
    EXPECT_EQ(path.suspended_until(), later(start, 1h + 30s).mono) << "never shorter";
    act(pause_action(2h), later(start, 40s));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].phase, adaptation_phase::changed);
    EXPECT_EQ(path.active(start).size(), 1U);
    step(later(start, 2h + 40s));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].phase, adaptation_phase::ended);
    EXPECT_FALSE(path.suspended_until().has_value());
}

TEST_F(path_test, OtherScopesAndActionsAreNotThePathsBusiness)
{
    for (const auto scope :
         {suspension_kind::site, suspension_kind::tenant_site, suspension_kind::campaign})
    {
        act({.kind = action_kind::suspend, .scope = scope, .duration = 1h}, start);
    }
    for (const auto kind :
         {action_kind::bounce, action_kind::defer, action_kind::next_mx, action_kind::reopen})
    {
        act({.kind = kind}, start);
    }
    EXPECT_TRUE(events.empty());
    EXPECT_TRUE(path.is_idle());
}

TEST_F(path_test, LearnsHowManyMessagesAConnectionTakes)
{
    act({.kind = action_kind::reopen, .messages_per_connection = 2, .duration = 1h}, start);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(path.effective().messages_per_connection, 2U);
    EXPECT_EQ(path.effective().message_rate, limits().message_rate) << "no back-off";
    step(later(start, 70min));
    EXPECT_EQ(path.effective().messages_per_connection, 12U);
}

TEST_F(path_test, AReloadKeepsWhatWasLoweredWithinTheNewLimits)
{
    act(halving, start);
    site_limits more = limits();
    more.message_rate = rate{200, 1s, 200};
    more.connections_max = 8;
    events.clear();
    path.set_configured(more, {}, later(start, 1min), events);
    ASSERT_EQ(events.size(), 1U) << "10 connections are no longer less than 8";
    EXPECT_EQ(events[0].what, adapted::connections);
    EXPECT_EQ(events[0].phase, adaptation_phase::ended);
    EXPECT_EQ(path.effective().message_rate->count, 50U);
    EXPECT_EQ(path.effective().connections_max, 8U);
    step(later(start, 10min));
    EXPECT_EQ(path.effective().message_rate->count, 70U) << "a tenth of the new one";
    events.clear();
    path.clear(later(start, 11min), events);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(path.effective(), more);
}

TEST_F(path_test, AStoredStateGoesOnWithWhatWasLeft)
{
    act(halving, start);
    act(value_action(2h, rate{1, 1min, 1}), start);
    act(pause_action(1h), start);
    const std::string bytes = path.encode(later(start, 10min));
    // A fresh process: its monotonic clock has another origin.
    const instant fresh{start.wall + 30min, mono_time{} + 5s};
    path_adaptation other("mx.example", "s1", limits(), {});
    ASSERT_TRUE(other.decode(bytes, fresh).has_value());
    EXPECT_EQ(other.effective(), path.effective());
    EXPECT_EQ(other.suspended_until(), fresh.mono + 30min);
    EXPECT_EQ(other.active(fresh).size(), 3U);
    EXPECT_EQ(other.active(fresh)[0].cause, cause);
    // The clock went back: nothing gets longer than it was.
    const instant back{start.wall - 24h, mono_time{} + 5s};
    ASSERT_TRUE(other.decode(bytes, back).has_value());
    EXPECT_EQ(other.suspended_until(), back.mono + 50min);
    // Long after: what has run out ends; rates rise by one step, not by all.
    const instant after{start.wall + 240h, mono_time{} + 5s};
    ASSERT_TRUE(other.decode(bytes, after).has_value());
    events.clear();
    other.step(after, events);
    EXPECT_FALSE(other.suspended_until().has_value());
    EXPECT_NEAR(speed(other.effective().message_rate), 864'000 + 1'440, 1);
}

TEST_F(path_test, DamagedStatesAreRefused)
{
    act(halving, start);
    act(pause_action(1h), start);
    const std::string good = path.encode(start);
    path_adaptation other("mx.example", "s1", limits(), {});
    for (std::size_t size = 1; size < good.size(); ++size)
    {
        if (other.decode(std::string_view(good).substr(0, size), start).has_error())
        {
            EXPECT_TRUE(other.is_idle()) << size;
        }
        other = path_adaptation("mx.example", "s1", limits(), {});
    }
    EXPECT_TRUE(other.decode("\x02", start).has_error());
    EXPECT_TRUE(other.decode(good + good.substr(9), start).has_error()) << "each kind once";
    std::string long_wait = good;
    long_wait.back() = '\x7F';
    long_wait += std::string(4, '\x7F');
    EXPECT_TRUE(other.decode(long_wait, start).has_error());
    EXPECT_TRUE(other.decode("", start).has_value());
    EXPECT_TRUE(other.is_idle());
}

TEST(DayRate, IsNeverMoreThanAskedFor)
{
    const rate fastest{rate::count_max, milliseconds{1}, 5};
    EXPECT_EQ(rate_of_day(per_day(fastest), fastest), fastest);
    EXPECT_EQ(rate_of_day(1'000'000'000'001, fastest), (rate{11'574'074, 1s, 5}));
    const rate slow{1, 24h, 1};
    EXPECT_EQ(per_day(slow), 1U);
    EXPECT_EQ(rate_of_day(1, rate{2, 24h, 2}), (rate{1, 24h, 1}));
    EXPECT_EQ(rate_of_day(48, rate{1, 1s, 9}), (rate{2, 1h, 1}));
    EXPECT_EQ(rate_of_day(49, rate{1, 1s, 9}), (rate{49, 24h, 1}));
}

// Seeded schedules: bounds, and no rise but by steps in quiet times.
TEST(PathAdaptation, HoldsItsBoundsWhateverHappens)
{
    for (std::uint64_t seed = 1; seed <= 200; ++seed)
    {
        seeded_random random(seed);
        site_limits configured;
        configured.message_rate = rate{
            1 + random.below(5'000), milliseconds{1 + random.below(60'000)}, 1 + random.below(100)};
        configured.connections_max = static_cast<std::uint32_t>(1 + random.below(200));
        const adaptation_policy policy{
            .step_percent = static_cast<std::uint32_t>(1 + random.below(100)),
            .floor_percent = static_cast<std::uint32_t>(random.below(30))};
        path_adaptation path("s", "a", configured, policy);
        const double most = speed(configured.message_rate);
        const double floor =
            std::min(most, std::max(1440.0, most * policy.floor_percent / 100 - 100));
        instant now = start;
        std::vector<adaptation_event> events;
        for (int i = 0; i < 200; ++i)
        {
            const double before = speed(path.effective().message_rate);
            now = later(now, milliseconds{random.below(2'000'000)});
            const bool trigger = random.below(3) == 0;
            if (trigger)
            {
                path.on_action(halving, {"r", "t"}, now, events);
            }
            else
            {
                path.step(now, events);
            }
            const double after = speed(path.effective().message_rate);
            ASSERT_LE(after, most) << seed;
            ASSERT_GE(after, std::min(floor, before) - 1) << seed;
            ASSERT_LE(path.effective().message_rate->burst, configured.message_rate->burst);
            ASSERT_GE(path.effective().connections_max, 1U);
            ASSERT_LE(path.effective().connections_max, configured.connections_max);
            ASSERT_TRUE(trigger ? after <= before : after >= before) << seed;
            ASSERT_EQ(path.is_idle(), path.encode(now).empty());
            path_adaptation copy("s", "a", configured, policy);
            ASSERT_TRUE(copy.decode(path.encode(now), now).has_value());
            ASSERT_EQ(copy.encode(now), path.encode(now)) << seed;
            ASSERT_EQ(copy.effective(), path.effective()) << seed;
        }
        path.step(later(now, 2'000h), events);
        ASSERT_TRUE(path.is_idle()) << seed;
        ASSERT_EQ(path.effective(), configured);
    }
}

} // namespace
} // namespace hikyaku::shaping
