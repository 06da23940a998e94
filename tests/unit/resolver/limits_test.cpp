#include "fixture.h"

#include <hikyaku/resolver/asio_address.h>

#include "lru_cache.h"

namespace hikyaku::resolver::test
{
namespace
{

using dns::lookup_status;

TEST_F(ResolverTest, AnswersAreCachedUntilTheirTtl)
{
    make(options());
    host_domain("example.jp");
    const answer_ptr first = resolve("example.jp");
    EXPECT_EQ(resolve("example.jp"), first);
    EXPECT_EQ(dut->cached_mx("example.jp"), first);
    EXPECT_EQ(dut->stats().cache_hits, 1U);
    EXPECT_EQ(server.asked("example.jp", record_type::mx), 1);
    time.advance(first->ttl);
    EXPECT_EQ(dut->cached_mx("example.jp"), nullptr);
    EXPECT_EQ(resolve("example.jp")->status, lookup_status::ok);
    EXPECT_EQ(server.asked("example.jp", record_type::mx), 2);
    dut->clear_cache();
    EXPECT_EQ(dut->cached_mx("example.jp"), nullptr);
}

TEST_F(ResolverTest, OneLookupForManyCallers)
{
    make(options());
    host_domain("example.jp");
    int called = 0;
    for (int i = 0; i < 100; ++i)
    {
        dut->resolve_mx(std::string_view("example.jp"), [&called](const answer_ptr& a)
                        { called += a->status == lookup_status::ok ? 1 : 0; });
    }
    run_until([&called] { return called == 100; });
    EXPECT_EQ(server.questions(), 3);
    EXPECT_EQ(dut->stats().joined, 99U);
}

TEST_F(ResolverTest, DomainsShareTheAddressesOfAHost)
{
    make(options());
    server.on_everything(
        [](const question& q, bool)
        {
            packet p(q);
            return dns_server::reply{
                q.type == record_type::mx  ? p.mx(q.name, 1, "mx.provider.jp").bytes()
                : q.type == record_type::a ? p.address(q.name, "192.0.2.1").bytes()
                                           : p.bytes()};
        });
    int ok = 0;
    for (int i = 0; i < 50; ++i)
    {
        dut->resolve_mx("d" + std::to_string(i) + ".jp", [&ok](const answer_ptr& a)
                        { ok += a->site == "mx.provider.jp" && !a->hosts[0].addresses.empty(); });
    }
    run_until([&ok] { return ok == 50; });
    EXPECT_EQ(server.asked("mx.provider.jp", record_type::a), 1);
    EXPECT_EQ(server.questions(), 52);
}

TEST_F(ResolverTest, LookupsBeyondTheLimitWaitTheirTurn)
{
    resolver_options o = options();
    o.lookups_in_flight_max = 2;
    o.lookups_waiting_max = 7;
    o.queries_in_flight_max = 1;
    make(o);
    int ok = 0;
    int busy = 0;
    std::size_t most = 0;
    for (int i = 0; i < 10; ++i)
    {
        const std::string name = "d" + std::to_string(i) + ".jp";
        host_domain(name);
        dut->resolve_mx(std::string_view(name),
                        [&](const answer_ptr& a)
                        {
                            ok += a->status == lookup_status::ok;
                            busy += a->status == lookup_status::temporary;
                            most = std::max(most, dut->stats().in_flight);
                        });
    }
    EXPECT_EQ(dut->stats().waiting, 7U);
    EXPECT_EQ(dut->stats().refused_busy, 1U);
    run_until([&] { return ok + busy == 10; });
    EXPECT_EQ(ok, 9);
    EXPECT_LE(most, 2U);
    EXPECT_EQ(dut->stats().in_flight, 0U);
}

TEST_F(ResolverTest, CallersOfOneLookupAreBounded)
{
    resolver_options o = options();
    o.waiters_per_lookup_max = 2;
    make(o);
    host_domain("example.jp");
    std::string outcomes;
    for (int i = 0; i < 3; ++i)
    {
        dut->resolve_mx(std::string_view("example.jp"), [&outcomes](const answer_ptr& a)
                        { outcomes += dns::lookup_status_name(a->status) + std::string(" "); });
    }
    run_until([&outcomes] { return outcomes == "temporary ok ok "; });
}

TEST_F(ResolverTest, SourcePortsAndIdsChange)
{
    resolver_options o = options();
    o.queries_per_port_max = 2;
    make(o);
    for (int i = 0; i < 10; ++i)
    {
        const std::string name = "d" + std::to_string(i) + ".jp";
        host_domain(name);
        EXPECT_EQ(resolve(name)->status, lookup_status::ok);
    }
    EXPECT_EQ(server.questions(), 30);
    EXPECT_GE(server.source_ports().size(), 10U);
    EXPECT_GE(server.ids().size(), 25U);
}

TEST_F(ResolverTest, DestructionForgetsLookupsUnderWay)
{
    make(options());
    server.on_everything([](const question&, bool) { return dns_server::reply{}; });
    const auto alive = std::make_shared<int>(0);
    bool called = false;
    for (int i = 0; i < 300; ++i)
    {
        dut->resolve_mx("d" + std::to_string(i) + ".jp",
                        [alive, &called](const answer_ptr&) { called = true; });
    }
    run_until([this] { return server.questions() >= 100; });
    dut.reset();
    EXPECT_EQ(alive.use_count(), 1);
    context.restart();
    context.poll();
    EXPECT_FALSE(called);
}

TEST_F(ResolverTest, NoCallbackAfterDestructionEvenWhenItsAnswerIsReady)
{
    make(options());
    host_domain("example.jp");
    EXPECT_EQ(resolve("example.jp")->status, lookup_status::ok);
    bool called = false;
    dut->resolve_mx(std::string_view("example.jp"),
                    [&called](const answer_ptr&) { called = true; });
    dut->resolve_mx(std::string_view("no name"), [&called](const answer_ptr&) { called = true; });
    dut.reset();
    context.restart();
    EXPECT_GT(context.poll(), 0U);
    EXPECT_FALSE(called);
}

TEST_F(ResolverTest, DestructionFromACallbackIsSafe)
{
    make(options());
    host_domain("example.jp");
    server.on("silent.jp", record_type::mx,
              [](const question&, bool) { return dns_server::reply{}; });
    dut->resolve_mx(std::string_view("silent.jp"), [](const answer_ptr&) { FAIL(); });
    dut->resolve_mx(std::string_view("example.jp"), [this](const answer_ptr&) { dut.reset(); });
    run_until([this] { return dut == nullptr; });
    context.restart();
    context.poll();
}

asio::awaitable<void> await_answer(resolver& from, std::string domain, std::string& out)
{
    const dns::mx_answer a = co_await from.resolve_mx(std::move(domain));
    out = hosts_text(a);
}

TEST_F(ResolverTest, CoroutinesGetTheAnswer)
{
    make(options());
    host_domain("example.jp");
    std::string out;
    asio::co_spawn(context, await_answer(*dut, "example.jp", out), asio::detached);
    run_until([&out] { return !out.empty(); });
    EXPECT_EQ(out, "mx.example.jp 192.0.2.1; ");
}

TEST_F(ResolverTest, DestructionUnwindsWaitingCoroutines)
{
    make(options());
    server.on_everything([](const question&, bool) { return dns_server::reply{}; });
    std::string out;
    asio::co_spawn(context, await_answer(*dut, "example.jp", out), asio::detached);
    run_until([this] { return server.questions() > 0; });
    dut.reset();
    context.restart();
    context.poll();
    EXPECT_EQ(out, "");
}

TEST_F(ResolverTest, ReloadChangesTheServersForWhatIsAskedNext)
{
    make(options());
    server.on_everything([](const question&, bool) { return dns_server::reply{}; });
    dut->resolve_mx(std::string_view("old.jp"), [](const answer_ptr&) {});
    run_until([this] { return server.questions() == 1; });
    dns_server second(context);
    second.answer("example.jp", record_type::a,
                  [](packet p) { return p.address("example.jp", "192.0.2.7"); });
    EXPECT_TRUE(dut->reload({"nonsense"}).has_error());
    ASSERT_TRUE(dut->reload({second.address()}).has_value());
    EXPECT_EQ(hosts_text(*resolve("example.jp")), "example.jp 192.0.2.7; ");
    EXPECT_EQ(server.questions(), 1);
    ASSERT_TRUE(dut->reload({}).has_value());
    EXPECT_EQ(resolve("other.jp")->status, lookup_status::temporary);
}

TEST_F(ResolverTest, UnreachableServersEndAsTemporary)
{
    resolver_options o = impatient();
    {
        dns_server gone(context);
        o.servers = {gone.address()};
    }
    make(o);
    EXPECT_EQ(resolve("example.jp")->status, lookup_status::temporary);
    o.servers.clear();
    make(o);
    EXPECT_EQ(resolve("example.jp")->status, lookup_status::temporary);
}

TEST_F(ResolverTest, ServersMayBeIpv6)
{
    std::unique_ptr<dns_server> six;
    try
    {
        six = std::make_unique<dns_server>(context, asio::ip::address_v6::loopback());
    }
    catch (const boost::system::system_error&)
    {
        GTEST_SKIP() << "no IPv6 loopback";
    }
    six->answer("example.jp", record_type::a,
                [](packet p) { return p.address("example.jp", "192.0.2.6"); });
    resolver_options o = options();
    o.servers = {six->address()};
    make(o);
    EXPECT_EQ(hosts_text(*resolve("example.jp")), "example.jp 192.0.2.6; ");
}

TEST(Servers, AreChecked)
{
    for (const char* good : {"192.0.2.1", "192.0.2.1:5353", "::1", "[::1]", "[2001:db8::1]:53"})
    {
        EXPECT_TRUE(check_servers({good}).has_value()) << good;
    }
    for (const char* bad : {"", "dns.example.jp", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
                            "192.0.2.1:5x", "[::1", "[::1]53", "[::1]:", "[]:53", "192.0.2.1 "})
    {
        const auto checked = check_servers({"192.0.2.1", bad});
        ASSERT_TRUE(checked.has_error()) << bad;
        EXPECT_NE(checked.error().text.find('"' + std::string(bad) + '"'), std::string::npos);
    }
}

TEST(AsioAddress, RoundTrips)
{
    for (const char* text : {"192.0.2.1", "2001:db8::1"})
    {
        const dns::ip_address ip = *dns::parse_ip(text);
        EXPECT_EQ(to_asio(ip).to_string(), text);
        EXPECT_EQ(from_asio(to_asio(ip)), ip);
    }
}

TEST(LruCache, EvictsTheLeastRecentlyUsed)
{
    const mono_time now{std::chrono::hours{1}};
    const mono_time later = now + std::chrono::hours{1};
    lru_cache<int> cache(2, 1 << 20);
    cache.put("a", 1, 10, later);
    cache.put("b", 2, 10, later);
    ASSERT_NE(cache.find("a", now), nullptr);
    cache.put("c", 3, 10, later);
    EXPECT_EQ(cache.find("b", now), nullptr);
    EXPECT_EQ(*cache.find("a", now), 1);
    EXPECT_EQ(cache.find("a", later), nullptr);
    EXPECT_EQ(cache.size(), 1U);
    cache.put("c", 4, 10, later);
    EXPECT_EQ(*cache.find("c", now), 4);
    cache.clear();
    EXPECT_EQ(cache.bytes(), 0U);
}

TEST(LruCache, IsBoundedInBytes)
{
    const mono_time now{std::chrono::hours{1}};
    lru_cache<int> cache(1000, 1000);
    for (int i = 0; i < 100; ++i)
    {
        cache.put("name" + std::to_string(i), i, 100, now + std::chrono::hours{1});
        EXPECT_LE(cache.bytes(), 1000U);
    }
    EXPECT_EQ(cache.size(), 4U);
    EXPECT_NE(cache.find("name99", now), nullptr);
    cache.put("huge", 1, 2000, now + std::chrono::hours{1});
    EXPECT_EQ(cache.find("huge", now), nullptr);
    EXPECT_EQ(cache.size(), 4U);
}

} // namespace
} // namespace hikyaku::resolver::test
