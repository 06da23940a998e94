#include "spf_macro.h"
#include "spf_zone.h"

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

macro_values rfc_values(const char* ip = "192.0.2.3")
{
    macro_values v;
    v.sender = "strong-bad@email.example.com";
    v.local_part = "strong-bad";
    v.sender_domain = "email.example.com";
    v.domain = "email.example.com";
    v.client_name = "mx.example.org";
    v.helo = "mail.example.org";
    v.receiver = "here.example.jp";
    v.ip = *parse_ip(ip);
    v.now = from_unix_ms(1'700'000'000'999);
    return v;
}

std::string expanded(const std::string& text, const macro_values& values)
{
    const auto macros = parse_macro_string(text, macro_place::explanation);
    return macros ? expand_text(*macros, values, 10'000).value_or("too long") : "malformed";
}

// The table of section 7.4, and values of every letter.
TEST(SpfMacro, ExamplesOfTheRfc)
{
    const std::pair<const char*, const char*> rows[] = {
        {"%{s}", "strong-bad@email.example.com"},
        {"%{o}", "email.example.com"},
        {"%{d}", "email.example.com"},
        {"%{d4}", "email.example.com"},
        {"%{d3}", "email.example.com"},
        {"%{d2}", "example.com"},
        {"%{d1}", "com"},
        {"%{dr}", "com.example.email"},
        {"%{d2r}", "example.email"},
        {"%{l}", "strong-bad"},
        {"%{l-}", "strong.bad"},
        {"%{lr}", "strong-bad"},
        {"%{lr-}", "bad.strong"},
        {"%{l1r-}", "strong"},
        {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
        {"%{c} %{r} %{t} %{h} %{p}",
         "192.0.2.3 here.example.jp 1700000000 mail.example.org mx.example.org"},
        {"%%%_%-", "% %20"},
        {"%{S}", "strong-bad%40email.example.com"},
        {"%{sr@.}", "malformed"},
        {"%{c", "malformed"},
        {"50%", "malformed"},
        {"%{x}", "malformed"},
        {"\x7f", "malformed"},
        {"caf\xC3\xA9", "malformed"},
        {"a\tb", "malformed"},
    };
    for (const auto& [text, expected] : rows)
    {
        EXPECT_EQ(expanded(text, rfc_values()), expected) << text;
    }
    EXPECT_EQ(expanded("%{ir}.%{v}._spf.%{d2}", rfc_values("2001:db8::cb01")),
              "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf."
              "example.com");
    EXPECT_EQ(expanded("%{c} %{C}", rfc_values("CAFE:BABE:0::1")),
              "cafe:babe::1 cafe%3Ababe%3A%3A1");
}

TEST(SpfMacro, SplitsAtTheDelimitersGiven)
{
    macro_values v = rfc_values();
    const std::tuple<const char*, const char*, const char*> rows[] = {
        {"philip-fry+foobar", "%{l2r+-}", "fry.philip"},
        {"philip-fry+foobar", "%{l2-+}", "fry.foobar"},
        {"a--b", "%{l-}", "a..b"},
        {"a.b-c", "%{l1-}", "c"},
        {"a.b", "%{l-}", "a.b"},
        {"a/b,c_d=e", "%{l/,_=}", "a.b.c.d.e"},
        {"jack&jill=up", "%{L}", "jack%26jill%3Dup"},
        {"~a.b_c-d", "%{L}", "~a.b_c-d"},
        {"\xE4\x1f", "%{L}", "%E4%1F"},
        {"", "[%{l1r}]", "[]"},
        {"a.b.c", "%{l128}", "a.b.c"},
    };
    for (const auto& [local, text, expected] : rows)
    {
        v.local_part = local;
        EXPECT_EQ(expanded(text, v), expected) << local << " " << text;
    }
}

TEST(SpfMacro, LongNamesLoseLabelsOnTheLeft)
{
    macro_values v = rfc_values();
    const std::string long_text = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                  std::string(63, 'c') + "." + std::string(57, 'd');
    const auto name = [&](const std::string& spec)
    { return expand_name(*parse_macro_string(spec, macro_place::domain_spec), v); };
    v.domain = long_text;
    EXPECT_EQ(name("%{d}.e.f"), long_text + ".e.f") << "253 bytes";
    EXPECT_EQ(name("%{d}.e.f."), long_text + ".e.f");
    EXPECT_EQ(name("%{d}.e.fg"), long_text.substr(64) + ".e.fg");
    EXPECT_EQ(name("x.%{d}.E.F"), long_text + ".e.f");
    const std::string one_label(300, 'x');
    v.domain = one_label;
    EXPECT_EQ(name("%{d}.example.com"), "example.com");
    EXPECT_EQ(name("%{d}"), std::nullopt);
    v.domain = "a..b";
    EXPECT_EQ(name("%{d}.com"), std::nullopt);
    v.domain = "";
    EXPECT_EQ(name("%{d}"), std::nullopt);
    const std::string dots = std::string(60'000, '.') + "example";
    v.domain = dots;
    EXPECT_EQ(name("%{d}%{d}%{d}.com"), std::nullopt);
    v.domain = long_text;
    std::string repeated;
    for (int i = 0; i < 2'000; ++i)
    {
        repeated += "%{d}.";
    }
    EXPECT_EQ(name(repeated + "info"), long_text.substr(64) + ".info") << "bounded on the way";
}

struct explanation_row
{
    const char* text;
    const char* expected;
    const char* ip = "192.168.218.40";
};

// Section 6.2.
TEST(SpfMacro, Explanations)
{
    const explanation_row rows[] = {
        {"Correct!", "Correct!"},
        {"This is a test.", "This is a test."},
        {"", ""},
        {"Connections from %{c} not authorized.",
         "Connections from 192.168.218.40 not authorized."},
        {"http://%{d}/why.html?l=%{L}&i=%{I}",
         "http://example.com/why.html?l=strong%2Bbad&i=192.168.218.40"},
        {"%{c} is queried as %{ir}.%{v}.arpa",
         "192.168.218.40 is queried as 40.218.168.192.in-addr.arpa"},
        {"%{c} is queried as %{ir}.%{v}.arpa",
         "cafe:babe::1 is queried as "
         "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.e.b.a.b.e.f.a.c.ip6.arpa",
         "CAFE:BABE::1"},
        {"connect from %{p}", "connect from mx.example.com"},
        {"connect from %{p}", "connect from unknown", "192.168.218.41"},
        {"connect from %{p}", "connect from unknown", "192.168.218.42"},
        {"connect from %{p}", "connect from unknown", "192.168.218.43"},
        {"connect from %{p}", "connect from client.example.net", "192.168.218.44"},
        {"connect from %{p}", "connect from unknown", "CAFE:BABE::2"},
        {"%{r} %{h}", "unknown mail.example.com"},
        {"not %{a}", "DEFAULT"},
        {"5% off", "DEFAULT"},
        {"\xEF\xBB\xBFGood", "DEFAULT"},
        {"two\nlines", "DEFAULT"},
    };
    for (const explanation_row& r : rows)
    {
        spf_zone zone;
        zone.txt("example.com", "v=spf1 exp=why.%{d} -all").txt("why.example.com", r.text);
        zone.ptr("40.218.168.192.in-addr.arpa", "client.example.net")
            .ptr("40.218.168.192.in-addr.arpa", "mx.example.com")
            .ptr("41.218.168.192.in-addr.arpa", "mx.example.com")
            .ptr("43.218.168.192.in-addr.arpa", "slow.example.com")
            .ptr("44.218.168.192.in-addr.arpa", "mx.example.com")
            .ptr("44.218.168.192.in-addr.arpa", "client.example.net")
            .broken("42.218.168.192.in-addr.arpa", record_type::ptr)
            .broken("slow.example.com", record_type::a)
            .address("mx.example.com", {"192.168.218.40", "CAFE:BABE::1"})
            .address("client.example.net", {"192.168.218.40", "192.168.218.44"});
        spf_request request = spf_of(r.ip, "strong+bad@example.com");
        request.default_explanation = "DEFAULT";
        const spf_run run = run_spf(zone, request);
        EXPECT_EQ(run.verdict.result, spf_result::fail) << r.text;
        EXPECT_EQ(run.verdict.explanation, r.expected) << run.text();
        EXPECT_EQ(run.verdict.lookups, 0U) << "nothing of an explanation counts";
    }
}

TEST(SpfMacro, WhoseExplanation)
{
    spf_zone zone;
    zone.txt("plain.com", "v=spf1 -all");
    zone.txt("none.com", "v=spf1 -all exp=gone.com");
    zone.txt("two.com", "v=spf1 -all exp=twice.com").txt("twice.com", "a").txt("twice.com", "b");
    zone.txt("slow.com", "v=spf1 -all exp=broken.com").broken("broken.com", record_type::txt);
    zone.txt("bad.com", "v=spf1 -all exp=a..%{d}");
    zone.txt("soft.com", "v=spf1 ~all exp=t.com").txt("t.com", "own of %{d}");
    zone.txt("include.com", "v=spf1 -include:pass.com exp=t.com ?all");
    zone.txt("pass.com", "v=spf1 ip4:1.2.3.4 exp=x.com").txt("x.com", "wrong");
    zone.txt("failing.com", "v=spf1 include:inner.com exp=t.com -all");
    zone.txt("inner.com", "v=spf1 -all exp=x.com");
    zone.txt("redirect.com", "v=spf1 exp=x.com redirect=target.com");
    zone.txt("target.com", "v=spf1 -all exp=t.com");
    zone.txt("cancel.com", "v=spf1 exp=x.com redirect=plain.com");
    zone.txt("dot.com", "v=spf1 exp=t.com. -all");
    zone.txt("void.com", "v=spf1 a:v1.com a:v2.com -all exp=gone.com");
    zone.txt("long.com", "v=spf1 -all exp=longtext.com");
    zone.txt("longtext.com", std::string(spf_explanation_bytes_max + 1, 'a'));
    zone.txt("user.com", "v=spf1 -all exp=who.com").txt("who.com", "%{l}");
    const std::tuple<const char*, spf_result, const char*> rows[] = {
        {"plain.com", spf_result::fail, "DEFAULT"},
        {"none.com", spf_result::fail, "DEFAULT"},
        {"two.com", spf_result::fail, "DEFAULT"},
        {"slow.com", spf_result::fail, "DEFAULT"},
        {"bad.com", spf_result::fail, "DEFAULT"},
        {"soft.com", spf_result::softfail, ""},
        {"include.com", spf_result::fail, "own of include.com"},
        {"failing.com", spf_result::fail, "own of failing.com"},
        {"redirect.com", spf_result::fail, "own of target.com"},
        {"cancel.com", spf_result::fail, "DEFAULT"},
        {"dot.com", spf_result::fail, "own of dot.com"},
        {"void.com", spf_result::fail, "DEFAULT"},
        {"long.com", spf_result::fail, "DEFAULT"},
        {"user.com", spf_result::fail, "DEFAULT"},
    };
    for (const auto& [domain, result, expected] : rows)
    {
        spf_request request = spf_of("1.2.3.4", std::string("caf\xC3\xA9@") + domain);
        request.default_explanation = "DEFAULT";
        const spf_run run = run_spf(zone, request);
        EXPECT_EQ(run.verdict.result, result) << domain << ": " << run.text();
        EXPECT_EQ(run.verdict.explanation, expected) << domain;
    }
}

// Section 7.3: which of the client's names; section 4.6.4: what the macro costs.
TEST(SpfMacro, ClientName)
{
    const std::string client = "4.3.2.1.in-addr.arpa";
    spf_zone zone;
    zone.txt("example.com", "v=spf1 exists:%{p}.ok a:%{p}.no redirect=%{p}.to.net");
    for (const char* host : {"any.net", "sub.example.com", "example.com"})
    {
        zone.ptr(client, host);
    }
    zone.address("any.net", {"1.2.3.4"}).address("sub.example.com", {"1.2.3.4"});
    spf_zone exact = zone;
    exact.address("example.com", {"1.2.3.4"}).address("example.com.ok", {"127.0.0.2"});
    EXPECT_EQ(run_spf(exact, spf_of("1.2.3.4", "example.com")).verdict.result, spf_result::pass);
    zone.address("example.com", {"1.2.3.5"});
    zone.txt("sub.example.com.to.net", "v=spf1 exp=why.net -exists:%{p}.two")
        .txt("why.net", "%{p}");
    zone.address("any.net.two", {"127.0.0.2"}).address("sub.example.com.two", {"127.0.0.2"});
    const spf_run run = run_spf(zone, spf_of("1.2.3.4", "example.com"));
    EXPECT_EQ(run.verdict.result, spf_result::fail) << run.text();
    EXPECT_TRUE(run.verdict.explanation == "sub.example.com" ||
                run.verdict.explanation == "any.net");
    EXPECT_EQ(run.verdict.lookups, 5U) << "the PTR question once, and each term";
    EXPECT_EQ(std::count(run.questions.begin(), run.questions.end(), "PTR " + client), 1);
}

// Any byte may come into a name from HELO and the local part.
TEST(SpfMacro, HostileNames)
{
    spf_zone zone;
    zone.txt("e9.example.com", "v=spf1 a:%{H} -all").txt("e8.example.com", "v=spf1 a:%{h} -all");
    zone.txt("e10.example.com", "v=spf1 -include:_spfh.%{d2} ip4:1.2.3.0/24 -all");
    zone.txt("_spfh.example.com", "v=spf1 -a:%{h} +all");
    zone.address("msgbas2x.cos.example.com", {"192.168.218.40"});
    const std::tuple<const char*, const char*, const char*, spf_result> rows[] = {
        {"e9", "msgbas2x.cos.example.com", "192.168.218.40", spf_result::pass},
        {"e9", "JUMPIN' JUPITER", "192.168.218.40", spf_result::fail},
        {"e8", "JUMPIN' JUPITER.example.com", "192.168.218.40", spf_result::fail},
        {"e8", "[192.168.218.40]", "192.168.218.40", spf_result::fail},
        {"e8", "\xE4\x1f.x", "192.168.218.40", spf_result::fail},
        {"e8", "", "192.168.218.40", spf_result::fail},
        {"e8", "..", "192.168.218.40", spf_result::fail},
        {"e10", "OEMCOMPUTER", "1.2.3.4", spf_result::fail},
    };
    for (const auto& [name, helo, ip, expected] : rows)
    {
        const auto request = spf_of(ip, std::string("test@") + name + ".example.com", helo);
        const spf_run run = run_spf(zone, request);
        EXPECT_EQ(run.verdict.result, expected) << helo << ": " << run.text();
    }
}

} // namespace
} // namespace hikyaku::dns
