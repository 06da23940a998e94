#include <hikyaku/shaping/warm_up.h>

#include <gtest/gtest.h>

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;
using caps = std::vector<std::uint64_t>;

constexpr day_number monday = 20'000;

TEST(LocalDate, KnowsTheDayAndMonthOfAnOffset)
{
    const auto now = parse_rfc3339("2026-12-31T15:30:00Z").value();
    const auto utc = make_local_date(now, 0);
    EXPECT_EQ(utc.month, 2026 * 12 + 11);
    EXPECT_EQ(utc.day_ends, parse_rfc3339("2027-01-01T00:00:00Z").value());
    EXPECT_EQ(utc.month_ends, utc.day_ends);
    const auto tokyo = make_local_date(now, 540);
    EXPECT_EQ(tokyo.day, utc.day + 1);
    EXPECT_EQ(tokyo.month, 2027 * 12);
    EXPECT_EQ(tokyo.day_ends, parse_rfc3339("2027-01-01T15:00:00Z").value());
    EXPECT_EQ(tokyo.month_ends, parse_rfc3339("2027-01-31T15:00:00Z").value());
}

TEST(LocalDate, ReadsDaysThatExist)
{
    EXPECT_EQ(parse_day("1970-01-01"), 0);
    EXPECT_EQ(parse_day("2024-02-29"), 19'782);
    for (const char* wrong : {"", "2026-02-29", "2026-13-01", "2026-1-01", "2026-01-0x",
                              "1969-12-31", "2026/01/01", "2026-01-011"})
    {
        EXPECT_FALSE(parse_day(wrong)) << wrong;
    }
}

TEST(WarmUp, FollowsItsPlanAndThenHasNoCap)
{
    const auto plan = make_warm_up(monday, caps{50, 100, 200}, std::nullopt).value();
    EXPECT_EQ(warm_up_cap(plan, monday - 1), 0U) << "it rests until it starts";
    EXPECT_EQ(warm_up_cap(plan, monday), 50U);
    EXPECT_EQ(warm_up_cap(plan, monday + 2), 200U);
    EXPECT_EQ(warm_up_cap(plan, monday + 3), std::nullopt);
    EXPECT_EQ(warm_up_cap(plan, std::numeric_limits<day_number>::max()), std::nullopt);
    EXPECT_EQ(warm_up_cap(plan, std::numeric_limits<day_number>::min()), 0U);
}

TEST(WarmUp, ATargetEndsThePlan)
{
    EXPECT_EQ(make_warm_up(monday, caps{50, 100, 200}, 200)->caps, (caps{50, 100}));
    EXPECT_TRUE(make_warm_up(monday, caps{50}, 50).has_error());
}

TEST(WarmUp, GrowsByPercentUntilTheTarget)
{
    EXPECT_EQ(make_warm_up(monday, {50, 50}, 300)->caps, (caps{50, 75, 112, 168, 252}));
    EXPECT_EQ(make_warm_up(monday, {1, 1}, 4)->caps, (caps{1, 2, 3})) << "at least one more";
    EXPECT_EQ(make_warm_up(monday, {1, 1000}, warm_up_plan::cap_max)->caps.size(), 9U);
}

TEST(WarmUp, RefusesPlansThatAreNone)
{
    EXPECT_TRUE(make_warm_up(monday, caps{}, std::nullopt).has_error());
    EXPECT_TRUE(make_warm_up(monday, caps{0}, std::nullopt).has_error());
    EXPECT_TRUE(make_warm_up(monday, caps{2, 1}, std::nullopt).has_error());
    EXPECT_TRUE(
        make_warm_up(monday, caps(warm_up_plan::days_max + 1, 5), std::nullopt).has_error());
    EXPECT_TRUE(make_warm_up(monday, caps{warm_up_plan::cap_max + 1}, std::nullopt).has_error());
    EXPECT_TRUE(make_warm_up(monday, {0, 10}, 100).has_error());
    EXPECT_TRUE(make_warm_up(monday, {10, 0}, 100).has_error());
    EXPECT_TRUE(make_warm_up(monday, {10, 10}, 10).has_error());
    EXPECT_TRUE(make_warm_up(monday, {10, 1001}, 100).has_error());
    EXPECT_TRUE(make_warm_up(monday, {1, 1}, 1'000'000).has_error()) << "years away";
}

TEST(WarmUpCounter, GrantsNoMoreThanTheCapPerSourceAndSite)
{
    warm_up_counter counter;
    EXPECT_EQ(counter.take(1, "a", monday, 10, 7), 7U);
    EXPECT_EQ(counter.take(1, "a", monday, 10, 7), 3U);
    EXPECT_EQ(counter.take(1, "a", monday, 10, 1), 0U);
    EXPECT_EQ(counter.take(2, "a", monday, 10, 1), 1U);
    EXPECT_EQ(counter.take(1, "b", monday, 10, 1), 1U);
    counter.give_back(1, "a", monday, 4);
    EXPECT_EQ(counter.used(1, "a", monday), 6U);
    EXPECT_EQ(counter.take(1, "a", monday, 5, 9), 0U) << "the cap was lowered";
    EXPECT_EQ(counter.take(1, "a", monday, 10, 9), 4U);
}

TEST(WarmUpCounter, StartsAnewEachDayAndNeverGoesBack)
{
    warm_up_counter counter;
    EXPECT_EQ(counter.take(1, "a", monday, 5, 5), 5U);
    EXPECT_FALSE(counter.take_ended_days());
    EXPECT_EQ(counter.take(1, "a", monday + 1, 8, 3), 3U);
    EXPECT_EQ(counter.take_ended_days(), monday + 1);
    EXPECT_FALSE(counter.take_ended_days());
    counter.give_back(1, "a", monday, 5);
    EXPECT_EQ(counter.used(1, "a", monday + 1), 3U) << "given back too late";
    EXPECT_EQ(counter.take(1, "a", monday, 5, 5), 2U) << "the clock went back";
    EXPECT_EQ(counter.used(1, "a", monday), 0U);
}

TEST(WarmUpCounter, SaysWhatChangedOnce)
{
    warm_up_counter counter;
    EXPECT_EQ(counter.take(1, "a", monday, 5, 2), 2U);
    EXPECT_EQ(counter.take(1, "a", monday, 5, 1), 1U);
    EXPECT_EQ(counter.take(2, "b", monday, 5, 1), 1U);
    EXPECT_EQ(counter.take_changes(1), (std::vector<warm_up_use>{{1, "a", monday, 3}}));
    EXPECT_EQ(counter.take_changes(9), (std::vector<warm_up_use>{{2, "b", monday, 1}}));
    counter.give_back(2, "b", monday, 1);
    EXPECT_EQ(counter.take_changes(9), (std::vector<warm_up_use>{{2, "b", monday, 0}}));
    EXPECT_TRUE(counter.take_changes(9).empty());
    EXPECT_EQ(counter.take(1, "a", monday, 5, 1), 1U);
    EXPECT_EQ(counter.take(1, "c", monday + 1, 5, 1), 1U);
    EXPECT_EQ(counter.take_changes(9), (std::vector<warm_up_use>{{1, "c", monday + 1, 1}}))
        << "the day of the other has ended";
}

TEST(WarmUpCounter, GoesOnWhereTheRowsEnd)
{
    warm_up_counter counter;
    counter.load({1, "a", monday - 1, 100});
    counter.load({1, "a", monday, 4});
    counter.load({2, "a", monday - 2, 100});
    EXPECT_EQ(counter.take_ended_days(), monday);
    EXPECT_EQ(counter.size(), 1U);
    EXPECT_TRUE(counter.take_changes(9).empty()) << "they are durable";
    EXPECT_EQ(counter.take(1, "a", monday, 5, 5), 1U);
}

TEST(WarmUpCounter, IsBounded)
{
    warm_up_counter counter;
    for (std::size_t i = 0; i < warm_up_counter::rows_max; ++i)
    {
        counter.load({1, std::to_string(i), monday, 1});
    }
    EXPECT_EQ(counter.take(1, "one more", monday, 5, 5), 0U);
    EXPECT_EQ(counter.take(1, "17", monday, 5, 5), 4U);
    EXPECT_EQ(counter.size(), warm_up_counter::rows_max);
    EXPECT_EQ(counter.take(1, "one more", monday + 1, 5, 5), 5U);
}

TEST(Engagement, RanksByAge)
{
    const wall_time now = from_unix_ms(1'800'000'000'000);
    const auto rank = [&](int days, milliseconds more = 0ms)
    { return int{engagement_rank(now - 24h * days - more, now)}; };
    EXPECT_EQ(rank(-3), 0);
    EXPECT_EQ(rank(0), 0);
    EXPECT_EQ(rank(7), 0);
    EXPECT_EQ(rank(7, 1ms), 1);
    EXPECT_EQ(rank(30), 1);
    EXPECT_EQ(rank(90), 2);
    EXPECT_EQ(rank(180), 3);
    EXPECT_EQ(rank(365), 4);
    EXPECT_EQ(rank(365, 1ms), 5);
    EXPECT_EQ(engagement_rank(std::nullopt, now), 5);
}

} // namespace
} // namespace hikyaku::shaping
