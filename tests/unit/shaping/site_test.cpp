#include <hikyaku/shaping/concurrency_window.h>
#include <hikyaku/shaping/site_health.h>

#include <gtest/gtest.h>

#include "seeded_random.h"

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;

const mono_time start = mono_time{} + 1h;

TEST(ConcurrencyWindow, GrowsByOneAfterACohortOfSuccesses)
{
    concurrency_window window({2, 4});
    window.on_success();
    EXPECT_EQ(window.size(), 2U);
    window.on_success();
    EXPECT_EQ(window.size(), 3U);
    for (int i = 0; i < 100; ++i)
    {
        window.on_success();
    }
    EXPECT_EQ(window.size(), 4U);
}

TEST(ConcurrencyWindow, HalvesAfterACohortOfFailuresInARow)
{
    concurrency_window window({8, 8});
    for (int i = 0; i < 7; ++i)
    {
        window.on_failure();
    }
    window.on_success();
    EXPECT_EQ(window.size(), 8U) << "one success between them: single hosts fail, the site works";
    for (int i = 0; i < 8; ++i)
    {
        window.on_failure();
    }
    EXPECT_EQ(window.size(), 4U);
    for (int i = 0; i < 100; ++i)
    {
        window.on_failure();
    }
    EXPECT_EQ(window.size(), 1U);
}

TEST(ConcurrencyWindow, IsThrottledOncePerCohort)
{
    concurrency_window window({16, 16});
    for (int i = 0; i < 9; ++i)
    {
        window.on_throttled();
    }
    EXPECT_EQ(window.size(), 8U) << "the nine in flight say the same";
    window.on_throttled();
    EXPECT_EQ(window.size(), 4U);
}

TEST(ConcurrencyWindow, KeepsWithinANewMaximum)
{
    concurrency_window window({50, 10});
    EXPECT_EQ(window.size(), 10U);
    window.set_policy({5, 3});
    EXPECT_EQ(window.size(), 3U);
    concurrency_window least({0, 10});
    EXPECT_EQ(least.size(), 1U);
}

TEST(ConcurrencyWindowProperty, StaysWithinOneAndMax)
{
    seeded_random random(11);
    for (int round = 0; round < 50; ++round)
    {
        const auto max = static_cast<unsigned>(1 + random.below(30));
        concurrency_window window({static_cast<unsigned>(random.below(40)), max});
        for (int i = 0; i < 2000; ++i)
        {
            const unsigned before = window.size();
            const auto what = random.below(3);
            what == 0   ? window.on_success()
            : what == 1 ? window.on_failure()
                        : window.on_throttled();
            ASSERT_GE(window.size(), 1U);
            ASSERT_LE(window.size(), max);
            ASSERT_LE(window.size(), before + (what == 0 ? 1 : 0));
        }
    }
}

health_policy exact_policy()
{
    return {3, 60s, 5min, 0};
}

TEST(SiteHealth, SuspendsAfterConsecutiveFailuresAndProbesWithOne)
{
    seeded_random random(1);
    site_health site(exact_policy());
    EXPECT_FALSE(site.connect_failed(start, random));
    EXPECT_FALSE(site.connect_failed(start, random));
    site.connected();
    EXPECT_FALSE(site.connect_failed(start, random));
    EXPECT_FALSE(site.connect_failed(start, random));
    EXPECT_TRUE(site.connect_failed(start, random));
    EXPECT_EQ(site.resumes_at(), start + 60s);
    EXPECT_FALSE(site.may_connect(start + 59s));
    EXPECT_TRUE(site.may_connect(start + 60s));
    EXPECT_EQ(site.state(), health_state::probing);
    EXPECT_FALSE(site.may_connect(start + 61s)) << "only one probe";
    site.connected();
    EXPECT_EQ(site.state(), health_state::up);
    EXPECT_TRUE(site.may_connect(start + 61s));
}

TEST(SiteHealth, BacksOffTwiceAsLongUpToTheMaximumAndForgetsOnSuccess)
{
    seeded_random random(1);
    site_health site({1, 60s, 5min, 0});
    mono_time now = start;
    for (const milliseconds wait : {milliseconds{60s}, milliseconds{120s}, milliseconds{240s},
                                    milliseconds{300s}, milliseconds{300s}})
    {
        EXPECT_TRUE(site.connect_failed(now, random));
        EXPECT_EQ(site.resumes_at(), now + wait);
        now += wait;
        EXPECT_TRUE(site.may_connect(now));
    }
    site.connected();
    EXPECT_TRUE(site.connect_failed(now, random));
    EXPECT_EQ(site.resumes_at(), now + 60s);
}

TEST(SiteHealth, JitterOnlyLengthens)
{
    seeded_random random(5);
    for (int i = 0; i < 200; ++i)
    {
        site_health site({1, 100s, 100s, 20});
        site.connect_failed(start, random);
        EXPECT_GE(site.resumes_at(), start + 100s);
        EXPECT_LE(site.resumes_at(), start + 120s);
    }
}

TEST(SiteHealth, LateAnswersDoNotEndAnAskedSuspension)
{
    seeded_random random(1);
    site_health site(exact_policy());
    site.suspend(start, 1h);
    site.connected();
    EXPECT_FALSE(site.connect_failed(start, random));
    EXPECT_EQ(site.resumes_at(), start + 1h);
    site.suspend(start, 5min);
    EXPECT_EQ(site.resumes_at(), start + 1h) << "a shorter one does not shorten";
    EXPECT_FALSE(site.may_connect(start + 59min));
    site.resume();
    EXPECT_TRUE(site.may_connect(start));
}

TEST(SiteHealth, ALateSuccessEndsASuspensionForFailures)
{
    seeded_random random(1);
    site_health site({1, 60s, 5min, 0});
    site.connect_failed(start, random);
    site.connected();
    EXPECT_EQ(site.state(), health_state::up);
}

TEST(SiteHealth, AnAbandonedProbeIsTriedAgainAtOnce)
{
    seeded_random random(1);
    site_health site({1, 60s, 5min, 0});
    site.connect_failed(start, random);
    EXPECT_TRUE(site.may_connect(start + 60s));
    site.abandoned(start + 61s);
    EXPECT_TRUE(site.may_connect(start + 61s));
    site.connected();
    site.abandoned(start + 62s);
    EXPECT_EQ(site.state(), health_state::up);
}

} // namespace
} // namespace hikyaku::shaping
