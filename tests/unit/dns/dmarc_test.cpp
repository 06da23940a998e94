#include <gtest/gtest.h>

#include <hikyaku/dns/dmarc.h>

namespace hikyaku::dns
{
namespace
{

struct record_row
{
    const char* text;
    /// nullopt: refused.
    std::optional<dmarc_record> expected;
};

dmarc_record make(dmarc_policy p, std::optional<dmarc_policy> sp = std::nullopt,
                  alignment_mode dkim = alignment_mode::relaxed,
                  alignment_mode spf = alignment_mode::relaxed, unsigned percent = 100)
{
    return {p, sp.value_or(p), dkim, spf, percent};
}

TEST(Dmarc, RecordsAreReadAsSection6Says)
{
    using enum dmarc_policy;
    using enum alignment_mode;
    const record_row rows[] = {
        {"v=DMARC1; p=none", make(none)},
        {"v=DMARC1;p=reject;", make(reject)},
        {" v = DMARC1 ;\tp = Quarantine ; ", make(quarantine)},
        {"v=DMARC1; p=reject; sp=none; adkim=s; aspf=s; pct=20",
         make(reject, none, strict, strict, 20)},
        {"v=DMARC1; P=none; ASPF=S", make(none, none, relaxed, strict)},
        // A wrong value of another tag is the default; unknown tags are ignored.
        {"v=DMARC1; p=none; adkim=x; pct=101; sp=maybe; foo=bar", make(none)},
        {"v=DMARC1; p=none; pct=-1", make(none)},
        // Only reports.
        {"v=DMARC1; rua=mailto:d@shop.example", make(none)},
        {"v=DMARC1; p=rejct; rua=mailto:d@shop.example", make(none)},
        {"v=DMARC1", std::nullopt},
        {"v=DMARC1; p=rejct", std::nullopt},
        {"v=DMARC1; p=none; nonsense", std::nullopt},
        {"v=DMARC1; p=none;;", std::nullopt},
        {"v=dmarc1; p=none", std::nullopt},
        {"v=DMARC2; p=none", std::nullopt},
        {"p=none; v=DMARC1", std::nullopt},
        {"v=spf1 -all", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& row : rows)
    {
        const auto got = parse_dmarc(row.text);
        ASSERT_EQ(got.has_value(), row.expected.has_value()) << row.text;
        if (row.expected)
        {
            EXPECT_EQ(*got, *row.expected) << row.text;
        }
        else
        {
            EXPECT_FALSE(got.error().text.empty());
        }
    }
}

TEST(Dmarc, HostileTextsAreBounded)
{
    EXPECT_TRUE(
        parse_dmarc("v=DMARC1; p=none; x=" + std::string(dmarc_record_bytes_max, 'a')).has_error());
    std::string many = "v=DMARC1; p=none";
    for (int i = 0; i < 100; ++i)
    {
        many += ";a=b";
    }
    EXPECT_TRUE(parse_dmarc(many).has_error());
    EXPECT_TRUE(parse_dmarc(std::string("v=DMARC1\0; p=none", 17)).has_error());
}

TEST(Dmarc, OnlyRecordsThatClaimToBeOnesCount)
{
    const auto txt = [](const char* text)
    { return record{"_dmarc.shop.example", record_type::txt, {}, txt_data{text}}; };
    const auto found = find_dmarc_texts({txt("google-site-verification=1"), txt("v=DMARC1; p=none"),
                                         txt("v=DMARC1"), txt("v=DMARC10; p=none")});
    EXPECT_EQ(found, (std::vector<std::string>{"v=DMARC1; p=none", "v=DMARC1"}));
}

TEST(Dmarc, OrganizationalDomainsFollowThePublicSuffixList)
{
    const std::pair<const char*, const char*> rows[] = {
        {"shop.com", "shop.com"},
        {"news.mail.shop.com", "shop.com"},
        {"shop.co.jp", "shop.co.jp"},
        {"bounce.shop.co.jp", "shop.co.jp"},
        // "*.kobe.jp" is a suffix, but city.kobe.jp is excepted.
        {"www.shop.x.kobe.jp", "shop.x.kobe.jp"},
        {"www.city.kobe.jp", "city.kobe.jp"},
        {"co.jp", "co.jp"},
        {"jp", "jp"},
        {"bounce.shop.test", "shop.test"},
        {"a.b.xn--xckya1d0c.example", "xn--xckya1d0c.example"},
    };
    for (const auto& [domain, expected] : rows)
    {
        EXPECT_EQ(organizational_domain(domain), expected) << domain;
    }
}

TEST(Dmarc, AlignmentIsRelaxedOrStrict)
{
    using enum alignment_mode;
    EXPECT_TRUE(is_aligned("bounce.shop.co.jp", "shop.co.jp", relaxed));
    EXPECT_TRUE(is_aligned("shop.co.jp", "news.shop.co.jp", relaxed));
    EXPECT_FALSE(is_aligned("bounce.shop.co.jp", "shop.co.jp", strict));
    EXPECT_TRUE(is_aligned("shop.co.jp", "shop.co.jp", strict));
    EXPECT_FALSE(is_aligned("rival.co.jp", "shop.co.jp", relaxed));
    EXPECT_FALSE(is_aligned("shop.example", "shop.test", relaxed));
    EXPECT_FALSE(is_aligned("", "", relaxed));
}

} // namespace
} // namespace hikyaku::dns
