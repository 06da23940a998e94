#include "good_zone.h"

#include "check_parts.h"

#include <gtest/gtest.h>

namespace hikyaku::identity
{
namespace
{

domain_check_input make_input()
{
    domain_check_input in;
    in.domain.domain = "shop.co.jp";
    in.domain.return_path_domain = "bounce.shop.co.jp";
    in.domain.keys = {{"hk1r", dkim::algorithm::rsa_sha256, rsa_text, "sealed"}};
    in.envelope_domain = in.domain.return_path_domain;
    in.hostname = "mail.host.example";
    in.sources = {{"one", *dns::parse_ip("192.0.2.1"), "mail.host.example"}};
    in.spf_mechanisms = "ip4:192.0.2.1";
    in.records = {{"TXT", "shop.co.jp", "v=spf1 ip4:192.0.2.1 ~all", "spf"},
                  {"TXT", "bounce.shop.co.jp", "v=spf1 ip4:192.0.2.1 -all", "return_path_spf"}};
    in.now = check_time;
    return in;
}

std::vector<check_finding> run(domain_check_input in, const dns::test::spf_zone& zone)
{
    domain_check check(std::move(in));
    for (int rounds = 0; !check.questions().empty() && rounds < 200; ++rounds)
    {
        std::vector<dns::rrset> answers;
        for (const auto& q : check.questions())
        {
            answers.push_back(zone.find(q));
        }
        check.take(answers);
    }
    return check.findings();
}

const check_finding& find(const std::vector<check_finding>& all, check_kind kind)
{
    for (const auto& f : all)
    {
        if (f.what == kind)
        {
            return f;
        }
    }
    ADD_FAILURE() << "no finding of " << to_string(kind);
    static const check_finding none;
    return none;
}

std::string states(const std::vector<check_finding>& all)
{
    std::string out;
    for (const auto& f : all)
    {
        out += std::string(out.empty() ? "" : " ") + to_string(f.what) + "=" + to_string(f.state);
    }
    return out;
}

TEST(DomainCheck, AGoodDomainIsOkEverywhere)
{
    const auto found = run(make_input(), make_zone());
    EXPECT_EQ(states(found), "dkim=ok spf=ok return_path_spf=ok return_path_mx=ok dmarc=ok "
                             "alignment=ok from_mx=ok ptr=ok");
    for (const auto& f : found)
    {
        EXPECT_FALSE(f.record.has_value()) << to_string(f.what);
        EXPECT_FALSE(f.seen.empty()) << to_string(f.what);
    }
    const auto sum = sum_up(make_input().domain, merge_findings({}, found, check_time), check_time);
    EXPECT_TRUE(sum.dkim && sum.spf && sum.return_path && sum.dmarc);
    EXPECT_EQ(overall_state(sum, check_time), check_state::ok);
}

TEST(DomainCheck, EachMissingRecordIsNamedWithWhatToPublish)
{
    struct row
    {
        zone_gaps gaps;
        check_kind kind;
        check_state state;
        std::optional<dns_record> record;
    };
    const row rows[] = {
        {{.dkim = true},
         check_kind::dkim,
         check_state::fail,
         dns_record{"TXT", "hk1r._domainkey.shop.co.jp", rsa_text, "dkim"}},
        {{.from_spf = true},
         check_kind::spf,
         check_state::warn,
         dns_record{"TXT", "shop.co.jp", "v=spf1 ip4:192.0.2.1 ~all", "spf"}},
        {{.return_path_spf = true},
         check_kind::return_path_spf,
         check_state::fail,
         dns_record{"TXT", "bounce.shop.co.jp", "v=spf1 ip4:192.0.2.1 -all", "return_path_spf"}},
        {{.return_path_mx = true},
         check_kind::return_path_mx,
         check_state::fail,
         dns_record{"MX", "bounce.shop.co.jp", "10 mail.host.example", "return_path_mx"}},
        {{.dmarc = true},
         check_kind::dmarc,
         check_state::fail,
         dns_record{"TXT", "_dmarc.shop.co.jp", "v=DMARC1; p=none", "dmarc"}},
        {{.from_mx = true},
         check_kind::from_mx,
         check_state::fail,
         dns_record{"MX", "shop.co.jp", "10 mail.host.example", "from_mx"}},
        {{.ptr = true}, check_kind::ptr, check_state::warn, std::nullopt},
    };
    for (const auto& r : rows)
    {
        const auto found = run(make_input(), make_zone(r.gaps));
        const auto& f = find(found, r.kind);
        EXPECT_EQ(f.state, r.state) << to_string(r.kind) << ": " << f.seen;
        EXPECT_EQ(f.record, r.record) << to_string(r.kind);
        for (const auto& other : found)
        {
            EXPECT_TRUE(other.what == r.kind || other.state == check_state::ok)
                << to_string(r.kind) << " touches " << to_string(other.what);
        }
    }
}

TEST(DomainCheck, NoAnswerIsUnknown)
{
    using dns::record_type;
    const std::tuple<const char*, record_type, check_kind> rows[] = {
        {"hk1r._domainkey.shop.co.jp", record_type::txt, check_kind::dkim},
        {"shop.co.jp", record_type::txt, check_kind::spf},
        {"bounce.shop.co.jp", record_type::txt, check_kind::return_path_spf},
        {"bounce.shop.co.jp", record_type::mx, check_kind::return_path_mx},
        {"_dmarc.shop.co.jp", record_type::txt, check_kind::dmarc},
        {"1.2.0.192.in-addr.arpa", record_type::ptr, check_kind::ptr},
        {"mail.host.example", record_type::a, check_kind::ptr},
    };
    for (const auto& [name, type, kind] : rows)
    {
        auto zone = make_zone();
        zone.broken(name, type);
        const auto found = run(make_input(), zone);
        EXPECT_EQ(find(found, kind).state, check_state::unknown) << name;
        EXPECT_FALSE(find(found, kind).record.has_value());
    }
    auto zone = make_zone({.from_mx = true});
    zone.broken("shop.co.jp", record_type::mx);
    EXPECT_EQ(find(run(make_input(), zone), check_kind::from_mx).state, check_state::unknown);
    domain_check late(make_input());
    late.give_up();
    for (const auto& f : late.findings())
    {
        EXPECT_EQ(f.state, check_state::unknown) << to_string(f.what);
    }
}

TEST(DomainCheck, SpfMustPassForEverySource)
{
    auto in = make_input();
    in.sources.push_back({"two", *dns::parse_ip("192.0.2.2"), ""});
    in.spf_mechanisms = "ip4:192.0.2.1 ip4:192.0.2.2";
    auto found = run(in, make_zone());
    const auto& f = find(found, check_kind::return_path_spf);
    EXPECT_EQ(f.state, check_state::fail);
    EXPECT_TRUE(f.seen.starts_with("192.0.2.2: fail")) << f.seen;
    // What is published already stays in it.
    ASSERT_TRUE(f.record.has_value());
    EXPECT_EQ(f.record->value, "v=spf1 ip4:192.0.2.2 ip4:192.0.2.1 ip6:2001:db8::1 -all");
    in.sources[1].ip = *dns::parse_ip("2001:db8::1");
    EXPECT_EQ(find(run(in, make_zone()), check_kind::return_path_spf).state, check_state::ok);
    // Only an address that nobody configured: a warning, as long as there is a record.
    in.sources.clear();
    in.sources_without_address = {"default"};
    found = run(in, make_zone());
    EXPECT_EQ(find(found, check_kind::return_path_spf).state, check_state::warn);
    const auto checks = sum_up(in.domain, merge_findings({}, found, check_time), check_time);
    EXPECT_TRUE(checks.return_path);
    EXPECT_EQ(
        find(run(in, make_zone({.return_path_spf = true})), check_kind::return_path_spf).state,
        check_state::fail);
}

TEST(DomainCheck, SpfRecordsThatCantBeUsedFail)
{
    for (const char* text : {"v=spf1 ip4:nonsense -all", "v=spf1 ?all", "v=spf1 ~all",
                             "v=spf1 include:nowhere.example -all"})
    {
        auto zone = make_zone({.return_path_spf = true});
        zone.txt("bounce.shop.co.jp", text);
        EXPECT_EQ(find(run(make_input(), zone), check_kind::return_path_spf).state,
                  check_state::fail)
            << text;
    }
    auto zone = make_zone();
    zone.txt("bounce.shop.co.jp", "v=spf1 ip4:192.0.2.1 -all");
    const auto f = find(run(make_input(), zone), check_kind::return_path_spf);
    EXPECT_EQ(f.state, check_state::fail);
    EXPECT_EQ(f.seen, "2 SPF records: only one may be");
}

TEST(DomainCheck, DkimTakesAliasesAndRefusesOtherKeys)
{
    auto zone = make_zone({.dkim = true});
    zone.cname("hk1r._domainkey.shop.co.jp", "hk1r.keys.example");
    zone.txt("hk1r.keys.example", "k=rsa;p=TUlJ\tQg==; t=s; n=note");
    EXPECT_EQ(find(run(make_input(), zone), check_kind::dkim).state, check_state::ok);
    EXPECT_EQ(
        find(run(make_input(), make_zone({}, {{"hk1r", other_text}})), check_kind::dkim).state,
        check_state::fail);
    EXPECT_EQ(find(run(make_input(), make_zone({}, {{"hk1r", rsa_text}, {"hk1r", other_text}})),
                   check_kind::dkim)
                  .state,
              check_state::warn);
    // Only keys that sign are looked at.
    auto in = make_input();
    in.domain.keys.push_back({"hk2r", dkim::algorithm::rsa_sha256, other_text, "new"});
    in.domain.keys[1].state = key_state::pending;
    const auto found = run(in, make_zone());
    EXPECT_EQ(std::count_if(found.begin(), found.end(),
                            [](const auto& f) { return f.what == check_kind::dkim; }),
              1);
}

TEST(DomainCheck, KeyRecordsAreComparedAsRfc6376Says)
{
    const std::pair<const char*, bool> rows[] = {
        {"v=DKIM1; k=rsa; p=TUlJQg==", true},
        {"p=TUlJQg==;", true},
        {"v=DKIM1;h=sha1:sha256;s=email:x;p=TUlJQg==", true},
        {"v=DKIM1; k=rsa; h=sha1; p=TUlJQg==", false},
        {"v=DKIM1; s=tlsrpt; p=TUlJQg==", false},
        {"v=DKIM1; k=ed25519; p=TUlJQg==", false},
        {"v=DKIM2; p=TUlJQg==", false},
        {"p=TUlJQg==; v=DKIM1", false},
        {"v=DKIM1; k=rsa; p=", false},
        {"v=DKIM1; k=rsa", false},
        {"v=DKIM1; p=TUlJQg==; p=TUlJQg==", false},
        {"v=DKIM1; p=!!!!", false},
        {"v=DKIM1; p=TUlJ", false},
        {"", false},
        {"nonsense", false},
        {";;;;", false},
    };
    for (const auto& [text, same] : rows)
    {
        const auto got = compare_key_record(text, rsa_text);
        EXPECT_EQ(got.same, same) << text;
        EXPECT_EQ(got.why.empty(), same) << text;
    }
    EXPECT_FALSE(compare_key_record(std::string(20'000, 'a'), rsa_text).same);
}

TEST(DomainCheck, DmarcIsFoundAtTheOrganisationalDomain)
{
    auto in = make_input();
    in.domain.domain = "news.shop.co.jp";
    in.domain.keys.clear();
    auto zone = make_zone();
    EXPECT_EQ(find(run(in, zone), check_kind::dmarc).about, "_dmarc.shop.co.jp");
    EXPECT_EQ(find(run(in, zone), check_kind::dmarc).state, check_state::ok);
    zone.txt("_dmarc.news.shop.co.jp", "v=DMARC1; p=broken");
    EXPECT_EQ(find(run(in, zone), check_kind::dmarc).state, check_state::fail);
    auto twice = make_zone();
    twice.txt("_dmarc.shop.co.jp", "v=DMARC1; p=reject");
    EXPECT_EQ(find(run(make_input(), twice), check_kind::dmarc).state, check_state::fail);
}

TEST(DomainCheck, AlignmentOfTheEnvelopeIsAWarningSinceDkimIsAligned)
{
    auto zone = make_zone({.dmarc = true});
    zone.txt("_dmarc.shop.co.jp", "v=DMARC1; p=none; aspf=s");
    EXPECT_EQ(find(run(make_input(), zone), check_kind::alignment).state, check_state::warn);
    // The operator's return path is another organisation's; the own one is not needed then.
    auto in = make_input();
    in.envelope_domain = "bounce.host.example";
    auto shared = make_zone({.return_path_spf = true, .return_path_mx = true});
    shared.txt("bounce.host.example", "v=spf1 ip4:192.0.2.1 -all");
    const auto found = run(in, shared);
    EXPECT_EQ(find(found, check_kind::alignment).state, check_state::warn);
    EXPECT_EQ(find(found, check_kind::envelope_spf).state, check_state::ok);
    EXPECT_EQ(find(found, check_kind::return_path_spf).state, check_state::warn);
    EXPECT_EQ(find(found, check_kind::return_path_mx).state, check_state::warn);
    EXPECT_FALSE(sum_up(in.domain, merge_findings({}, found, check_time), check_time).return_path);
    EXPECT_EQ(find(run(in, make_zone()), check_kind::envelope_spf).state, check_state::fail);
}

TEST(DomainCheck, ANullMxAndAnAddressAlone)
{
    auto zone = make_zone({.from_mx = true});
    zone.address("shop.co.jp", {"192.0.2.80"});
    EXPECT_EQ(find(run(make_input(), zone), check_kind::from_mx).state, check_state::ok);
    zone.mx("shop.co.jp", 0, "");
    EXPECT_EQ(find(run(make_input(), zone), check_kind::from_mx).state, check_state::fail);
    auto elsewhere = make_zone();
    elsewhere.mx("bounce.shop.co.jp", 20, "mx.rival.example");
    EXPECT_EQ(find(run(make_input(), elsewhere), check_kind::return_path_mx).state,
              check_state::warn);
}

TEST(DomainCheck, WhatTheDnsSaysIsCutAndCleaned)
{
    auto zone = make_zone({.dmarc = true});
    zone.txt("_dmarc.shop.co.jp", "v=DMARC1; p=\x1b[31m\n" + std::string(5'000, 'x'));
    const auto seen = find(run(make_input(), zone), check_kind::dmarc).seen;
    EXPECT_LE(seen.size(), domain_check::seen_bytes_max + 3);
    EXPECT_EQ(seen.find('\x1b'), std::string::npos);
    EXPECT_EQ(shown("a\r\nb\xff"), "a??b?");
    EXPECT_EQ(merge_spf("v=spf1 mx -all", "ip4:192.0.2.1", "fresh"),
              "v=spf1 ip4:192.0.2.1 mx -all");
    EXPECT_EQ(merge_spf("v=spf1", "ip4:192.0.2.1", "fresh"), "fresh");
    EXPECT_EQ(merge_spf("v=spf1 \"\n -all", "ip4:192.0.2.1", "fresh"), "fresh");
}

TEST(DomainCheck, AnUnknownKeepsWhatWasFoundLastFor72Hours)
{
    auto good = merge_findings({}, run(make_input(), make_zone()), check_time);
    domain_check late(make_input());
    late.give_up();
    const auto later = check_time + std::chrono::hours{71};
    const auto merged = merge_findings(good, late.findings(), later);
    for (const auto& f : merged)
    {
        EXPECT_EQ(f.state, check_state::unknown);
        EXPECT_EQ(state_in_force(f, later), check_state::ok) << to_string(f.what);
        EXPECT_EQ(state_in_force(f, check_time + check_keep), check_state::ok);
        EXPECT_EQ(state_in_force(f, check_time + check_keep + milliseconds{1}),
                  check_state::unknown);
    }
    // A second unknown does not make the last result younger.
    const auto again = merge_findings(merged, late.findings(), later + std::chrono::hours{2});
    EXPECT_EQ(again.front().last_at, check_time);
    EXPECT_TRUE(sum_up(make_input().domain, merged, later).dkim);
    EXPECT_FALSE(sum_up(make_input().domain, again, later + std::chrono::hours{2}).dkim);
    EXPECT_EQ(overall_state({}, later), check_state::unknown);
    // A failure stays a failure as well, with the record that ends it.
    const auto bad = merge_findings({}, run(make_input(), make_zone({.dkim = true})), check_time);
    const auto kept = merge_findings(bad, late.findings(), later);
    EXPECT_EQ(state_in_force(kept.front(), later), check_state::fail);
    EXPECT_TRUE(kept.front().record.has_value());
}

} // namespace
} // namespace hikyaku::identity
