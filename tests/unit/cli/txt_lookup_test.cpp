#include "txt_lookup.h"

#include <gtest/gtest.h>

#include "dns_thread.h"

namespace hikyaku::cli
{
namespace
{

using test::dns_thread;
using strings = std::vector<std::string>;

txt_answer look_up(const std::vector<std::string>& servers, const std::string& name,
                   milliseconds timeout = milliseconds{5'000})
{
    std::vector<dns_endpoint> endpoints;
    for (const auto& server : servers)
    {
        endpoints.push_back(*parse_dns_endpoint(server));
    }
    return txt_lookup(std::move(endpoints), timeout, system_random()).look_up(name);
}

TEST(TxtLookup, JoinsStringsAndKeepsRecordsApart)
{
    dns_thread dns;
    dns.txt("k.example", {std::string(600, 'x'), ""}, false);
    const auto got = look_up({dns.start()}, "K.example.");
    EXPECT_EQ(got.status, txt_status::found);
    EXPECT_EQ(got.texts, (strings{std::string(600, 'x'), ""}));
}

TEST(TxtLookup, ForgedIdIsIgnoredAndTruncationGoesToTcp)
{
    dns_thread dns;
    dns.txt("k.example", {"v=DKIM1"}, true);
    EXPECT_EQ(look_up({dns.start()}, "k.example").texts, strings{"v=DKIM1"});
}

TEST(TxtLookup, AliasesAreFollowed)
{
    dns_thread dns;
    dns.alias("k.example", "real.example");
    dns.txt("real.example", {"here"}, false);
    EXPECT_EQ(look_up({dns.start()}, "k.example").texts, strings{"here"});
}

TEST(TxtLookup, AliasLoopEnds)
{
    dns_thread dns;
    dns.alias("a.example", "b.example");
    dns.alias("b.example", "a.example");
    EXPECT_EQ(look_up({dns.start()}, "a.example").status, txt_status::temporary);
}

TEST(TxtLookup, NoRecordAndBadNameAreNotFound)
{
    dns_thread dns;
    const auto server = dns.start();
    EXPECT_EQ(look_up({server}, "nothing.example").status, txt_status::not_found);
    EXPECT_EQ(look_up({server}, "").status, txt_status::not_found);
    EXPECT_EQ(look_up({server}, "a..b").status, txt_status::not_found);
    EXPECT_EQ(look_up({server}, std::string(300, 'a')).status, txt_status::not_found);
}

TEST(TxtLookup, NextServerIsAskedWhenOneRefuses)
{
    dns_thread bad;
    bad.refuse("k.example");
    dns_thread good;
    good.txt("k.example", {"here"}, false);
    EXPECT_EQ(look_up({bad.start(), good.start()}, "k.example").texts, strings{"here"});
}

TEST(TxtLookup, SilenceAndClosedPortAreTemporary)
{
    dns_thread dns;
    dns.silent("k.example");
    EXPECT_EQ(look_up({dns.start()}, "k.example", milliseconds{50}).status, txt_status::temporary);
    const auto closed = look_up({"127.0.0.1:1"}, "k.example", milliseconds{5'000});
    EXPECT_EQ(closed.status, txt_status::temporary);
    EXPECT_EQ(look_up({}, "k.example", milliseconds{50}).status, txt_status::temporary);
}

TEST(DnsServers, Endpoints)
{
    for (const char* good : {"127.0.0.1", "127.0.0.1:5353", "2001:db8::1", "[2001:db8::1]",
                             "[::1]:53", "localhost:53", "localhost"})
    {
        EXPECT_TRUE(parse_dns_endpoint(good).has_value()) << good;
    }
    for (const char* bad : {"", "dns.example", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
                            "127.0.0.1:53x", "[::1", "[::1]53", "[::1]:", "1.2.3", ":53"})
    {
        EXPECT_FALSE(parse_dns_endpoint(bad).has_value()) << bad;
    }
    EXPECT_EQ(*dns_servers("localhost:5353"), strings{"127.0.0.1:5353"});
    EXPECT_EQ(*dns_servers("192.0.2.1"), strings{"192.0.2.1"});
    EXPECT_FALSE(dns_servers("").value().empty());
}

TEST(DnsServers, ResolvConf)
{
    EXPECT_EQ(servers_in("# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\n"
                         "nameserver\t2001:db8::1 \nnameserver fe80::1%eth0\nnameserver\n"
                         "nameserver 192.0.2.2\nnameserver 192.0.2.3\n"),
              (strings{"192.0.2.1", "2001:db8::1", "192.0.2.2"}));
    EXPECT_EQ(servers_in(""), strings{});
}

} // namespace
} // namespace hikyaku::cli
