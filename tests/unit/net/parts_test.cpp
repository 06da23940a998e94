#include "loopback.h"

#include <hikyaku/net/address.h>
#include <hikyaku/net/blocking_pool.h>
#include <hikyaku/net/task_group.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace hikyaku::net
{
namespace
{

asio::ip::address at(const char* text)
{
    return asio::ip::make_address(text);
}

TEST(IpNetwork, ContainsByPrefix)
{
    const auto n = *ip_network::parse("192.0.2.64/26");
    EXPECT_TRUE(n.contains(at("192.0.2.64")));
    EXPECT_TRUE(n.contains(at("192.0.2.127")));
    EXPECT_FALSE(n.contains(at("192.0.2.128")));
    EXPECT_FALSE(n.contains(at("192.0.2.63")));
    EXPECT_FALSE(n.contains(at("::ffff:192.0.2.64"))); // the list looks inside, a network doesn't
    EXPECT_EQ(n.to_string(), "192.0.2.64/26");
    EXPECT_TRUE(ip_network::parse("0.0.0.0/0")->contains(at("255.1.2.3")));
    EXPECT_FALSE(ip_network::parse("0.0.0.0/0")->contains(at("::1")));
    EXPECT_EQ(ip_network::parse("2001:db8::1")->prefix_bits(), 128u);
    EXPECT_TRUE(ip_network::parse("fe80::/10")->contains(at("febf::1")));
    EXPECT_FALSE(ip_network::parse("fe80::/10")->contains(at("fec0::1")));
}

TEST(IpNetwork, BadTextIsRefused)
{
    for (const char* bad :
         {"", "/", "1.2.3", "1.2.3.0/33", "1.2.3.0/-1", "1.2.3.0/+1", "1.2.3.0/", "1.2.3.0/8x",
          "1.2.3.4/24", "::/129", "fe80::1%lo/64", "mx.example/24", "01.2.3.4"})
    {
        EXPECT_TRUE(ip_network::parse(bad).has_error()) << bad;
    }
}

TEST(ForbiddenNetworks, Rows)
{
    const network_list list = default_forbidden_networks();
    for (const char* bad : {"0.0.0.0",
                            "0.1.2.3",
                            "10.1.2.3",
                            "100.64.0.1",
                            "100.127.255.255",
                            "127.0.0.1",
                            "127.255.0.1",
                            "169.254.169.254",
                            "172.16.0.1",
                            "172.31.255.255",
                            "192.168.1.1",
                            "192.0.2.1",
                            "198.18.0.1",
                            "198.51.100.1",
                            "203.0.113.1",
                            "224.0.0.1",
                            "240.0.0.1",
                            "255.255.255.255",
                            "::",
                            "::1",
                            "::127.0.0.1",
                            "::ffff:127.0.0.1",
                            "::ffff:10.0.0.1",
                            "64:ff9b::10.0.0.1",
                            "64:ff9b:1::1",
                            "2002:7f00:1::1",
                            "2002:c0a8:101::1",
                            "2001:db8::1",
                            "2001::1",
                            "fc00::1",
                            "fdff::1",
                            "fe80::1",
                            "fec0::1",
                            "ff02::1",
                            "100::1"})
    {
        EXPECT_TRUE(list.contains(at(bad))) << bad;
    }
    for (const char* good : {"8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1",
                             "128.0.0.1", "192.0.1.1", "223.255.255.255", "2606:4700::1",
                             "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1", "2400::1"})
    {
        EXPECT_FALSE(list.contains(at(good))) << good;
    }
}

TEST(EmbeddedV4, Rows)
{
    EXPECT_EQ(embedded_v4(at("::ffff:1.2.3.4"))->to_string(), "1.2.3.4");
    EXPECT_EQ(embedded_v4(at("64:ff9b::1.2.3.4"))->to_string(), "1.2.3.4");
    EXPECT_EQ(embedded_v4(at("2002:102:304::9"))->to_string(), "1.2.3.4");
    EXPECT_FALSE(embedded_v4(at("::1")).has_value());
    EXPECT_FALSE(embedded_v4(at("::")).has_value());
    EXPECT_FALSE(embedded_v4(at("1.2.3.4")).has_value());
    EXPECT_FALSE(embedded_v4(at("64:ff9b:1::1.2.3.4")).has_value());
    EXPECT_FALSE(embedded_v4(at("2001:db8::1.2.3.4")).has_value());
}

// --- task group -----------------------------------------------------------------------------

asio::awaitable<void> count_turns(int turns, int& sum)
{
    for (int i = 0; i < turns; ++i)
    {
        co_await asio::post(asio::use_awaitable);
        ++sum;
    }
}

asio::awaitable<void> spawn_another(task_group& group, int& sum)
{
    co_await asio::post(asio::use_awaitable);
    group.spawn("inner", count_turns(5, sum));
}

asio::awaitable<bool> wait_for(task_group& group)
{
    co_await group.async_wait();
    co_return true;
}

asio::awaitable<void> fail()
{
    co_await asio::post(asio::use_awaitable);
    throw std::runtime_error("boom");
}

TEST(TaskGroup, WaitsForAllAndForLateOnes)
{
    testing::shard s;
    task_group group(s.context.get_executor());
    int sum = 0;
    EXPECT_TRUE(s.run(wait_for(group))); // nothing to wait for
    group.spawn("three", count_turns(3, sum));
    group.spawn("another", spawn_another(group, sum));
    EXPECT_EQ(group.size(), 2u);
    EXPECT_TRUE(s.run(wait_for(group)));
    EXPECT_EQ(group.size(), 0u);
    EXPECT_EQ(sum, 8);
}

void run_failing_task()
{
    asio::io_context context;
    task_group group(context.get_executor());
    group.spawn("failing", fail());
    context.run();
}

TEST(TaskGroupDeathTest, AnExceptionEndsTheProcess)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(run_failing_task(), "boom");
}

// --- blocking pool --------------------------------------------------------------------------

TEST(BlockingPool, RunsQueuedJobsBeforeItStops)
{
    std::atomic<int> done{0};
    blocking_pool pool({.threads = 2, .queue_max = 100});
    for (int i = 0; i < 50; ++i)
    {
        ASSERT_TRUE(pool.post([&done] { ++done; }));
    }
    pool.stop();
    EXPECT_EQ(done, 50);
    EXPECT_FALSE(pool.post([&done] { ++done; }));
    pool.stop();
    EXPECT_EQ(done, 50);
}

TEST(BlockingPool, RefusesWhenFull)
{
    std::promise<void> started;
    std::promise<void> release;
    const std::shared_future<void> released = release.get_future().share();
    blocking_pool pool({.threads = 1, .queue_max = 2});
    ASSERT_TRUE(pool.post(
        [&]
        {
            started.set_value();
            released.wait();
        }));
    started.get_future().wait();
    EXPECT_TRUE(pool.post([] {}));
    EXPECT_TRUE(pool.post([] {}));
    EXPECT_EQ(pool.queued(), 2u);
    EXPECT_FALSE(pool.post([] {}));
    release.set_value();
}

// --- sweeper --------------------------------------------------------------------------------

class recorded_deadline final : public deadline
{
public:
    recorded_deadline(deadline_sweeper& sweeper, std::function<void()> action)
        : deadline(sweeper), action_(std::move(action))
    {
    }

private:
    void on_expired() noexcept override { action_(); }
    std::function<void()> action_;
};

TEST(DeadlineSweeper, ExpiresEachOnceAndSurvivesRemovalWhileSweeping)
{
    testing::manual_clock clock;
    asio::io_context context;
    deadline_sweeper sweeper(context.get_executor(), clock);
    int fired = 0;
    std::vector<std::unique_ptr<recorded_deadline>> all(3);
    for (auto& d : all)
    {
        d = std::make_unique<recorded_deadline>(sweeper, [&] { ++fired; });
    }
    auto killer = std::make_unique<recorded_deadline>(sweeper, [&] { all.clear(); });
    all[0]->expire_at(clock.now + seconds{1});
    sweeper.sweep();
    EXPECT_EQ(fired, 0);
    clock.now += seconds{1};
    sweeper.sweep();
    sweeper.sweep();
    EXPECT_EQ(fired, 1);
    EXPECT_TRUE(all[0]->expired());
    EXPECT_FALSE(all[1]->expired());
    all[1]->expire_at(clock.now);
    all[1]->clear();
    sweeper.sweep();
    EXPECT_EQ(fired, 1);
    killer->expire_at(clock.now);
    sweeper.sweep();
    EXPECT_EQ(sweeper.size(), 1u);
    killer.reset();
    EXPECT_EQ(sweeper.size(), 0u);
    context.run(); // ends: no deadlines, no timer
}

} // namespace
} // namespace hikyaku::net
