#include <hikyaku/base/time.h>
#include <hikyaku/shaping/due_heap.h>
#include <hikyaku/shaping/ready_ring.h>

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

#include "seeded_random.h"

namespace hikyaku::shaping
{
namespace
{

wall_time at(std::int64_t ms)
{
    return from_unix_ms(ms);
}

TEST(DueHeap, SortsByTimeThenHandle)
{
    due_heap<wall_time> heap;
    heap.set(7, at(10));
    heap.set(3, at(10));
    heap.set(5, at(1));
    EXPECT_EQ(heap.pop().which, 5U);
    EXPECT_EQ(heap.pop().which, 3U);
    EXPECT_EQ(heap.pop().which, 7U);
    EXPECT_TRUE(heap.empty());
    EXPECT_FALSE(heap.erase(7));
    EXPECT_DEATH((void)heap.top(), "");
}

TEST(DueHeapProperty, AgreesWithAnOrderedSet)
{
    seeded_random random(42);
    due_heap<wall_time> heap;
    std::set<std::pair<wall_time, std::uint32_t>> model;
    std::map<std::uint32_t, wall_time> times;
    for (int i = 0; i < 50'000; ++i)
    {
        const auto which = static_cast<std::uint32_t>(random.below(300));
        const wall_time due = at(static_cast<std::int64_t>(random.below(500)));
        switch (random.below(4))
        {
        case 0:
        case 1:
            if (times.contains(which))
            {
                model.erase({times[which], which});
            }
            times[which] = due;
            model.insert({due, which});
            heap.set(which, due);
            break;
        case 2:
            ASSERT_EQ(heap.erase(which), times.contains(which));
            if (times.contains(which))
            {
                model.erase({times[which], which});
                times.erase(which);
            }
            break;
        default:
            if (!model.empty())
            {
                const auto popped = heap.pop();
                ASSERT_EQ(std::make_pair(popped.due, popped.which), *model.begin());
                times.erase(popped.which);
                model.erase(model.begin());
            }
        }
        ASSERT_EQ(heap.size(), model.size());
        ASSERT_EQ(heap.contains(which), times.contains(which));
        if (!model.empty())
        {
            ASSERT_EQ(heap.top().which, model.begin()->second);
            ASSERT_EQ(heap.due_of(heap.top().which), model.begin()->first);
        }
    }
}

TEST(DueHeap, RecomputesAfterAJump)
{
    due_heap<wall_time> heap;
    for (std::uint32_t i = 0; i < 100; ++i)
    {
        heap.set(i, at(i));
    }
    heap.recompute([](std::uint32_t which, wall_time) { return at(1000 - which); });
    for (std::uint32_t i = 100; i-- > 0;)
    {
        EXPECT_EQ(heap.pop().which, i);
    }
}

// Serves whole turns until `units` are spent; returns what each handle got.
std::map<std::uint32_t, std::uint64_t> serve(ready_ring& ring, std::uint64_t units)
{
    std::map<std::uint32_t, std::uint64_t> got;
    while (units > 0)
    {
        const auto turn = ring.next();
        const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(turn->credit, units));
        ring.charge(turn->which, n);
        got[turn->which] += n;
        units -= n;
    }
    return got;
}

TEST(ReadyRing, SharesByWeight)
{
    ready_ring ring(10);
    ring.insert(4, 1);
    ring.insert(9, 3);
    ring.insert(2, 1);
    const auto got = serve(ring, 5000);
    EXPECT_EQ(got.at(4), 1000U);
    EXPECT_EQ(got.at(9), 3000U);
    EXPECT_EQ(got.at(2), 1000U);
}

TEST(ReadyRing, StandsStillUntilTheCreditIsUsed)
{
    ready_ring ring;
    ring.insert(1, 2);
    ring.insert(5, 1);
    EXPECT_EQ(ring.next()->which, 1U);
    ring.charge(1, 1);
    EXPECT_EQ(ring.next()->which, 1U);
    EXPECT_EQ(ring.next()->credit, 1U);
    ring.charge(1, 1);
    EXPECT_EQ(ring.next()->which, 5U);
    ring.pass(5);
    EXPECT_EQ(ring.next()->which, 1U);
    EXPECT_EQ(ring.next()->credit, 2U);
    EXPECT_DEATH(ring.charge(1, 3), "");
    EXPECT_DEATH(ring.charge(5, 1), "");
}

TEST(ReadyRing, NewOnesComeLastAndHoardNothing)
{
    ready_ring ring(4);
    EXPECT_EQ(ring.next(), std::nullopt);
    ring.insert(0);
    ring.insert(1);
    ring.charge(ring.next()->which, 1);
    ring.erase(0);
    EXPECT_EQ(ring.next()->which, 1U);
    ring.insert(0);
    EXPECT_EQ(ring.next()->which, 1U);
    ring.pass(1);
    EXPECT_EQ(ring.next()->credit, 4U);
    EXPECT_TRUE(ring.erase(0));
    EXPECT_TRUE(ring.erase(1));
    EXPECT_FALSE(ring.erase(1));
    EXPECT_TRUE(ring.empty());
}

TEST(ReadyRingProperty, NobodyStarvesWhileOthersComeAndGo)
{
    seeded_random random(9);
    ready_ring ring(3);
    std::set<std::uint32_t> inside;
    ring.insert(1000, 1);
    std::uint64_t since = 0;
    for (int i = 0; i < 50'000; ++i)
    {
        const auto which = static_cast<std::uint32_t>(random.below(20));
        if (random.below(4) == 0)
        {
            ring.insert(which, static_cast<std::uint32_t>(1 + random.below(5)));
            inside.insert(which);
        }
        else if (random.below(8) == 0)
        {
            ASSERT_EQ(ring.erase(which), inside.erase(which) == 1);
        }
        ASSERT_EQ(ring.size(), inside.size() + 1);
        const auto turn = ring.next();
        ASSERT_TRUE(turn->which == 1000 || inside.contains(turn->which));
        ASSERT_LE(turn->credit, 15U);
        since = turn->which == 1000 ? 0 : since + 1;
        ASSERT_LE(since, 20U * 15U) << "at most one full round of all others";
        ring.charge(turn->which, static_cast<std::uint32_t>(1 + random.below(turn->credit)));
    }
}

} // namespace
} // namespace hikyaku::shaping
