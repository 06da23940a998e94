#include "packet.h"

#include <hikyaku/dns/explain.h>
#include <hikyaku/dns/mx_plan.h>

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace hikyaku::dns
{
namespace
{

using test::packet;

class seeded_random final : public random_source
{
public:
    explicit seeded_random(unsigned seed) : engine_(seed) {}
    void fill(std::span<std::byte> out) noexcept override
    {
        for (std::byte& b : out)
        {
            b = static_cast<std::byte>(engine_() & 0xFF);
        }
    }

private:
    std::mt19937 engine_;
};

const std::string domain = "example.jp";
const question mx_question{1, domain, record_type::mx};

rrset walk(const packet& p, const question& q = mx_question)
{
    return alias_walk(q.name, q.type).take(*parse_response(p.bytes(), q));
}

mx_answer plan(const packet& p, unsigned seed = 1)
{
    seeded_random random(seed);
    return plan_mx(domain, walk(p), random);
}

rrset addresses(record_type type, std::initializer_list<const char*> ips)
{
    const question q{1, "mx.example.jp", type};
    packet p(q);
    for (const char* ip : ips)
    {
        p.address(q.name, ip);
    }
    return walk(p, q);
}

host_addresses with(std::initializer_list<const char*> ips)
{
    host_addresses out;
    out.ttl = ttl_min;
    for (const char* ip : ips)
    {
        out.addresses.push_back(*parse_ip(ip));
    }
    return out;
}

std::string names(const mx_answer& a)
{
    std::string out;
    for (const mx_host& h : a.hosts)
    {
        out += h.name + " ";
    }
    return out;
}

TEST(MxPlan, OrdersByPreferenceAndShufflesEquals)
{
    std::set<std::string> seen;
    for (unsigned seed = 0; seed < 64; ++seed)
    {
        const mx_answer a = plan(packet(mx_question)
                                     .mx(domain, 20, "c.jp")
                                     .mx(domain, 10, "A.jp")
                                     .mx(domain, 10, "b.jp"),
                                 seed);
        ASSERT_EQ(a.status, lookup_status::ok);
        EXPECT_EQ(a.hosts.back().name, "c.jp");
        EXPECT_EQ(a.site, "a.jp,b.jp,c.jp");
        seen.insert(names(a));
    }
    EXPECT_EQ(seen, (std::set<std::string>{"a.jp b.jp c.jp ", "b.jp a.jp c.jp "}));
}

TEST(MxPlan, NullMx)
{
    const mx_answer a = plan(packet(mx_question).mx(domain, 0, ""));
    EXPECT_EQ(a.status, lookup_status::null_mx);
    EXPECT_STREQ(enhanced_code(a.status), "5.1.10");
    EXPECT_TRUE(is_permanent(a.status));
    const mx_answer mixed = plan(packet(mx_question).mx(domain, 0, "").mx(domain, 5, "a.jp"));
    EXPECT_EQ(mixed.status, lookup_status::ok);
    EXPECT_EQ(names(mixed), "a.jp ");
    // Not the form of RFC 7505: nothing to deliver to, but not a statement either.
    EXPECT_EQ(plan(packet(mx_question).mx(domain, 10, "")).status, lookup_status::no_address);
    EXPECT_EQ(plan(packet(mx_question).mx(domain, 0, "").mx(domain, 1, "")).status,
              lookup_status::no_address);
}

TEST(MxPlan, ImplicitMx)
{
    const mx_answer a = plan(packet(mx_question).soa("jp", 900));
    EXPECT_EQ(a.status, lookup_status::ok);
    EXPECT_TRUE(a.implicit_mx);
    EXPECT_EQ(names(a), "example.jp ");
    EXPECT_EQ(a.site, "example.jp");
    EXPECT_EQ(a.ttl.count(), 900);
}

TEST(MxPlan, FloodsAreCutTheSameWayEveryTime)
{
    packet p(mx_question);
    for (int i = 0; i < 500; ++i)
    {
        p.mx(domain, 10, "m" + std::to_string(1000 + i) + ".jp");
    }
    const mx_answer a = plan(p, 1);
    const mx_answer b = plan(p, 2);
    EXPECT_EQ(a.hosts.size(), mx_hosts_max);
    EXPECT_EQ(a.records_seen, 500U);
    EXPECT_EQ(a.site, b.site);
    EXPECT_NE(names(a), names(b));
}

TEST(MxPlan, HostNamedTwiceKeepsItsBestPreference)
{
    const mx_answer a = plan(
        packet(mx_question).mx(domain, 30, "a.jp").mx(domain, 20, "b.jp").mx(domain, 10, "A.jp"));
    EXPECT_EQ(names(a), "a.jp b.jp ");
}

struct failure_row
{
    response_code code;
    lookup_status status;
    bool permanent;
};

TEST(MxPlan, OnlyNxdomainIsPermanentAmongCodes)
{
    const failure_row rows[] = {
        {response_code::name_error, lookup_status::no_domain, true},
        {response_code::server_failure, lookup_status::temporary, false},
        {response_code::refused, lookup_status::temporary, false},
        {response_code::format_error, lookup_status::temporary, false},
        {response_code::not_implemented, lookup_status::temporary, false},
        {static_cast<response_code>(9), lookup_status::temporary, false},
    };
    for (const failure_row& row : rows)
    {
        const mx_answer a = plan(packet(mx_question).code(row.code));
        EXPECT_EQ(a.status, row.status) << response_code_name(row.code);
        EXPECT_EQ(is_permanent(a.status), row.permanent);
        EXPECT_EQ(a.reason, response_code_name(row.code) + " for MX of example.jp");
    }
}

TEST(MxPlan, TtlsAreBounded)
{
    EXPECT_EQ(plan(packet(mx_question).mx(domain, 1, "a.jp", 0)).ttl, ttl_min);
    EXPECT_EQ(plan(packet(mx_question).mx(domain, 1, "a.jp", 1u << 30)).ttl, ttl_max);
    const auto nx = [](std::uint32_t minimum, std::uint32_t ttl)
    {
        return plan(packet(mx_question).code(response_code::name_error).soa("jp", minimum, ttl))
            .ttl;
    };
    EXPECT_EQ(nx(0, 3600), negative_ttl_min);
    EXPECT_EQ(nx(86400, 86400), negative_ttl_max);
    EXPECT_EQ(nx(86400, 1000).count(), 1000);
    EXPECT_EQ(nx(1000, 86400).count(), 1000);
    // A foreign SOA says nothing about this name.
    EXPECT_EQ(plan(packet(mx_question).code(response_code::name_error).soa("com", 1000)).ttl,
              negative_ttl_min);
}

TEST(AliasWalk, FollowsTheChainInOneMessage)
{
    const rrset r = walk(packet(mx_question)
                             .cname(domain, "b.jp", 100)
                             .cname("b.jp", "c.jp", 50)
                             .mx("c.jp", 1, "mx.c.jp", 200)
                             .mx("evil.jp", 1, "mx.evil.jp", 1));
    EXPECT_EQ(r.status, rrset_status::found);
    EXPECT_EQ(r.name, "c.jp");
    EXPECT_EQ(r.records.size(), 1U);
    EXPECT_EQ(r.ttl.count(), 50);
}

TEST(AliasWalk, AsksForTheRestOfTheChain)
{
    alias_walk w(domain, record_type::mx);
    const auto take = [&](packet p)
    { return w.take(*parse_response(p.bytes(), {1, w.name(), record_type::mx})); };
    EXPECT_EQ(take(packet(mx_question).cname(domain, "b.jp")).status, rrset_status::follow);
    EXPECT_EQ(w.name(), "b.jp");
    const question next{1, "b.jp", record_type::mx};
    EXPECT_EQ(take(packet(next).mx("b.jp", 1, "mx.b.jp")).status, rrset_status::found);
}

TEST(AliasWalk, LoopsAndLongChains)
{
    EXPECT_EQ(walk(packet(mx_question).cname(domain, domain)).status, rrset_status::alias_loop);
    EXPECT_EQ(walk(packet(mx_question).cname(domain, "b.jp").cname("b.jp", domain)).status,
              rrset_status::alias_loop);
    const auto chain = [](std::size_t length)
    {
        packet p(mx_question);
        std::string from = domain;
        for (std::size_t i = 0; i < length; ++i)
        {
            const std::string to = "n" + std::to_string(i) + ".jp";
            p.cname(from, to);
            from = to;
        }
        return p.mx(from, 1, "mx.jp");
    };
    EXPECT_EQ(walk(chain(cname_chain_max)).status, rrset_status::found);
    EXPECT_EQ(walk(chain(cname_chain_max + 1)).status, rrset_status::alias_chain_too_long);
    EXPECT_EQ(plan(chain(50)).status, lookup_status::temporary);
    EXPECT_EQ(plan(packet(mx_question).cname(domain, domain)).status, lookup_status::loop);
}

TEST(AliasWalk, NothingAtTheEndOfTheChain)
{
    EXPECT_EQ(walk(packet(mx_question).cname(domain, "b.com").soa("com", 900)).status,
              rrset_status::no_data);
    EXPECT_EQ(
        walk(packet(mx_question).cname(domain, "b.com").code(response_code::name_error)).status,
        rrset_status::no_name);
    const mx_answer root = plan(packet(mx_question).cname(domain, "").soa("", 900));
    EXPECT_EQ(root.status, lookup_status::no_address);
}

TEST(Addresses, TakenInTurnWithoutDuplicatesAndCut)
{
    const host_addresses h =
        join_addresses(addresses(record_type::a,
                                 {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}),
                       addresses(record_type::aaaa, {"2001:db8::1", "2001:db8::2", "2001:db8::3"}));
    std::string text;
    for (const ip_address& a : h.addresses)
    {
        text += format_ip(a) + " ";
    }
    EXPECT_EQ(text, "192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2 192.0.2.3 ");
    EXPECT_FALSE(h.temporary);
}

TEST(Addresses, OneFamilyThatFailsDoesNotSpoilTheOther)
{
    const question q{1, "mx.example.jp", record_type::aaaa};
    const rrset failing = walk(packet(q).code(response_code::server_failure), q);
    const question qa{1, "mx.example.jp", record_type::a};
    const rrset day = walk(packet(qa).address(qa.name, "192.0.2.1", 86400), qa);
    const host_addresses half = join_addresses(day, failing);
    EXPECT_EQ(half.addresses.size(), 1U);
    EXPECT_EQ(half.ttl, negative_ttl_max);
    const host_addresses none = join_addresses(addresses(record_type::a, {}), failing);
    EXPECT_TRUE(none.temporary);
    EXPECT_EQ(none.reason, "SERVFAIL for AAAA of mx.example.jp");
    // NXDOMAIN for one type is NXDOMAIN for the name, but not while the other answer is missing.
    const rrset gone = walk(packet(qa).code(response_code::name_error), qa);
    EXPECT_FALSE(join_addresses(gone, failing).no_name);
    EXPECT_TRUE(join_addresses(gone, addresses(record_type::aaaa, {})).no_name);
}

TEST(Decide, ByAddresses)
{
    const packet two = packet(mx_question).mx(domain, 1, "a.jp").mx(domain, 2, "b.jp");
    host_addresses broken;
    broken.temporary = true;
    broken.reason = "SERVFAIL for A of a.jp";
    host_addresses absent;
    absent.no_name = true;
    absent.ttl = negative_ttl_min;
    absent.reason = "NXDOMAIN for A of a.jp";
    host_addresses looping;
    looping.alias_loop = true;

    const mx_answer half = decide(plan(two), {broken, with({"192.0.2.1"})});
    EXPECT_EQ(half.status, lookup_status::ok);
    EXPECT_EQ(half.hosts.size(), 2U);
    EXPECT_TRUE(half.hosts[0].addresses.empty());
    EXPECT_LE(half.ttl, negative_ttl_min);

    const mx_answer none = decide(plan(two), {absent, broken});
    EXPECT_EQ(none.status, lookup_status::temporary);
    EXPECT_EQ(none.reason, "SERVFAIL for A of a.jp");
    EXPECT_EQ(decide(plan(two), {absent, absent}).status, lookup_status::no_address);
    EXPECT_EQ(decide(plan(two), {looping, looping}).status, lookup_status::loop);
    EXPECT_EQ(decide(plan(two), {looping, absent}).status, lookup_status::no_address);

    const packet implicit = packet(mx_question).soa("jp", 900);
    EXPECT_EQ(decide(plan(implicit), {absent}).status, lookup_status::no_domain);
    EXPECT_EQ(decide(plan(implicit), {with({})}).status, lookup_status::no_address);
}

TEST(ConnectionOrder, ShufflesEqualsPerCallAndCoversEverything)
{
    const mx_answer a = decide(
        plan(packet(mx_question).mx(domain, 1, "a.jp").mx(domain, 1, "b.jp").mx(domain, 9, "c.jp")),
        {with({"192.0.2.1", "2001:db8::1"}), with({"192.0.2.2"}), with({"192.0.2.3"})});
    seeded_random random(5);
    std::set<std::string> first;
    for (int i = 0; i < 64; ++i)
    {
        const auto order = connection_order(a, random);
        ASSERT_EQ(order.size(), 4U);
        EXPECT_EQ(order.back().host->name, "c.jp");
        first.insert(order.front().host->name);
    }
    EXPECT_EQ(first.size(), 2U);
}

TEST(WithoutSelf, DropsUsAndWorse)
{
    const mx_answer a = decide(
        plan(packet(mx_question).mx(domain, 1, "a.jp").mx(domain, 5, "b.jp").mx(domain, 9, "c.jp")),
        {with({"192.0.2.1"}), with({"192.0.2.2"}), with({"192.0.2.3"})});
    const auto named = [](const char* name)
    { return [name](const mx_host& h) { return h.name == name; }; };
    EXPECT_EQ(names(without_self(a, named("b.jp"))), "a.jp ");
    EXPECT_EQ(names(without_self(a, named("x.jp"))), "a.jp b.jp c.jp ");
    const mx_answer looped = without_self(a, named("a.jp"));
    EXPECT_EQ(looped.status, lookup_status::loop);
    EXPECT_STREQ(enhanced_code(looped.status), "5.4.6");
}

TEST(Explain, ShowsPlanAndDecision)
{
    const mx_answer a =
        decide(plan(packet(mx_question).mx(domain, 1, "a.jp")), {with({"192.0.2.1"})});
    EXPECT_EQ(to_json_text(explain_mx(a)),
              R"({"domain":"example.jp","status":"ok","decision":"deliver","permanent":false,)"
              R"("code":"","reason":"","site":"a.jp","ttl_s":60,"implicit_mx":false,)"
              R"("records_seen":1,"hosts":[{"name":"a.jp","preference":1,)"
              R"("addresses":["192.0.2.1"]}],"plan":[{"host":"a.jp","address":"192.0.2.1"}]})");
    const json::value null_mx = explain_mx(plan(packet(mx_question).mx(domain, 0, "")));
    EXPECT_EQ(null_mx.at("decision").as_string(), "bounce");
    EXPECT_EQ(null_mx.at("code").as_string(), "5.1.10");
}

} // namespace
} // namespace hikyaku::dns
