#include <hikyaku/shaping/quota.h>

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;
using caps = std::vector<std::uint64_t>;

constexpr day_number created = 20'000;

wall_time at(day_number day)
{
    return wall_time{std::chrono::days{day}};
}
/// Months of thirty days, so that tests see them end.
local_date on(day_number day)
{
    const month_number month = day / 30;
    return {day, month, at(day + 1), at((month + 1) * 30)};
}

TEST(Quota, NoLimitsGrantEverything)
{
    tenant_quota quota({}, created, {});
    EXPECT_EQ(quota.take(on(created), 1'000'000), 1'000'000U);
    EXPECT_EQ(quota.blocked(on(created)), std::nullopt);
    EXPECT_EQ(quota.day_limit(created), std::nullopt);
}

TEST(Quota, TakesReserveAndSettlingCountsOrGivesBack)
{
    tenant_quota quota({10, std::nullopt, {}}, created, {});
    const auto today = on(created);
    EXPECT_EQ(quota.take(today, 8), 8U);
    EXPECT_EQ(quota.take(today, 8), 2U);
    EXPECT_EQ(quota.blocked(today), (quota_block{quota_rule::per_day, today.day_ends, true}));
    EXPECT_EQ(quota.use().today, 0U) << "nothing is durable yet";
    EXPECT_TRUE(quota.settle(today, 6, 1));
    EXPECT_EQ(quota.use(), (quota_use{created, 6, today.month, 6}));
    EXPECT_EQ(quota.out(), 3U);
    EXPECT_EQ(quota.take(today, 8), 1U);
    EXPECT_FALSE(quota.settle(today, 0, 4));
    EXPECT_TRUE(quota.settle(today, 0, 0) == false);
    EXPECT_EQ(quota.take(today, 9), 4U);
    EXPECT_TRUE(quota.settle(today, 4, 0));
    EXPECT_EQ(quota.blocked(today), (quota_block{quota_rule::per_day, today.day_ends, false}));
    EXPECT_EQ(quota.take(on(created + 1), 99), 10U);
}

TEST(Quota, PermitsOutAtMidnightUseUpTheNextDay)
{
    tenant_quota quota({10, std::nullopt, {}}, created, {});
    EXPECT_EQ(quota.take(on(created), 10), 10U);
    EXPECT_EQ(quota.take(on(created + 1), 10), 0U);
    EXPECT_TRUE(quota.settle(on(created + 1), 10, 0));
    EXPECT_EQ(quota.use().today, 10U);
    EXPECT_EQ(quota.take(on(created + 1), 1), 0U);
}

TEST(Quota, TheMonthHoldsOverItsDays)
{
    const day_number first = 30 * 700;
    tenant_quota quota({10, 15, {}}, created, {});
    EXPECT_EQ(quota.take(on(first), 10), 10U);
    EXPECT_TRUE(quota.settle(on(first), 10, 0));
    EXPECT_EQ(quota.take(on(first + 1), 10), 5U);
    EXPECT_TRUE(quota.settle(on(first + 1), 5, 0));
    EXPECT_EQ(quota.blocked(on(first + 2)),
              (quota_block{quota_rule::per_month, at(first + 30), false}));
    EXPECT_EQ(quota.take(on(first + 29), 1), 0U);
    EXPECT_EQ(quota.take(on(first + 30), 20), 10U);
}

TEST(Quota, ANewTenantIsRamped)
{
    tenant_quota quota({100, std::nullopt, caps{5, 20, 200}}, created, {});
    EXPECT_EQ(quota.day_limit(created - 1), 5U) << "its own calendar may lag behind";
    EXPECT_EQ(quota.take(on(created), 99), 5U);
    EXPECT_EQ(quota.blocked(on(created))->rule, quota_rule::ramp);
    EXPECT_TRUE(quota.settle(on(created), 5, 0));
    EXPECT_EQ(quota.day_limit(created + 1), 20U);
    EXPECT_EQ(quota.day_limit(created + 2), 100U);
    EXPECT_EQ(quota.take(on(created + 2), 999), 100U);
    EXPECT_EQ(quota.blocked(on(created + 2))->rule, quota_rule::per_day);
}

TEST(Quota, GoesOnWhereTheRowEnds)
{
    const quota_use durable{created, 7, on(created).month, 30};
    tenant_quota same_day({10, 100, {}}, created, durable);
    EXPECT_EQ(same_day.take(on(created), 9), 3U);
    tenant_quota next_day({10, 35, {}}, created, durable);
    EXPECT_EQ(next_day.take(on(created + 1), 9), 5U);
}

TEST(Quota, AClockThatGoesBackGrantsNothingTwice)
{
    tenant_quota quota({10, std::nullopt, {}}, created, {});
    EXPECT_EQ(quota.take(on(created + 1), 10), 10U);
    EXPECT_TRUE(quota.settle(on(created + 1), 10, 0));
    EXPECT_EQ(quota.take(on(created), 10), 0U);
    EXPECT_EQ(quota.take(on(created + 1), 10), 0U);
}

TEST(Quota, LimitsMayChangeWhilePermitsAreOut)
{
    tenant_quota quota({10, std::nullopt, {}}, created, {});
    EXPECT_EQ(quota.take(on(created), 10), 10U);
    quota.set_limits({4, std::nullopt, {}});
    EXPECT_EQ(quota.take(on(created), 1), 0U);
    EXPECT_TRUE(quota.settle(on(created), 10, 0)) << "what was granted stays good";
    quota.set_limits({12, std::nullopt, {}});
    EXPECT_EQ(quota.take(on(created), 9), 2U);
}

TEST(Quota, LimitsAreChecked)
{
    EXPECT_TRUE(check_quota({1, 1, caps{1, 1, 2}}).has_value());
    EXPECT_TRUE(check_quota({0, std::nullopt, {}}).has_error());
    EXPECT_TRUE(check_quota({std::nullopt, 0, {}}).has_error());
    EXPECT_TRUE(check_quota({quota_limits::count_max + 1, std::nullopt, {}}).has_error());
    EXPECT_TRUE(check_quota({std::nullopt, std::nullopt, caps{2, 1}}).has_error());
    EXPECT_TRUE(check_quota({std::nullopt, std::nullopt, caps{0}}).has_error());
    EXPECT_TRUE(check_quota({std::nullopt, std::nullopt, caps(367, 1)}).has_error());
}

// Crashes at random: what was not settled is lost, what was is in the row.
TEST(Quota, NeverExceedsADayOrMonthOverRestarts)
{
    for (unsigned seed = 1; seed <= 50; ++seed)
    {
        std::mt19937 random(seed);
        const auto up_to = [&](std::uint64_t n)
        { return std::uniform_int_distribution<std::uint64_t>(0, n)(random); };
        const quota_limits limits{20, 90, caps{3, 9}};
        std::map<day_number, std::uint64_t> days;
        std::map<month_number, std::uint64_t> months;
        quota_use row;
        tenant_quota quota(limits, created, row);
        day_number day = created;
        for (int step = 0; step < 2'000; ++step)
        {
            day += up_to(19) == 0 ? 1 : 0;
            static_cast<void>(quota.take(on(day), up_to(12)));
            const auto counted = up_to(quota.out());
            if (quota.settle(on(day), counted, up_to(quota.out() - counted)))
            {
                row = quota.use();
            }
            days[day] += counted;
            months[on(day).month] += counted;
            if (up_to(49) == 0)
            {
                quota = tenant_quota(limits, created, row);
            }
        }
        EXPECT_GT(days.size(), 50U);
        for (const auto& [d, count] : days)
        {
            // Permits of the day before a larger cap can't exceed it: ramps never fall.
            EXPECT_LE(count, quota.day_limit(d).value()) << "seed " << seed << " day " << d;
        }
        for (const auto& [m, count] : months)
        {
            EXPECT_LE(count, 90U) << "seed " << seed << " month " << m;
        }
    }
}

} // namespace
} // namespace hikyaku::shaping
