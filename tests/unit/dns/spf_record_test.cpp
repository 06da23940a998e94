#include "spf_zone.h"

#include <gtest/gtest.h>

#include <string>

namespace hikyaku::dns
{
namespace
{

using namespace std::string_literals;

using test::run_spf;
using test::spf_of;
using test::spf_zone;

spf_result result_of(const std::string& record, const char* ip = "1.2.3.4",
                     const std::string& from = "foo@example.com")
{
    spf_zone zone;
    zone.txt("example.com", record)
        .address("example.com", {"1.2.3.9"})
        .address("mail.example.com", {"1.2.3.4", "2001:db8::4"})
        .address("dual.example.com", {"1.2.3.8", "2001:db8::ff"})
        .address("foo:bar/baz.example.com", {"1.2.3.4"})
        .address("foo.example.xn--zckzah", {"1.2.3.4"})
        .address("macro%percent  space%20.example.com", {"1.2.3.4"})
        .address("four.example.com", {"::4"})
        .mx("example.com", 10, "mail.example.com");
    return run_spf(zone, spf_of(ip, from)).verdict.result;
}

struct row
{
    std::string record;
    spf_result expected;
    const char* ip = "1.2.3.4";
};

void check(const std::vector<row>& rows)
{
    for (const row& r : rows)
    {
        EXPECT_STREQ(spf_result_name(result_of(r.record, r.ip)), spf_result_name(r.expected))
            << r.record << " for " << r.ip;
    }
}

constexpr auto none = spf_result::none;
constexpr auto neutral = spf_result::neutral;
constexpr auto pass = spf_result::pass;
constexpr auto fail = spf_result::fail;
constexpr auto softfail = spf_result::softfail;
constexpr auto temperror = spf_result::temperror;
constexpr auto permerror = spf_result::permerror;

// Section 4.5.
TEST(SpfRecord, Version)
{
    check({
        {"v=spf1", neutral},
        {"V=SpF1 +aLL", pass},
        {"v=spf1 ", neutral},
        {"v=spf10", none},
        {"v=spf1\tall", none},
        {"v=spf1-all", none},
        {" v=spf1 -all", none},
        {"\"v=spf1 -all\"", none},
        {"v=spf2.0/pra -all", none},
        {"v=spf1\0 -all"s, none},
        {"", none},
    });
}

// Sections 4.6.1 and 4.6.2: terms are separated by spaces only, all of them are read.
TEST(SpfRecord, Terms)
{
    check({
        {"v=spf1  ip4:1.2.3.4   -all  ", pass},
        {"v=spf1 ip4:1.2.3.4 -all moo", permerror},
        {"v=spf1 ip4:1.2.3.4\t-all", permerror},
        {"v=spf1 a:ctrl.example.com\rptr -all", permerror},
        {"v=spf1 a:\xEF\xBB\xBFgarbage.example.net -all", permerror},
        {"v=spf1 \x80"
         "a:example.net -all",
         permerror},
        {"v=spf1 a:example.net \x96"
         "all",
         permerror},
        {"v=spf1 -", permerror},
        {"v=spf1 :", permerror},
        {"v=spf1 =", permerror},
        {"v=spf1 =all", permerror},
        {"v=spf1 --all", permerror},
        {"v=spf1 !all", permerror},
        {"v=spf1 foo:bar", permerror},
        {"v=spf1 ~all", softfail},
        {"v=spf1 ?all", neutral},
        {"v=spf1 -all", fail},
        {"v=spf1 all -all", pass},
        {"v=spf1 -IP4:1.2.3.4 all", fail},
        {std::string("v=spf1 ") + std::string(spf_record_bytes_max, ' '), permerror},
    });
}

// Section 5.1.
TEST(SpfRecord, AllTakesNothing)
{
    check({{"v=spf1 -all.", permerror},
           {"v=spf1 -all:foobar", permerror},
           {"v=spf1 -all/8", permerror},
           {"v=spf1 -all:", permerror}});
}

// Sections 6 and 12: name "=" macro-string.
TEST(SpfRecord, Modifiers)
{
    check({
        {"v=spf1 moo.cow-far_out=man:dog/cat ip4:1.2.3.4 -all", pass},
        {"v=spf1 moo.cow/far_out=man:dog/cat ip4:1.2.3.4 -all", permerror},
        {"v=spf1 moo.cow:far_out=man:dog/cat ip4:1.2.3.4 -all", permerror},
        {"v=spf1 default=pass", neutral},
        {"v=spf1 foo= foo=bar all", pass},
        {"v=spf1 ip4=1.2.3.4 v=spf1", neutral},
        {"v=spf1 x=%{c}%{r}%{t}%{l5r+-}%% all", pass},
        {"v=spf1 x=% all", permerror},
        {"v=spf1 x=%{x} all", permerror},
        {"v=spf1 1up=foo all", permerror},
        {"v=spf1 -x=foo all", permerror},
        {"v=spf1 redirect:mail.example.com", permerror},
        {"v=spf1 redirect", permerror},
        {"v=spf1 redirect= all", permerror},
        {"v=spf1 exp= all", permerror},
        {"v=spf1 -redirect=a.example.com all", permerror},
        {"v=spf1 exp=a.b.com exp=c.d.com all", permerror},
        {"v=spf1 exp=a.b.com EXP=a.b.com all", permerror},
        {"v=spf1 redirect=a.b.com all redirect=a.b.com", permerror},
        {"v=spf1 redirect=a.b.com/24 all", permerror},
        {"v=spf1 exp=foo all", permerror},
        {"v=spf1 exp=%{t}.example.com all", permerror},
    });
}

// Section 5.6.
TEST(SpfRecord, Networks)
{
    check({
        {"v=spf1 ip4:1.2.3.4 -all", pass},
        {"v=spf1 ip4:1.2.3.5 -all", fail},
        {"v=spf1 ip4:1.2.3.4/32 -all", pass},
        {"v=spf1 ip4:1.2.3.5/31 -all", pass},
        {"v=spf1 ip4:1.2.3.6/31 -all", fail},
        {"v=spf1 ip4:1.2.200.1/16 -all", pass},
        {"v=spf1 ip4:9.9.9.9/0 -all", pass},
        {"v=spf1 ip4:1.1.1.1/33 -all", permerror},
        {"v=spf1 ip4:1.1.1.1/032 -all", permerror},
        {"v=spf1 ip4:1.1.1.1/00 -all", permerror},
        {"v=spf1 ip4:1.1.1.1/ -all", permerror},
        {"v=spf1 ip4:1.1.1.1/-1 -all", permerror},
        {"v=spf1 ip4:1.2.3.4//32", permerror},
        {"v=spf1 ip4:1.2.3.4:8080", permerror},
        {"v=spf1 ip4:1.2.3", permerror},
        {"v=spf1 ip4:1.2.3.04", permerror},
        {"v=spf1 ip4:1.2.3.256", permerror},
        {"v=spf1 ip4:1.2.3.4.", permerror},
        {"v=spf1 ip4:::1", permerror},
        {"v=spf1 ip4:%{i}", permerror},
        {"v=spf1 ip4 -all", permerror},
        {"v=spf1 ip4: -all", permerror},
        {"v=spf1 ip4/24 -all", permerror},
        {"v=spf1 -ip4:1.2.3.4 ip6:::FFFF:1.2.3.4", fail, "::FFFF:1.2.3.4"},
        {"v=spf1 ip6:::/0 -all", fail, "::FFFF:1.2.3.4"},
        {"v=spf1 ip6:::1.1.1.1/0", neutral},
        {"v=spf1 ip6:::1.1.1.1/0", pass, "DEAF:BABE::CAB:FEE"},
        {"v=spf1 ip6:::1.1.1.1/129", permerror},
        {"v=spf1 ip6:::1.1.1.1//33", permerror},
        {"v=spf1 ip6:::1/0128", permerror},
        {"v=spf1 ip6:Cafe:Babe:8000::/33", pass, "CAFE:BABE:8000::"},
        {"v=spf1 ip6:Cafe:Babe:8000::/33", neutral, "CAFE:BABE:7000::"},
        {"v=spf1 ip6:Cafe:Babe:8000::/33", neutral},
        {"v=spf1 ip6:1.2.3.4", permerror},
        {"v=spf1 ip6:::1%eth0", permerror},
        {"v=spf1 ip6", permerror},
        {"v=spf1 ip4:1.2.3.4 all", pass, "::1"},
    });
}

// Sections 5.3 and 7.1.
TEST(SpfRecord, Addresses)
{
    check({
        {"v=spf1 a/24 -all", pass},
        {"v=spf1 a -all", fail},
        {"v=spf1 a/0 -all", pass, "9.9.9.9"},
        {"v=spf1 a//0 -all", fail, "::1"},
        {"v=spf1 a:dual.example.com//0 -all", pass, "::1"},
        {"v=spf1 a:dual.example.com//0 -all", fail},
        {"v=spf1 a:dual.example.com//0 -all", fail, "::FFFF:1.2.3.4"},
        {"v=spf1 a:dual.example.com/29//0 -all", fail},
        {"v=spf1 a:dual.example.com/28//120 -all", pass},
        {"v=spf1 a:dual.example.com/28//120 -all", pass, "2001:db8::1"},
        {"v=spf1 a:mail.example.com -all", pass, "2001:db8::4"},
        {"v=spf1 a:mail.example.com/0 -all", fail, "2001:db8::5"},
        {"v=spf1 a:gone.example.com/0 -all", fail},
        {"v=spf1 a:gone.example.com//0 -all", fail, "::1"},
        {"v=spf1 a/33 -all", permerror},
        {"v=spf1 a//129 -all", permerror},
        {"v=spf1 a/24/64 -all", permerror},
        {"v=spf1 a/ -all", permerror},
        {"v=spf1 a// -all", permerror},
        {"v=spf1 a///64 -all", permerror},
        {"v=spf1 a/024 -all", permerror},
        {"v=spf1 a: -all", permerror},
        {"v=spf1 a:/24 -all", permerror},
        {"v=spf1 a:mail.example.com/ -all", permerror},
        {"v=spf1 a:mail.example.com/abc -all", permerror},
        {"v=spf1 a:mail.example.com:8080", permerror},
        {"v=spf1 a:foo.example.com\0"s, permerror},
        {"v=spf1 a:111.222.33.44", permerror},
        {"v=spf1 a:abc.123", permerror},
        {"v=spf1 a:foo.example.xn--zckzah -all", pass},
        {"v=spf1 a:example.-com", permerror},
        {"v=spf1 a:example.com-", permerror},
        {"v=spf1 a:example.1-2", neutral},
        {"v=spf1 a:museum", permerror},
        {"v=spf1 a:museum.", permerror},
        {"v=spf1 a:mail.example.com. -all", pass},
        {"v=spf1 a:mail.example.com.. -all", permerror},
        {"v=spf1 a:foo:bar/baz.example.com", pass},
        {"v=spf1 a:foo-bar -all", permerror},
        {"v=spf1 a:mail.example...com -all", fail},
        {"v=spf1 a:.com -all", fail},
        {"v=spf1 a:" + std::string(64, 'a') + ".example.com -all", fail},
        {"v=spf1 A:MAIL.example.COM/32 -all", pass},
    });
}

// Section 7.1.
TEST(SpfRecord, DomainSpecs)
{
    check({
        {"v=spf1 a:macro%%percent%_%_space%-.example.com -all", pass},
        {"v=spf1 a:mail.%{d} -all", pass},
        {"v=spf1 a:mail.%{d}/32 -all", pass},
        {"v=spf1 a:mail.%{D2}. -all", permerror},
        {"v=spf1 a:mail.%{d}com -all", permerror},
        {"v=spf1 a:mail.%{d2/} -all", pass},
        {"v=spf1 a:mail.%{d.,/_=+-} -all", pass},
        {"v=spf1 a:%{d}.example.c%% -all", fail},
        {"v=spf1 exists:%(ir).example.com -all", permerror},
        {"v=spf1 exists:%{ir%}.example.com -all", permerror},
        {"v=spf1 exists:%{ir}.example.com% -all", permerror},
        {"v=spf1 exists:%{ir}.%.example.com -all", permerror},
        {"v=spf1 exists:%{}.example.com -all", permerror},
        {"v=spf1 exists:%{d -all", permerror},
        {"v=spf1 exists:%{d0}.example.com -all", permerror},
        {"v=spf1 exists:%{d00r}.example.com -all", permerror},
        {"v=spf1 exists:%{d007R-}.example.com -all", fail},
        {"v=spf1 exists:%{d99999999999999999999999}.example.com -all", fail},
        {"v=spf1 exists:%{dr1}.example.com -all", permerror},
        {"v=spf1 exists:%{drr}.example.com -all", permerror},
        {"v=spf1 exists:%{d*}.example.com -all", permerror},
        {"v=spf1 exists:%{d-1}.example.com -all", permerror},
        {"v=spf1 exists:%{dd}.example.com -all", permerror},
        {"v=spf1 exists:%{a}.example.com -all", permerror},
        {"v=spf1 exists:%{c}.example.com -all", permerror},
        {"v=spf1 exists:%{r}.example.com -all", permerror},
        {"v=spf1 exists:%{t}.example.com -all", permerror},
        {"v=spf1 exists:%{T}.example.com -all", permerror},
        {"v=spf1 exists: -all", permerror},
        {"v=spf1 exists -all", permerror},
        {"v=spf1 exists:mail.example.com/24 -all", permerror},
        {"v=spf1 exists:mail.example.com -all", pass, "::1"},
        {"v=spf1 exists:four.example.com -all", fail, "::4"},
        {"v=spf1 include -all", permerror},
        {"v=spf1 include: -all", permerror},
        {"v=spf1 include/24 -all", permerror},
        {"v=spf1 include:mail.example.com/24 -all", permerror},
        {"v=spf1 ptr: -all", permerror},
        {"v=spf1 ptr/0 -all", permerror},
        {"v=spf1 mx -all", pass},
        {"v=spf1 mx/24 -all", pass, "1.2.3.99"},
        {"v=spf1 mx//64 -all", pass, "2001:db8::99"},
        {"v=spf1 mx:example.com/33 -all", permerror},
        {"v=spf1 mx: -all", permerror},
        {"v=spf1 mx:example.com:8080", permerror},
        {"v=spf1 mx:abc.123", permerror},
        {"v=spf1 mx:mail.example.com -all", fail},
    });
}

// More than one record is an error, other TXT records don't matter (section 4.5).
TEST(SpfRecord, Selection)
{
    spf_zone zone;
    zone.txt("two.example.com", "v=spf1 -all").txt("two.example.com", "v=spf1 +all");
    zone.txt("same.example.com", "v=spf1").txt("same.example.com", "v=spf1");
    zone.txt("one.example.com", "\xA9 2026").txt("one.example.com", "v=spf1 +all");
    zone.txt("one.example.com", "v=spf10 -all");
    zone.address("nothing.example.com", {"1.2.3.4"});
    zone.broken("slow.example.com", record_type::txt);
    zone.cname("alias.example.com", "one.example.com").cname("l.example.com", "l.example.com");
    const std::pair<const char*, spf_result> rows[] = {
        {"two", permerror}, {"same", permerror}, {"one", pass},   {"nothing", none},
        {"gone", none},     {"slow", temperror}, {"alias", pass}, {"l", none},
    };
    for (const auto& [name, expected] : rows)
    {
        const auto run =
            run_spf(zone, spf_of("1.2.3.4", std::string("a@") + name + ".example.com"));
        EXPECT_EQ(run.verdict.result, expected) << name << ": " << run.text();
        EXPECT_EQ(run.verdict.reason.empty(), expected == pass) << name;
    }
}

} // namespace
} // namespace hikyaku::dns
