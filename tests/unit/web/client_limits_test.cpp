#include <gtest/gtest.h>

#include "client_limits.h"

namespace hikyaku::web
{
namespace
{

class hand_clock final : public clock
{
public:
    [[nodiscard]] wall_time wall() const noexcept override { return {}; }
    [[nodiscard]] mono_time mono() const noexcept override { return now; }
    mono_time now{};
};

TEST(ClientAddress, IsTheLastThatIsNoProxy)
{
    struct row
    {
        const char* peer;
        std::vector<const char*> forwarded;
        const char* expected;
    };
    const row rows[] = {
        {"198.51.100.7", {}, "198.51.100.7"},
        {"198.51.100.7", {"203.0.113.1"}, "198.51.100.7"},
        {"127.0.0.1", {}, "127.0.0.1"},
        {"127.0.0.1", {"203.0.113.1"}, "203.0.113.1"},
        {"127.0.0.1", {"1.2.3.4, 203.0.113.1"}, "203.0.113.1"},
        {"127.0.0.1", {"203.0.113.1, 10.0.0.5 ,\t10.1.2.3"}, "203.0.113.1"},
        {"127.0.0.1", {"203.0.113.1", "10.0.0.5"}, "203.0.113.1"},
        {"127.0.0.1", {"203.0.113.1", "nobody"}, "127.0.0.1"},
        {"127.0.0.1", {"203.0.113.1, "}, "127.0.0.1"},
        {"127.0.0.1", {"10.0.0.5"}, "10.0.0.5"},
        {"::ffff:127.0.0.1", {"::ffff:203.0.113.1"}, "203.0.113.1"},
        {"127.0.0.1", {"2001:DB8::1"}, "2001:db8::1"},
        {"127.0.0.1", {"203.0.113.1:80"}, "127.0.0.1"},
        {"", {"203.0.113.1"}, ""},
    };
    const auto proxies = make_proxies({"127.0.0.1/32", "10.0.0.0/8"});
    for (const auto& r : rows)
    {
        http::request request;
        request.remote_address = r.peer;
        for (const auto* value : r.forwarded)
        {
            request.headers.add("x-forwarded-for", value);
        }
        EXPECT_EQ(client_address(request, proxies), r.expected)
            << r.peer << " " << (r.forwarded.empty() ? "" : r.forwarded.front());
    }
}

TEST(ClientLimits, EachAddressAndEachV6NetworkHasItsOwn)
{
    hand_clock clock;
    client_limits limits(clock, {.proxies = {}, .requests_per_s = 1, .requests_burst = 3});
    for (int i = 0; i < 3; ++i)
    {
        EXPECT_FALSE(limits.refuse("192.0.2.1"));
        EXPECT_FALSE(limits.refuse("2001:db8::" + std::to_string(i)));
    }
    EXPECT_EQ(limits.refuse("192.0.2.1"), seconds{1});
    EXPECT_TRUE(limits.refuse("2001:db8::ffff"));
    EXPECT_FALSE(limits.refuse("2001:db8:0:1::1"));
    EXPECT_FALSE(limits.refuse("192.0.2.2"));
    EXPECT_FALSE(limits.refuse(""));
    clock.now += seconds{1};
    EXPECT_FALSE(limits.refuse("192.0.2.1"));
    EXPECT_TRUE(limits.refuse("192.0.2.1"));
}

TEST(ClientLimits, TheTableIsBounded)
{
    hand_clock clock;
    client_limits limits(clock, {.proxies = {}, .requests_per_s = 1, .requests_burst = 2});
    const auto name = [](std::size_t i)
    {
        return std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 0xFF) + "." +
               std::to_string(i & 0xFF) + ".1";
    };
    for (std::size_t i = 0; i < client_limits::clients_max; ++i)
    {
        EXPECT_FALSE(limits.refuse(name(i)));
    }
    // New ones share a bucket now.
    EXPECT_FALSE(limits.refuse("new-1"));
    EXPECT_FALSE(limits.refuse("new-2"));
    EXPECT_TRUE(limits.refuse("new-3"));
    EXPECT_FALSE(limits.refuse(name(0))) << "who has one keeps it";
    clock.now += seconds{5};
    EXPECT_FALSE(limits.refuse("new-3"));
    EXPECT_FALSE(limits.refuse("new-4"));
    EXPECT_FALSE(limits.refuse("new-5")) << "full buckets were dropped";
}

} // namespace
} // namespace hikyaku::web
