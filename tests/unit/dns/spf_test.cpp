#include "spf_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hikyaku::dns
{
namespace
{

using test::run_spf;
using test::spf_of;
using test::spf_run;
using test::spf_zone;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto none = spf_result::none;
constexpr auto neutral = spf_result::neutral;
constexpr auto pass = spf_result::pass;
constexpr auto fail = spf_result::fail;
constexpr auto softfail = spf_result::softfail;
constexpr auto temperror = spf_result::temperror;
constexpr auto permerror = spf_result::permerror;

/// The zone of RFC 7208 appendix A.
spf_zone appendix_a(const std::string& record)
{
    spf_zone zone;
    zone.txt("example.com", record)
        .mx("example.com", 10, "mail-a.example.com")
        .mx("example.com", 20, "mail-b.example.com")
        .address("example.com", {"192.0.2.10", "192.0.2.11"})
        .address("amy.example.com", {"192.0.2.65"})
        .address("bob.example.com", {"192.0.2.66"})
        .address("mail-a.example.com", {"192.0.2.129"})
        .address("mail-b.example.com", {"192.0.2.130"})
        .mx("example.org", 10, "mail-c.example.org")
        .address("mail-c.example.org", {"192.0.2.140"})
        .ptr("10.2.0.192.in-addr.arpa", "example.com")
        .ptr("65.2.0.192.in-addr.arpa", "amy.example.com")
        .ptr("66.2.0.192.in-addr.arpa", "bob.example.com")
        .ptr("129.2.0.192.in-addr.arpa", "mail-a.example.com")
        .ptr("130.2.0.192.in-addr.arpa", "mail-b.example.com")
        .ptr("140.2.0.192.in-addr.arpa", "mail-c.example.org")
        .ptr("4.0.0.10.in-addr.arpa", "bob.example.com")
        .address("mary.mobile-users._spf.example.com", {"127.0.0.2"})
        .address("fred.mobile-users._spf.example.com", {"127.0.0.2"})
        .address("15.15.168.192.joel.remote-users._spf.example.com", {"127.0.0.2"});
    return zone;
}

// Appendix A.1, and A.4 of RFC 4408: who may send.
TEST(Spf, SimpleExamplesOfTheRfc)
{
    struct row
    {
        const char* record;
        const char* ip;
        spf_result expected;
        const char* mechanism;
    };
    const row rows[] = {
        {"v=spf1 +all", "192.0.2.99", pass, "+all"},
        {"v=spf1 a -all", "192.0.2.10", pass, "a"},
        {"v=spf1 a -all", "192.0.2.11", pass, "a"},
        {"v=spf1 a -all", "192.0.2.65", fail, "-all"},
        {"v=spf1 a:example.org -all", "192.0.2.10", fail, "-all"},
        {"v=spf1 mx -all", "192.0.2.129", pass, "mx"},
        {"v=spf1 mx -all", "192.0.2.130", pass, "mx"},
        {"v=spf1 mx -all", "192.0.2.10", fail, "-all"},
        {"v=spf1 mx:example.org -all", "192.0.2.140", pass, "mx:example.org"},
        {"v=spf1 mx mx:example.org -all", "192.0.2.140", pass, "mx:example.org"},
        {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131", pass, "mx/30"},
        {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143", pass, "mx:example.org/30"},
        {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.144", fail, "-all"},
        {"v=spf1 ptr -all", "192.0.2.10", pass, "ptr"},
        {"v=spf1 ptr -all", "192.0.2.65", pass, "ptr"},
        {"v=spf1 ptr -all", "192.0.2.140", fail, "-all"},
        {"v=spf1 ptr -all", "10.0.0.4", fail, "-all"},
        {"v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65", fail, "-all"},
        {"v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129", pass, "ip4:192.0.2.128/28"},
        {"v=spf1 ?mx ~ip4:192.0.2.65 -all", "192.0.2.129", neutral, "?mx"},
        {"v=spf1 ?mx ~ip4:192.0.2.65 -all", "192.0.2.65", softfail, "~ip4:192.0.2.65"},
        {"v=spf1 mx", "192.0.2.65", neutral, "default"},
    };
    for (const row& r : rows)
    {
        const spf_run run = run_spf(appendix_a(r.record), spf_of(r.ip, "joe@example.com"));
        EXPECT_EQ(run.verdict.result, r.expected) << r.record << ": " << run.text();
        EXPECT_EQ(run.verdict.mechanism, r.mechanism) << r.record << ": " << run.text();
    }
}

// Appendix A.4: per user and per address.
TEST(Spf, ComplexExampleOfTheRfc)
{
    spf_zone zone = appendix_a("v=spf1 mx include:mobile-users._spf.%{d} "
                               "include:remote-users._spf.%{d} -all");
    zone.txt("mobile-users._spf.example.com", "v=spf1 exists:%{l1r+}.%{d}")
        .txt("remote-users._spf.example.com", "v=spf1 exists:%{ir}.%{l1r+}.%{d}");
    EXPECT_EQ(run_spf(zone, spf_of("10.9.9.9", "mary@example.com")).verdict.result, pass);
    EXPECT_EQ(run_spf(zone, spf_of("10.9.9.9", "fred+list@example.com")).verdict.result, pass);
    EXPECT_EQ(run_spf(zone, spf_of("192.168.15.15", "joel@example.com")).verdict.result, pass);
    const spf_run run = run_spf(zone, spf_of("192.168.15.16", "joel@example.com"));
    EXPECT_EQ(run.verdict.result, fail) << run.text();
    EXPECT_EQ(run.verdict.lookups, 5U);
    EXPECT_THAT(run.questions,
                ElementsAre("TXT example.com", "MX example.com", "A mail-a.example.com",
                            "A mail-b.example.com", "TXT mobile-users._spf.example.com",
                            "A joel.mobile-users._spf.example.com",
                            "TXT remote-users._spf.example.com",
                            "A 16.15.168.192.joel.remote-users._spf.example.com"));
}

// Section 4.3 and 2.4.
TEST(Spf, InitialProcessing)
{
    const std::string label63 = "A12345678901234567890123456789012345678901234567890123456789012";
    const std::string long_name = label63 + "." + label63 + "." + label63 + "." + label63 + ".com";
    spf_zone zone;
    zone.txt("example.com", "v=spf1 -all exp=why.example.com").txt("why.example.com", "%{l}|%{s}");
    zone.txt("a12345678901234567890123456789012345678901234567890123456789012.example.com",
             "v=spf1 -all");
    struct row
    {
        std::string from;
        std::string helo;
        spf_result expected;
        const char* explanation = "";
    };
    const row rows[] = {
        {"lyme.eater@" + label63 + "3.example.com", "mail.example.net", none},
        {"lyme.eater@" + label63 + ".example.com", "mail.example.net", fail},
        {"lyme.eater@A...example.com", "mail.example.net", none},
        {"lyme.eater@.example.com", "mail.example.net", none},
        {"lyme.eater@example.com..", "mail.example.net", none},
        {"lyme.eater@" + long_name, "mail.example.net", none},
        {"lyme.eater@com", "mail.example.net", none},
        {"lyme.eater@com.", "mail.example.net", none},
        {"lyme.eater@", "mail.example.net", none},
        {"foo@[1.2.3.5]", "OEMCOMPUTER", none},
        {"", "A2345678", none},
        {"", "[1.2.3.5]", none},
        {"", "", none},
        {"", "example.com", fail, "postmaster|postmaster@example.com"},
        {"@example.com", "x", fail, "postmaster|postmaster@example.com"},
        {"example.com", "x", fail, "postmaster|postmaster@example.com"},
        {"foo@Example.COM.", "x", fail, "foo|foo@Example.COM."},
        {"\"a@b\"@example.com", "x", fail, "\"a@b\"|\"a@b\"@example.com"},
    };
    for (const row& r : rows)
    {
        const spf_run run = run_spf(zone, spf_of("1.2.3.5", r.from, r.helo));
        EXPECT_EQ(run.verdict.result, r.expected) << r.from << ": " << run.text();
        EXPECT_EQ(run.verdict.explanation, r.explanation) << r.from;
        EXPECT_EQ(run.questions.empty(), r.expected == none) << r.from;
    }
}

// Section 5.2: which result of the other domain does what.
TEST(Spf, Include)
{
    struct row
    {
        const char* included;
        spf_result expected;
        const char* mechanism;
    };
    const row rows[] = {
        {"v=spf1 +all", pass, "include:in.example.com"},
        {"v=spf1 -all", softfail, "~all"},
        {"v=spf1 ~all", softfail, "~all"},
        {"v=spf1 ?all", softfail, "~all"},
        {"v=spf1", softfail, "~all"},
        {"v=spf1 a:slow.example.com all", temperror, "include:in.example.com"},
        {"v=spf1 moo all", permerror, "include:in.example.com"},
        {"v=spf2 all", permerror, "include:in.example.com"},
        {"v=spf1 redirect=gone.example.com", permerror, "include:in.example.com"},
        {"v=spf1 redirect=ok.example.com", pass, "include:in.example.com"},
        {"v=spf1 include:ok.example.com", pass, "include:in.example.com"},
        {"v=spf1 -include:ok.example.com all", softfail, "~all"},
    };
    for (const row& r : rows)
    {
        spf_zone zone;
        zone.txt("example.com", "v=spf1 include:in.example.com ~all")
            .txt("in.example.com", r.included)
            .txt("ok.example.com", "v=spf1 ip4:1.2.3.4 -all")
            .broken("slow.example.com", record_type::a);
        const spf_run run = run_spf(zone, spf_of("1.2.3.4", "a@example.com"));
        EXPECT_EQ(run.verdict.result, r.expected) << r.included << ": " << run.text();
        EXPECT_EQ(run.verdict.mechanism, r.mechanism) << r.included << ": " << run.text();
    }
    spf_zone none_there;
    none_there.txt("example.com", "v=spf1 -include:a..%{d} all");
    EXPECT_EQ(run_spf(none_there, spf_of("1.2.3.4", "a@example.com")).verdict.result, permerror);
}

// Section 6.1.
TEST(Spf, Redirect)
{
    struct row
    {
        const char* record;
        spf_result expected;
        const char* mechanism;
    };
    const row rows[] = {
        {"v=spf1 redirect=other.example.net", pass, "mx"},
        {"v=spf1 redirect=other.example.net ~all", softfail, "~all"},
        {"v=spf1 ip4:1.2.3.4 redirect=other.example.net", pass, "ip4:1.2.3.4"},
        {"v=spf1 redirect=other.example.net. ip4:9.9.9.9", pass, "mx"},
        {"v=spf1 redirect=OTHER.%{d1}.net", permerror, "redirect=OTHER.%{d1}.net"},
        {"v=spf1 redirect=gone.example.net", permerror, "redirect=gone.example.net"},
        {"v=spf1 redirect=a..example.net", permerror, "redirect=a..example.net"},
        {"v=spf1 redirect=%{d1}", permerror, "redirect=%{d1}"},
        {"v=spf1 redirect=slow.example.net", temperror, "redirect=slow.example.net"},
        {"v=spf1 redirect=default.example.net", neutral, "default"},
    };
    for (const row& r : rows)
    {
        spf_zone zone;
        zone.txt("example.com", r.record)
            .txt("other.example.net", "v=spf1 mx -all")
            .txt("default.example.net", "v=spf1")
            .mx("other.example.net", 10, "mx.example.net")
            .address("mx.example.net", {"1.2.3.4"})
            .broken("slow.example.net", record_type::txt);
        const spf_run run = run_spf(zone, spf_of("1.2.3.4", "a@example.com"));
        EXPECT_EQ(run.verdict.result, r.expected) << r.record << ": " << run.text();
        EXPECT_EQ(run.verdict.mechanism, r.mechanism) << r.record << ": " << run.text();
    }
}

// Section 5.4.
TEST(Spf, Mx)
{
    spf_zone zone;
    zone.txt("empty.example.com", "v=spf1 mx").mx("empty.example.com", 0, "");
    zone.address("empty.example.com", {"1.2.3.4"});
    zone.txt("implicit.example.com", "v=spf1 mx").address("implicit.example.com", {"1.2.3.4"});
    zone.txt("slow.example.com", "v=spf1 mx ~all").mx("slow.example.com", 10, "s.example.com");
    zone.broken("s.example.com", record_type::a);
    zone.txt("first.example.com", "v=spf1 mx ~all").mx("first.example.com", 10, "s.example.com");
    zone.mx("first.example.com", 5, "m.example.com").address("m.example.com", {"1.2.3.4"});
    zone.txt("null.example.com", "v=spf1 mx:%{h} ~all");
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.4", "a@empty.example.com")).verdict.result, neutral);
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.4", "a@implicit.example.com")).verdict.result, neutral);
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.4", "a@slow.example.com")).verdict.result, temperror);
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.4", "a@first.example.com")).verdict.result, pass);
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.4", "a@null.example.com", "")).verdict.result, softfail);
}

// Section 5.5.
TEST(Spf, Ptr)
{
    const std::string nibbles6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.e.b.a.b.e.f.a.c";
    const std::string client = "4.3.2.1.in-addr.arpa";
    spf_zone zone;
    zone.txt("example.com", "v=spf1 ptr -all").txt("e2.example.com", "v=spf1 ptr:example.com -all");
    zone.txt("other.net", "v=spf1 ptr -all").txt("mple.com", "v=spf1 ptr -all");
    zone.address("mail.example.com", {"1.2.3.4", "CAFE:BABE::1"});
    zone.ptr(nibbles6 + ".ip6.arpa", "mail.example.com");
    spf_zone good = zone;
    good.ptr(client, "slow.example.com").ptr(client, "forged.example.com");
    good.ptr(client, "mail.example.com").broken("slow.example.com", record_type::a);
    good.address("forged.example.com", {"1.2.3.5"});
    EXPECT_EQ(run_spf(good, spf_of("1.2.3.4", "a@example.com")).verdict.result, pass);
    EXPECT_EQ(run_spf(good, spf_of("1.2.3.4", "a@e2.example.com")).verdict.result, pass);
    EXPECT_EQ(run_spf(good, spf_of("CAFE:BABE::1", "a@example.com")).verdict.result, pass);
    const spf_run other = run_spf(good, spf_of("1.2.3.4", "a@other.net"));
    EXPECT_EQ(other.verdict.result, fail);
    EXPECT_THAT(other.questions, ElementsAre("TXT other.net", "PTR " + client))
        << "names elsewhere can't match";
    EXPECT_EQ(run_spf(good, spf_of("1.2.3.4", "a@mple.com")).verdict.result, fail);

    spf_zone slow = zone;
    slow.broken(client, record_type::ptr);
    EXPECT_EQ(run_spf(slow, spf_of("1.2.3.4", "a@example.com")).verdict.result, fail);
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.4", "a@example.com")).verdict.result, fail);

    spf_zone many = zone;
    for (std::size_t i = 0; i < spf_names_max; ++i)
    {
        many.ptr(client, "h" + std::to_string(i) + ".example.com");
    }
    many.ptr(client, "mail.example.com");
    const spf_run run = run_spf(many, spf_of("1.2.3.4", "a@example.com"));
    EXPECT_EQ(run.verdict.result, fail) << "only the first ten names count: " << run.text();
    EXPECT_EQ(run.questions.size(), 2 + spf_names_max);
}

// Section 4.6.4.
TEST(Spf, Limits)
{
    spf_zone zone;
    zone.txt("loop.example.com", "v=spf1 ip4:1.1.1.1 redirect=loop.example.com")
        .txt("in1.example.com", "v=spf1 include:in2.example.com")
        .txt("in2.example.com", "v=spf1 include:in1.example.com")
        .txt("e6.example.com", "v=spf1 a mx a mx a mx a mx a ptr ip4:1.2.3.4 -all")
        .txt("e7.example.com", "v=spf1 a mx a mx a mx a mx a ptr a ip4:1.2.3.4 -all")
        .txt("e8.example.com", "v=spf1 a include:inc.example.com ip4:1.2.3.4 mx -all")
        .txt("e9.example.com", "v=spf1 a include:inc.example.com a ip4:1.2.3.4 -all")
        .txt("inc.example.com", "v=spf1 a a a a a a a a ip4:1.2.3.44 -all")
        .txt("red.example.com", "v=spf1 a a a a a a a a a a redirect=ok.example.com")
        .txt("red9.example.com", "v=spf1 a a a a a a a a a redirect=ok.example.com")
        .txt("ok.example.com", "v=spf1 all")
        .txt("early.example.com", "v=spf1 ip4:1.2.3.4 a a a a a a a a a a a a -all");
    for (const char* name : {"e6", "e7", "e8", "e9", "inc", "red", "red9"})
    {
        zone.address(name + std::string(".example.com"), {"1.2.3.9"});
        zone.mx(name + std::string(".example.com"), 10, "e6.example.com");
    }
    const std::tuple<const char*, spf_result, std::size_t> rows[] = {
        {"loop", permerror, 10}, {"in1", permerror, 10}, {"e6", pass, 10},
        {"e7", permerror, 10},   {"e8", pass, 10},       {"e9", permerror, 10},
        {"red", permerror, 10},  {"red9", pass, 10},     {"early", pass, 0},
    };
    for (const auto& [name, expected, lookups] : rows)
    {
        const spf_run run = run_spf(zone, spf_of("1.2.3.4", std::string(name) + ".example.com"));
        EXPECT_EQ(run.verdict.result, expected) << name << ": " << run.text();
        EXPECT_EQ(run.verdict.lookups, lookups) << name << ": " << run.text();
    }
}

TEST(Spf, HostLimits)
{
    spf_zone zone;
    zone.txt("ten.example.com", "v=spf1 mx ~all").txt("eleven.example.com", "v=spf1 mx ~all");
    zone.txt("many.example.com", "v=spf1 a ~all");
    for (int i = 0; i < 11; ++i)
    {
        const std::string host = "h" + std::to_string(i) + ".example.com";
        const std::string ip = "1.2.3." + std::to_string(i);
        zone.address(host, {ip.c_str()}).address("many.example.com", {ip.c_str()});
        zone.mx("eleven.example.com", static_cast<std::uint16_t>(i), host);
        if (i < 10)
        {
            zone.mx("ten.example.com", static_cast<std::uint16_t>(i), host);
        }
    }
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.9", "ten.example.com")).verdict.result, pass);
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.10", "eleven.example.com")).verdict.result, permerror);
    EXPECT_EQ(run_spf(zone, spf_of("1.2.3.10", "many.example.com")).verdict.result, pass);
}

TEST(Spf, VoidLookups)
{
    const std::tuple<const char*, spf_result> rows[] = {
        {"v=spf1 a:no1.example.com a:no2.example.com ?all", neutral},
        {"v=spf1 a:no1.example.com a:no2.example.com a:no3.example.com ?all", permerror},
        {"v=spf1 a:no1.example.com mx:no2.example.com exists:no3.example.com ?all", permerror},
        {"v=spf1 exists:no.example.com exists:no.example.com exists:no.example.com", permerror},
        {"v=spf1 a:txt.example.com mx:txt.example.com exists:txt.example.com ?all", permerror},
        {"v=spf1 ptr a:no1.example.com mx:no2.example.com ?all", permerror},
        {"v=spf1 mx:dead.example.com ?all", permerror},
        {"v=spf1 a:l.example.com a:l.example.com ?all", neutral},
        {"v=spf1 a:a..example.com a:b..example.com a:c..example.com ?all", neutral},
        {"v=spf1 a:no1.example.com a:no2.example.com include:in.example.com ?all", permerror},
    };
    for (const auto& [record, expected] : rows)
    {
        spf_zone zone;
        zone.txt("example.com", record).txt("txt.example.com", "no address");
        zone.txt("in.example.com", "v=spf1 a").cname("l.example.com", "l.example.com");
        for (const char* host : {"d1.example.com", "d2.example.com", "d3.example.com"})
        {
            zone.mx("dead.example.com", 10, host);
        }
        const spf_run run = run_spf(zone, spf_of("1.2.3.4", "a@example.com"));
        EXPECT_EQ(run.verdict.result, expected) << record << ": " << run.text();
    }
}

TEST(Spf, DnsErrors)
{
    const std::tuple<const char*, spf_result> rows[] = {
        {"v=spf1 a:slow.example.com all", temperror},
        {"v=spf1 mx:slow.example.com all", temperror},
        {"v=spf1 exists:slow.example.com all", temperror},
        {"v=spf1 include:slow.example.com all", temperror},
        {"v=spf1 redirect=slow.example.com", temperror},
        {"v=spf1 ip4:1.2.3.4 a:slow.example.com -all", pass},
        {"v=spf1 a:slow.example.com -all moo", permerror},
    };
    for (const auto& [record, expected] : rows)
    {
        spf_zone zone;
        zone.txt("example.com", record);
        for (const record_type type : {record_type::a, record_type::mx, record_type::txt})
        {
            zone.broken("slow.example.com", type);
        }
        const spf_run run = run_spf(zone, spf_of("1.2.3.4", "a@example.com"));
        EXPECT_EQ(run.verdict.result, expected) << record << ": " << run.text();
        EXPECT_EQ(run.verdict.reason == "no answer for slow.example.com", expected == temperror);
    }
}

TEST(Spf, WorkIsBounded)
{
    spf_zone zone;
    const std::string client = "4.3.2.1.in-addr.arpa";
    zone.txt("example.com", "v=spf1 mx mx mx mx mx mx mx mx mx ptr a -all exp=%{p}.e.com");
    for (std::size_t i = 0; i < spf_names_max; ++i)
    {
        const std::string host = "h" + std::to_string(i) + ".example.com";
        zone.mx("example.com", 10, host).ptr(client, host).address(host, {"1.1.1.1"});
    }
    const spf_run run = run_spf(zone, spf_of("1.2.3.4", "a@example.com"));
    EXPECT_EQ(run.verdict.result, permerror) << run.text();
    EXPECT_EQ(run.verdict.mechanism, "a");
    EXPECT_EQ(run.questions.size(), 1 + 9 * (1 + spf_names_max) + 1 + spf_names_max);
    EXPECT_LE(run.questions.size(), spf_questions_max);
}

} // namespace
} // namespace hikyaku::dns
