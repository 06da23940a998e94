#include "fixture.h"

#include <hikyaku/dns/rrset.h>

#include <random>

namespace hikyaku::resolver::test
{
namespace
{

using dns::lookup_status;
using dns::response_code;

TEST_F(ResolverTest, ResolvesHostsInOrder)
{
    make(options());
    server.answer("example.jp", record_type::mx, [](packet p)
                  { return p.mx("example.jp", 20, "b.jp").mx("example.jp", 10, "A.jp", 100); });
    server.answer("a.jp", record_type::a, [](packet p) { return p.address("a.jp", "192.0.2.1"); });
    server.answer("a.jp", record_type::aaaa,
                  [](packet p) { return p.address("a.jp", "2001:db8::1"); });
    server.answer("b.jp", record_type::a, [](packet p) { return p.address("b.jp", "192.0.2.2"); });
    const answer_ptr a = resolve("Example.JP.");
    EXPECT_EQ(a->status, lookup_status::ok) << a->reason;
    EXPECT_EQ(hosts_text(*a), "a.jp 192.0.2.1 2001:db8::1; b.jp 192.0.2.2; ");
    EXPECT_EQ(a->site, "a.jp,b.jp");
    EXPECT_EQ(a->ttl.count(), 100);
    EXPECT_TRUE(server.always_edns());
    EXPECT_EQ(server.questions(), 5);
}

TEST_F(ResolverTest, ImplicitMx)
{
    make(options());
    server.answer("example.jp", record_type::a,
                  [](packet p) { return p.address("example.jp", "192.0.2.9"); });
    const answer_ptr a = resolve("example.jp");
    EXPECT_EQ(a->status, lookup_status::ok);
    EXPECT_TRUE(a->implicit_mx);
    EXPECT_EQ(hosts_text(*a), "example.jp 192.0.2.9; ");
    EXPECT_EQ(resolve("nothing.jp")->status, lookup_status::no_address);
}

TEST_F(ResolverTest, NullMxAsksForNoAddress)
{
    make(options());
    server.answer("example.jp", record_type::mx,
                  [](packet p) { return p.mx("example.jp", 0, ""); });
    EXPECT_EQ(resolve("example.jp")->status, lookup_status::null_mx);
    EXPECT_EQ(server.questions(), 1);
}

TEST_F(ResolverTest, NxdomainIsKeptForTheMinimumOfItsSoa)
{
    make(options());
    server.answer("nx.jp", record_type::mx,
                  [](packet p) { return p.code(response_code::name_error).soa("jp", 600); });
    EXPECT_EQ(resolve("nx.jp")->status, lookup_status::no_domain);
    time.advance(std::chrono::seconds{599});
    ASSERT_NE(dut->cached_mx("NX.jp"), nullptr);
    EXPECT_EQ(resolve("nx.jp")->status, lookup_status::no_domain);
    EXPECT_EQ(server.questions(), 1);
    time.advance(std::chrono::seconds{1});
    EXPECT_EQ(dut->cached_mx("nx.jp"), nullptr);
    EXPECT_EQ(resolve("nx.jp")->status, lookup_status::no_domain);
    EXPECT_EQ(server.questions(), 2);
}

TEST_F(ResolverTest, RubbishBeforeTheAnswerIsIgnored)
{
    make(options());
    host_domain("example.jp");
    server.on("example.jp", record_type::mx,
              [](const question& q, bool)
              {
                  const auto forged = [](question other)
                  { return packet(other).mx(other.name, 1, "evil.jp"); };
                  const auto wrong_id = static_cast<std::uint16_t>(q.id + 1);
                  return dns_server::reply{
                      "",
                      "x",
                      std::string(12, '\0'),
                      forged(q).id(wrong_id).bytes(),
                      forged({q.id, "example.com", q.type}).bytes(),
                      forged({q.id, q.name, record_type::a}).bytes(),
                      packet(q).mx("example.jp", 10, "mx.example.jp").bytes(),
                      forged(q).bytes(),
                  };
              });
    EXPECT_EQ(hosts_text(*resolve("example.jp")), "mx.example.jp 192.0.2.1; ");
}

TEST_F(ResolverTest, OnlyWrongIdsEndAsTemporary)
{
    make(impatient());
    server.on_everything(
        [](const question& q, bool)
        {
            const auto wrong_id = static_cast<std::uint16_t>(q.id ^ 0x8000);
            return dns_server::reply{packet(q).id(wrong_id).mx(q.name, 1, "evil.jp").bytes()};
        });
    EXPECT_EQ(resolve("example.jp")->status, lookup_status::temporary);
}

TEST_F(ResolverTest, MalformedAnswersEndAsTemporary)
{
    make(options());
    server.on_everything(
        [](const question& q, bool)
        {
            std::string bytes = packet(q).mx(q.name, 1, "a.jp").bytes();
            bytes.resize(bytes.size() - 2);
            return dns_server::reply{bytes};
        });
    const answer_ptr a = resolve("example.jp");
    EXPECT_EQ(a->status, lookup_status::temporary);
    EXPECT_EQ(a->reason, "malformed answer (cut off inside a name) for MX of example.jp");
    EXPECT_EQ(dut->stats().malformed, 1U);
}

TEST_F(ResolverTest, TruncatedAnswersAreAskedForOverTcp)
{
    make(options());
    server.on("flood.jp", record_type::mx,
              [](const question& q, bool over_tcp)
              {
                  if (!over_tcp)
                  {
                      return dns_server::reply{
                          packet(q, dns::test::response_flags | dns::test::truncated_flag).bytes()};
                  }
                  packet p(q);
                  for (int i = 0; i < 500; ++i)
                  {
                      p.mx(q.name, 10, "m" + std::to_string(1000 + i) + ".jp");
                  }
                  return dns_server::reply{p.bytes()};
              });
    server.on_everything(
        [](const question& q, bool)
        {
            packet p(q);
            for (int i = 0; i < 40 && q.type == record_type::a; ++i)
            {
                p.address(q.name, "192.0.2." + std::to_string(i));
            }
            return dns_server::reply{p.bytes()};
        });
    const answer_ptr a = resolve("flood.jp");
    EXPECT_EQ(a->status, lookup_status::ok) << a->reason;
    EXPECT_EQ(server.tcp_questions(), 1);
    EXPECT_EQ(a->records_seen, 500U);
    EXPECT_EQ(a->hosts.size(), dns::mx_hosts_max);
    EXPECT_EQ(a->hosts[0].addresses.size(), dns::host_addresses_max);
    EXPECT_EQ(server.questions(), 2 + 2 * static_cast<int>(dns::mx_hosts_max));
}

TEST_F(ResolverTest, AnswerOfManyKilobytesOverUdpStaysBelowEdnsSize)
{
    make(options());
    server.on("big.jp", record_type::mx,
              [](const question& q, bool)
              {
                  packet p(q);
                  for (int i = 0; i < 25; ++i)
                  {
                      p.mx(q.name, 10, "m" + std::to_string(10 + i) + ".jp");
                  }
                  EXPECT_GT(p.bytes().size(), 512U);
                  EXPECT_LT(p.bytes().size(), 1232U);
                  return dns_server::reply{p.bytes()};
              });
    EXPECT_EQ(resolve("big.jp")->records_seen, 25U);
    EXPECT_EQ(server.tcp_questions(), 0);
}

TEST_F(ResolverTest, StalledTcpEndsAsTemporary)
{
    make(impatient());
    server.on_everything(
        [](const question& q, bool over_tcp)
        {
            return over_tcp ? dns_server::reply{}
                            : dns_server::reply{
                                  packet(q, dns::test::response_flags | dns::test::truncated_flag)
                                      .bytes()};
        });
    EXPECT_EQ(resolve("example.jp")->status, lookup_status::temporary);
    EXPECT_GT(server.tcp_questions(), 0);
}

TEST_F(ResolverTest, FailuresOfTheServerAreTemporary)
{
    make(options());
    for (const response_code code :
         {response_code::server_failure, response_code::refused, response_code::not_implemented,
          response_code::format_error, static_cast<response_code>(9)})
    {
        const std::string name = "c" + std::to_string(static_cast<int>(code)) + ".jp";
        server.answer(name, record_type::mx, [code](packet p) { return p.code(code); });
        const answer_ptr a = resolve(name);
        EXPECT_EQ(a->status, lookup_status::temporary) << name;
        EXPECT_EQ(a->reason, dns::response_code_name(code) + " for MX of " + name);
        // FORMERR is tried again without EDNS.
        EXPECT_EQ(server.asked(name, record_type::mx), code == response_code::format_error ? 2 : 1);
        EXPECT_EQ(a->ttl, options().temporary_ttl);
    }
}

TEST_F(ResolverTest, TheNextServerIsAskedWhenTheFirstFails)
{
    dns_server second(context);
    resolver_options o = options();
    o.servers.push_back(second.address());
    make(o);
    server.on_everything(
        [](const question& q, bool)
        { return dns_server::reply{packet(q).code(response_code::server_failure).bytes()}; });
    second.answer("example.jp", record_type::mx,
                  [](packet p) { return p.mx("example.jp", 10, "a.jp"); });
    second.answer("a.jp", record_type::a, [](packet p) { return p.address("a.jp", "192.0.2.1"); });
    EXPECT_EQ(hosts_text(*resolve("example.jp")), "a.jp 192.0.2.1; ");
}

TEST_F(ResolverTest, EveryServerFailingIsTemporary)
{
    dns_server second(context);
    resolver_options o = options();
    o.servers.push_back(second.address());
    make(o);
    const auto refuse = [](const question& q, bool)
    { return dns_server::reply{packet(q).code(response_code::refused).bytes()}; };
    server.on_everything(refuse);
    second.on_everything(refuse);
    const answer_ptr a = resolve("example.jp");
    EXPECT_EQ(a->status, lookup_status::temporary);
    EXPECT_EQ(a->reason,
              "every DNS server failed (SERVFAIL, REFUSED or unreachable) for MX of example.jp");
    EXPECT_GT(second.questions(), 0);
    EXPECT_LE(server.questions() + second.questions(), 4);
}

TEST_F(ResolverTest, MutatedAnswersNeverBreakALookup)
{
    resolver_options o = options();
    o.try_timeout = milliseconds{5};
    o.lookup_timeout = milliseconds{20};
    make(o);
    std::mt19937 random(7);
    server.on_everything(
        [&random](const question& q, bool)
        {
            std::string bytes = packet(q)
                                    .cname(q.name, "c.jp")
                                    .mx("c.jp", 1, "mx.c.jp")
                                    .address("c.jp", "192.0.2.1")
                                    .soa("jp", 60)
                                    .bytes();
            for (unsigned i = 0; i < 1 + random() % 4; ++i)
            {
                bytes[2 + random() % (bytes.size() - 2)] = static_cast<char>(random());
            }
            bytes.resize(random() % 8 == 0 ? random() % bytes.size() : bytes.size());
            return dns_server::reply{bytes};
        });
    int done = 0;
    for (int i = 0; i < 300; ++i)
    {
        dut->resolve_mx("d" + std::to_string(i) + ".jp", [&done](const answer_ptr&) { ++done; });
    }
    run_until([&done] { return done == 300; });
    EXPECT_GT(dut->stats().malformed, 0U);
    EXPECT_EQ(dut->stats().in_flight, 0U);
}

TEST_F(ResolverTest, SilenceEndsAsTemporaryWithinItsTries)
{
    make(impatient());
    server.on_everything([](const question&, bool) { return dns_server::reply{}; });
    const answer_ptr a = resolve("example.jp");
    EXPECT_EQ(a->status, lookup_status::temporary);
    EXPECT_LE(server.questions(), 3);
    EXPECT_EQ(server.asked("example.jp", record_type::a), 0);
}

TEST_F(ResolverTest, TheDeadlineEndsALookupThatIsStillTrying)
{
    resolver_options o = options();
    o.lookup_timeout = milliseconds{30};
    make(o);
    server.on_everything([](const question&, bool) { return dns_server::reply{}; });
    const answer_ptr a = resolve("example.jp");
    EXPECT_EQ(a->status, lookup_status::temporary);
    EXPECT_EQ(a->reason, "no answer in time for MX of example.jp");
    EXPECT_EQ(dut->stats().deadline_passed, 1U);
    EXPECT_EQ(dut->stats().in_flight, 0U);
    EXPECT_EQ(dut->stats().queries_in_flight, 1U);
}

TEST_F(ResolverTest, TheDeadlineKeepsTheHostsThatAreKnown)
{
    resolver_options o = options();
    o.lookup_timeout = milliseconds{400};
    make(o);
    host_domain("example.jp");
    server.answer(
        "example.jp", record_type::mx, [](packet p)
        { return p.mx("example.jp", 5, "silent.jp").mx("example.jp", 10, "mx.example.jp"); });
    server.on("silent.jp", record_type::a,
              [](const question&, bool) { return dns_server::reply{}; });
    const answer_ptr a = resolve("example.jp");
    EXPECT_EQ(a->status, lookup_status::ok);
    EXPECT_EQ(hosts_text(*a), "silent.jp; mx.example.jp 192.0.2.1; ");
    EXPECT_LE(a->ttl, dns::negative_ttl_min);
}

TEST_F(ResolverTest, HostsThatFailForNowAreKeptUnlessAllDo)
{
    make(options());
    const auto servfail = [](packet p) { return p.code(response_code::server_failure); };
    server.answer("example.jp", record_type::mx, [](packet p)
                  { return p.mx("example.jp", 5, "bad.jp").mx("example.jp", 6, "good.jp"); });
    server.answer("bad.jp", record_type::a, servfail);
    server.answer("bad.jp", record_type::aaaa, servfail);
    server.answer("good.jp", record_type::a,
                  [](packet p) { return p.address("good.jp", "192.0.2.1"); });
    EXPECT_EQ(hosts_text(*resolve("example.jp")), "bad.jp; good.jp 192.0.2.1; ");
    server.answer("all.jp", record_type::mx, [](packet p) { return p.mx("all.jp", 5, "bad.jp"); });
    EXPECT_EQ(resolve("all.jp")->status, lookup_status::temporary);
}

TEST_F(ResolverTest, AliasesAreFollowedOverSeveralMessages)
{
    make(options());
    host_domain("real.jp");
    server.answer("alias.jp", record_type::mx,
                  [](packet p) { return p.cname("alias.jp", "middle.jp"); });
    server.answer("middle.jp", record_type::mx,
                  [](packet p) { return p.cname("middle.jp", "real.jp"); });
    EXPECT_EQ(hosts_text(*resolve("alias.jp")), "mx.real.jp 192.0.2.1; ");
    EXPECT_EQ(server.asked("real.jp", record_type::mx), 1);
}

TEST_F(ResolverTest, AliasLoopsAndLongChainsAreBounded)
{
    make(options());
    server.answer("a.jp", record_type::mx, [](packet p) { return p.cname("a.jp", "b.jp"); });
    server.answer("b.jp", record_type::mx, [](packet p) { return p.cname("b.jp", "a.jp"); });
    EXPECT_EQ(resolve("a.jp")->status, lookup_status::loop);
    EXPECT_EQ(server.questions(), 2);
    server.on_everything(
        [](const question& q, bool)
        { return dns_server::reply{packet(q).cname(q.name, "x" + q.name).bytes()}; });
    EXPECT_EQ(resolve("long.jp")->status, lookup_status::temporary);
    EXPECT_LE(server.questions(), 2 + static_cast<int>(dns::cname_chain_max) + 1);
}

TEST_F(ResolverTest, WhatIsNoDomainNameIsNotAsked)
{
    make(options());
    for (const char* bad : {"", ".", "a..jp", "[192.0.2.1]..", "a b.jp", "\xE3\x81\x82.jp"})
    {
        EXPECT_EQ(resolve(bad)->status, lookup_status::no_domain) << bad;
        EXPECT_EQ(dut->cached_mx(bad), nullptr);
    }
    EXPECT_EQ(server.questions(), 0);
}

} // namespace
} // namespace hikyaku::resolver::test
