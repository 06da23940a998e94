#include <hikyaku/shaping/retry_schedule.h>

#include <gtest/gtest.h>

#include <limits>

#include "seeded_random.h"

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;

const wall_time now = from_unix_ms(1'795'000'000'000);

TEST(RetrySchedule, DefaultsStayWithinTheirJitterAndUseAllOfIt)
{
    seeded_random random(1);
    const retry_schedule schedule;
    const milliseconds steps[] = {5min, 10min, 20min, 40min, 1h, 2h, 4h, 4h, 4h};
    std::uint32_t attempts = 0;
    for (const milliseconds step : steps)
    {
        ++attempts;
        milliseconds least = milliseconds::max();
        milliseconds most{0};
        for (int i = 0; i < 1000; ++i)
        {
            const milliseconds delay = schedule.next_delay(attempts, random);
            least = std::min(least, delay);
            most = std::max(most, delay);
        }
        EXPECT_GE(least, step * 80 / 100);
        EXPECT_LE(least, step * 82 / 100);
        EXPECT_LE(most, step * 120 / 100);
        EXPECT_GE(most, step * 118 / 100);
    }
    EXPECT_GE(schedule.next_delay(std::numeric_limits<std::uint32_t>::max(), random), 3h);
}

TEST(RetrySchedule, WithoutJitterItIsExact)
{
    seeded_random random(1);
    const auto schedule = retry_schedule::make({{1s, 30s}, 0, 1h});
    ASSERT_TRUE(schedule.has_value());
    EXPECT_EQ(schedule->next_delay(1, random), 1s);
    EXPECT_EQ(schedule->next_delay(2, random), 30s);
    EXPECT_EQ(schedule->next_delay(9, random), 30s);
}

TEST(RetrySchedule, OneLastAttemptBeforeTheExpiry)
{
    seeded_random random(3);
    const auto schedule = retry_schedule::make({{10min, 4h}, 0, 72h});
    ASSERT_TRUE(schedule.has_value());
    EXPECT_EQ(schedule->next_due(2, now, now + 5h, random), now + 4h);
    for (int i = 0; i < 1000; ++i)
    {
        const auto due = schedule->next_due(2, now, now + 1h, random);
        ASSERT_TRUE(due.has_value());
        EXPECT_GE(*due, now + 10min);
        EXPECT_LT(*due, now + 1h);
    }
    EXPECT_EQ(schedule->next_due(2, now, now + 10min + 1ms, random), now + 10min);
    EXPECT_EQ(schedule->next_due(2, now, now + 10min, random), std::nullopt);
    EXPECT_EQ(schedule->next_due(2, now, now - 1h, random), std::nullopt);
}

TEST(RetrySchedule, RefusesNonsense)
{
    EXPECT_TRUE(retry_schedule::make({{}, 20, 72h}).has_error());
    EXPECT_TRUE(retry_schedule::make({{0ms}, 20, 72h}).has_error());
    EXPECT_TRUE(retry_schedule::make({{8 * 24h}, 20, 72h}).has_error());
    EXPECT_TRUE(retry_schedule::make({{1min}, 91, 72h}).has_error());
    EXPECT_TRUE(retry_schedule::make({{1min}, 20, 0ms}).has_error());
    EXPECT_TRUE(retry_schedule::make({{1min}, 20, 31 * 24h}).has_error());
    EXPECT_TRUE(retry_schedule::make({std::vector<milliseconds>(65, milliseconds{1min}), 20, 1h})
                    .has_error());
    EXPECT_TRUE(retry_schedule::make({{1s}, 90, 1ms}).has_value());
}

TEST(RetrySchedule, GeometricStepsEndAtTheMaximum)
{
    EXPECT_EQ(make_geometric_steps(20min, 200, 4h),
              (std::vector<milliseconds>{20min, 40min, 80min, 160min, 4h}));
    EXPECT_EQ(make_geometric_steps(1ms, 101, 7 * 24h).size(), retry_policy::steps_max);
    EXPECT_EQ(make_geometric_steps(1h, 200, 1h), std::vector<milliseconds>{1h});
}

} // namespace
} // namespace hikyaku::shaping
