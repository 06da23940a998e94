#include <hikyaku/shaping/token_bucket.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "seeded_random.h"

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;

const mono_time start = mono_time{} + 1000h;

struct rate_row
{
    const char* text;
    rate expected;
    const char* printed;
};

TEST(Rate, ParsesAndPrints)
{
    const rate_row rows[] = {
        {"1000/h", {1000, 1h, 1}, "1000/h,1"},
        {"1000/h,50", {1000, 1h, 50}, "1000/h,50"},
        {"100/s", {100, 1s, 100}, "100/s,100"},
        {"30/min", {30, 1min, 1}, "30/min,1"},
        {"30/m", {30, 1min, 1}, "30/min,1"},
        {"600/min", {600, 1min, 10}, "600/min,10"},
        {"5/10s", {5, 10s, 1}, "5/10s,1"},
        {"50000/d", {50000, 24h, 1}, "50000/d,1"},
        {"5/250ms", {5, 250ms, 20}, "5/250ms,20"},
        {"1000000000/ms", {1000000000, 1ms, 1000000000}, "1000000000/ms,1000000000"},
    };
    for (const rate_row& row : rows)
    {
        const auto parsed = parse_rate(row.text);
        ASSERT_TRUE(parsed.has_value()) << row.text << ": " << parsed.error().text;
        EXPECT_EQ(*parsed, row.expected) << row.text;
        EXPECT_EQ(format_rate(*parsed), row.printed);
        EXPECT_EQ(*parse_rate(row.printed), row.expected) << row.text;
    }
}

TEST(Rate, RefusesWithAnExample)
{
    for (const char* text : {"",
                             "100",
                             "/s",
                             "100/",
                             "100/x",
                             "0/s",
                             "-1/s",
                             "1/0s",
                             "1/s,",
                             "1/s,0",
                             "1/s,1x",
                             "1/25h",
                             "2/2d",
                             "1000000001/s",
                             "99999999999999999999/s",
                             "1/99999999999999999999s",
                             " 1/s",
                             "1 /s",
                             "1/s ",
                             "1/s,1,1",
                             "1.5/s",
                             "+1/s",
                             "1/S"})
    {
        const auto parsed = parse_rate(text);
        ASSERT_TRUE(parsed.has_error()) << text;
        EXPECT_NE(parsed.error().text.find("examples"), std::string::npos) << text;
    }
}

TEST(TokenBucket, GrantsTheBurstThenTheRate)
{
    token_bucket bucket({10, 1s, 20}, start);
    EXPECT_EQ(bucket.take(start, 100), 20U);
    EXPECT_EQ(bucket.take(start, 1), 0U);
    EXPECT_EQ(bucket.next_at(1), start + 100ms);
    EXPECT_EQ(bucket.take(start + 99'999'999ns, 1), 0U);
    EXPECT_EQ(bucket.take(start + 100ms, 5), 1U);
    EXPECT_EQ(bucket.take(start + 10h, 100), 20U);
}

TEST(TokenBucket, CanStartEmpty)
{
    token_bucket bucket({1, 1h, 5}, start, bucket_start::empty);
    EXPECT_EQ(bucket.take(start, 1), 0U);
    EXPECT_EQ(bucket.next_at(2), start + 2h);
    EXPECT_EQ(bucket.next_at(99), start + 5h);
    EXPECT_EQ(bucket.take(start + 2h, 5), 2U);
}

TEST(TokenBucket, LosesNoFraction)
{
    // 3 per 7 ms does not divide; asked at every nanosecond-odd moment, a day's sum is exact.
    token_bucket bucket({3, 7ms, 1000}, start, bucket_start::empty);
    std::uint64_t sum = 0;
    mono_time now = start;
    for (int i = 0; i < 100'000; ++i)
    {
        now += 1'234'567ns;
        sum += bucket.take(now, 1000);
    }
    EXPECT_EQ(sum, 123'456'700'000ULL * 3 / 7'000'000);
}

TEST(TokenBucket, ATimeBeforeTheLatestEarnsNothing)
{
    token_bucket bucket({10, 1s, 10}, start);
    EXPECT_EQ(bucket.take(start + 1s, 10), 10U);
    EXPECT_EQ(bucket.take(start, 10), 0U);
    EXPECT_EQ(bucket.take(start + 1s, 10), 0U);
    EXPECT_EQ(bucket.take(start + 1100ms, 10), 1U);
}

TEST(TokenBucket, GivesBackAtMostTheBurst)
{
    token_bucket bucket({10, 1s, 10}, start);
    EXPECT_EQ(bucket.take(start, 8), 8U);
    bucket.give_back(3);
    EXPECT_EQ(bucket.take(start, 10), 5U);
    bucket.give_back(5);
    EXPECT_EQ(bucket.take(start + 1h, 100), 10U);
}

TEST(TokenBucket, AnotherRateKeepsWhatWasEarned)
{
    token_bucket bucket({10, 1s, 10}, start, bucket_start::empty);
    bucket.set_rate(start + 500ms, {1, 1h, 20});
    EXPECT_EQ(bucket.take(start + 500ms, 20), 5U);
    bucket.set_rate(start + 500ms, {10, 1s, 100});
    bucket.set_rate(start + 10s, {10, 1s, 3});
    EXPECT_EQ(bucket.take(start + 10s, 100), 3U);
}

TEST(TokenBucket, ExtremesDoNotOverflow)
{
    token_bucket slow({1, 24h, rate::count_max}, mono_time{}, bucket_start::empty);
    EXPECT_EQ(slow.next_at(rate::count_max), mono_time::max());
    EXPECT_EQ(slow.take(mono_time::max(), UINT64_MAX), 106'751U);
    token_bucket fast({rate::count_max, 1ms, rate::count_max}, mono_time{});
    EXPECT_EQ(fast.take(mono_time::max(), UINT64_MAX), rate::count_max);
    EXPECT_EQ(fast.take(mono_time::max(), UINT64_MAX), 0U);
}

TEST(TokenBucketProperty, NeverAboveBurstPlusRateAndNextAtIsExact)
{
    seeded_random random(7);
    for (int round = 0; round < 200; ++round)
    {
        const rate r{1 + random.below(1000), milliseconds{1 + random.below(100'000)},
                     1 + random.below(500)};
        token_bucket bucket(r, start);
        mono_time now = start;
        std::uint64_t granted = 0;
        for (int i = 0; i < 200; ++i)
        {
            now += std::chrono::nanoseconds{random.below(2'000'000'000)};
            granted += bucket.take(now, random.below(50));
            const auto span_us = std::chrono::duration<double, std::micro>(now - start).count();
            const double most =
                static_cast<double>(r.burst) + span_us * static_cast<double>(r.count) /
                                                   (static_cast<double>(r.per.count()) * 1000.0);
            ASSERT_LE(static_cast<double>(granted), most + 1e-6);
        }
        const std::uint64_t n = 1 + random.below(r.burst);
        const mono_time at = bucket.next_at(n);
        token_bucket early = bucket;
        if (at > now)
        {
            EXPECT_LT(early.take(at - 1ns, n), n);
        }
        EXPECT_EQ(bucket.take(at, n), n);
    }
}

} // namespace
} // namespace hikyaku::shaping
