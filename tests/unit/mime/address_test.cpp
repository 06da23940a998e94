#include <hikyaku/mime/address.h>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hikyaku::mime
{
namespace
{

using namespace std::string_view_literals;

struct good_row
{
    std::string_view typed;
    std::string_view normalized;
    std::string_view path;
    bool needs_smtputf8 = false;
};

constexpr good_row good_rows[] = {
    {"Taro.Yamada@Example.JP", "taro.yamada@example.jp", "Taro.Yamada@example.jp"},
    {"a@b.co", "a@b.co", "a@b.co"},
    {"!#$%&'*+-/=?^_`{|}~@example.jp", "!#$%&'*+-/=?^_`{|}~@example.jp",
     "!#$%&'*+-/=?^_`{|}~@example.jp"},
    {"user+tag@example.jp", "user+tag@example.jp", "user+tag@example.jp"},
    {"123@456.example.jp", "123@456.example.jp", "123@456.example.jp"},
    {"a@r3---sn.example", "a@r3---sn.example", "a@r3---sn.example"},
    // Quoted strings: the quotes go where they aren't needed.
    {R"("Taro"@EXAMPLE.jp)", "taro@example.jp", "Taro@example.jp"},
    {R"("T\aro"@example.jp)", "taro@example.jp", "Taro@example.jp"},
    {R"("a b"@example.jp)", R"("a b"@example.jp)", R"("a b"@example.jp)"},
    {R"("a@b"@example.jp)", R"("a@b"@example.jp)", R"("a@b"@example.jp)"},
    {R"("a\"\\b"@example.jp)", R"("a\"\\b"@example.jp)", R"("a\"\\b"@example.jp)"},
    {R"(""@example.jp)", R"(""@example.jp)", R"(""@example.jp)"},
    {R"("a..b"@example.jp)", R"("a..b"@example.jp)", R"("a..b"@example.jp)"},
    {R"x("(not a comment)"@example.jp)x", R"x("(not a comment)"@example.jp)x",
     R"x("(not a comment)"@example.jp)x"},
    // Domains beyond ASCII.
    {"a@日本語.jp", "a@xn--wgv71a119e.jp", "a@xn--wgv71a119e.jp"},
    {"a@日本語．ＪＰ", "a@xn--wgv71a119e.jp", "a@xn--wgv71a119e.jp"},
    {"a@XN--WGV71A119E.jp", "a@xn--wgv71a119e.jp", "a@xn--wgv71a119e.jp"},
    // Local parts beyond ASCII.
    {"太郎@日本語.jp", "太郎@xn--wgv71a119e.jp", "太郎@xn--wgv71a119e.jp", true},
    {"か\xE3\x82\x99@example.jp", "が@example.jp", "か\xE3\x82\x99@example.jp", true},
    {"राम@मोहन.ईन्फो", "राम@xn--l2bl7a9d.xn--o1b8dj2ki", "राम@xn--l2bl7a9d.xn--o1b8dj2ki", true},
    {R"("太 郎"@example.jp)", R"("太 郎"@example.jp)", R"("太 郎"@example.jp)", true},
    // Japanese carriers.
    {"a..b@docomo.ne.jp", "a..b@docomo.ne.jp", R"("a..b"@docomo.ne.jp)"},
    {".Ab.@DOCOMO.ne.jp", ".ab.@docomo.ne.jp", R"(".Ab."@docomo.ne.jp)"},
    {R"("a..b"@docomo.ne.jp)", "a..b@docomo.ne.jp", R"("a..b"@docomo.ne.jp)"},
    {"a.@ezweb.ne.jp", "a.@ezweb.ne.jp", R"("a."@ezweb.ne.jp)"},
    {".a@au.com", ".a@au.com", R"(".a"@au.com)"},
    {"a...b@i.softbank.jp", "a...b@i.softbank.jp", R"("a...b"@i.softbank.jp)"},
    {"a..b@softbank.ne.jp", "a..b@softbank.ne.jp", R"("a..b"@softbank.ne.jp)"},
    {"a..b@vodafone.ne.jp", "a..b@vodafone.ne.jp", R"("a..b"@vodafone.ne.jp)"},
    {"a..b@d.vodafone.ne.jp", "a..b@d.vodafone.ne.jp", R"("a..b"@d.vodafone.ne.jp)"},
};

TEST(Address, Accepts)
{
    for (const auto& row : good_rows)
    {
        const auto parsed = parse_address(row.typed);
        ASSERT_TRUE(parsed.has_value()) << row.typed << ": " << parsed.error().text;
        EXPECT_EQ(parsed->normalized(), row.normalized) << row.typed;
        EXPECT_EQ(parsed->smtp_path(), row.path) << row.typed;
        EXPECT_EQ(parsed->needs_smtputf8, row.needs_smtputf8) << row.typed;
        for (const std::string& again : {parsed->normalized(), parsed->smtp_path()})
        {
            const auto reread = parse_address(again);
            ASSERT_TRUE(reread.has_value()) << again;
            EXPECT_EQ(reread->normalized(), row.normalized) << again;
        }
        EXPECT_EQ(parse_address(row.path).value(), *parsed) << row.typed;
    }
}

struct bad_row
{
    std::string_view typed;
    /// Part of the sentence.
    std::string_view reason;
};

constexpr bad_row bad_rows[] = {
    {"", "empty"},
    {"@", "nothing before"},
    {"a", "no @"},
    {"a@", "no domain"},
    {"@example.jp", "nothing before"},
    {"a@b@example.jp", "more than one @"},
    {"a＠example.jp", "full-width"},
    {"ｔaro@example.jp", "half-width"},
    {" a@example.jp", "starts or ends with a space"},
    {"a@example.jp ", "starts or ends with a space"},
    {"a b@example.jp", "space"},
    {"a@exam ple.jp", "space"},
    {"太\u3000郎@example.jp", "space"},
    {"太郎\u00A0@example.jp", "space"},
    {"a\u200Bb@example.jp", "space"},
    {"a\u202Eb@example.jp", "invisible"},
    {"a\u0085b@example.jp", "invisible"},
    {"a\u2028b@example.jp", "invisible"},
    {"a\r\nRCPT TO:<b@example.jp>@example.jp", "control character"},
    {"a@example.jp\n", "control character"},
    {"a\0b@example.jp"sv, "control character"},
    {"\"a\0b\"@example.jp"sv, "control character"},
    {"\"a\rb\"@example.jp", "control character"},
    {"a\tb@example.jp", "control character"},
    {"a\x7F@example.jp", "control character"},
    {"a\xFF@example.jp", "UTF-8"},
    {"a@example\xE3\x81.jp", "UTF-8"},
    {".a@example.jp", "dot"},
    {"a.@example.jp", "dot"},
    {"a..b@example.jp", "dot"},
    {".@docomo.ne.jp", "dot"},
    {"...@docomo.ne.jp", "dot"},
    {"a..b@sub.docomo.ne.jp", "dot"},
    {"a..b@notdocomo.ne.jp", "dot"},
    {"a..b@docomo.ne.jp.example", "dot"},
    {"a(comment)@example.jp", "character ("},
    {"(comment)a@example.jp", "character ("},
    {"a@(comment)example.jp", "not allowed"},
    {"a@example.jp(comment)", "not allowed"},
    {"Taro <a@example.jp>", "space"},
    {"<a@example.jp>", "character <"},
    {"a,b@example.jp", "character ,"},
    {"a@example.jp,b@example.jp", "more than one @"},
    {"@relay.example:a@example.jp", "nothing before"},
    {R"("a@example.jp)", "never closed"},
    {R"("a\)", "backslash"},
    {"\"a\\\xE5\xA4\xAA\"@example.jp", "backslash"},
    {R"("a"b@example.jp)", "closing quotation"},
    {R"("a".b@example.jp)", "closing quotation"},
    {R"(b."a"@example.jp)", "character \""},
    {R"(a"b"@example.jp)", "character \""},
    {R"(a\@b@example.jp)", "more than one @"},
    {R"("a")", "no @"},
    {R"("a"@)", "no domain"},
    {R"(a\b@example.jp)", "character \\"},
    {"a@localhost", "no dot"},
    {"a@日本", "no dot"},
    {"a@example.jp.", "ends with a dot"},
    {"a@.example.jp", "empty part"},
    {"a@example..jp", "empty part"},
    {"a@-example.jp", "hyphen"},
    {"a@example-.jp", "hyphen"},
    {"a@exa_mple.jp", "not allowed"},
    {"a@exa!mple.jp", "not allowed"},
    {"a@xn--a.jp", "xn--"},
    {"a@192.0.2.1", "number"},
    {"a@example.123", "number"},
    {"a@[192.0.2.1]", "brackets"},
    {"a@[IPv6:::1]", "brackets"},
};

TEST(Address, RefusesWithAReason)
{
    for (const auto& row : bad_rows)
    {
        const auto parsed = parse_address(row.typed);
        ASSERT_FALSE(parsed.has_value()) << row.typed;
        const std::string& text = parsed.error().text;
        EXPECT_NE(text.find(row.reason), std::string::npos) << row.typed << ": " << text;
        EXPECT_TRUE(text.ends_with('.')) << text;
    }
}

TEST(Address, Limits)
{
    const std::string local_64(64, 'a');
    EXPECT_TRUE(parse_address(local_64 + "@example.jp").has_value());
    EXPECT_FALSE(parse_address(local_64 + "a@example.jp").has_value());
    // The quotes count, typed or sent.
    EXPECT_TRUE(parse_address("\"" + std::string(61, 'a') + " \"@example.jp").has_value());
    EXPECT_FALSE(parse_address("\"" + std::string(62, 'a') + " \"@example.jp").has_value());
    EXPECT_FALSE(parse_address("\"" + std::string(63, 'a') + "\"@example.jp").has_value());
    EXPECT_FALSE(parse_address(std::string(62, 'a') + "..@docomo.ne.jp").has_value());
    EXPECT_TRUE(parse_address(std::string(60, 'a') + "..@docomo.ne.jp").has_value());
    // Bytes, not characters.
    std::string kana;
    for (int i = 0; i < 21; ++i)
    {
        kana += "あ";
    }
    EXPECT_TRUE(parse_address(kana + "a@example.jp").has_value());
    EXPECT_FALSE(parse_address(kana + "ab@example.jp").has_value());

    const std::string label(62, 'a');
    const std::string domain_189 = label + "." + label + "." + label; // 188 bytes
    EXPECT_TRUE(parse_address(std::string(62, 'a') + "@" + domain_189 + ".b").has_value());
    EXPECT_TRUE(parse_address(std::string(62, 'a') + "@" + domain_189 + ".bc").has_value());
    const auto long_path = parse_address(std::string(62, 'a') + "@" + domain_189 + ".bcd");
    ASSERT_FALSE(long_path.has_value());
    EXPECT_NE(long_path.error().text.find("254"), std::string::npos);
    EXPECT_FALSE(parse_address("a@" + std::string(64, 'b') + ".jp").has_value());
    EXPECT_FALSE(parse_address("a@" + std::string(10000, 'b')).has_value());
    EXPECT_FALSE(parse_address(std::string(1 << 20, '@')).has_value());
}

TEST(Address, Options)
{
    address_options options;
    options.allow_carrier_dots = false;
    EXPECT_FALSE(parse_address("a..b@docomo.ne.jp", options).has_value());
    EXPECT_TRUE(parse_address(R"("a..b"@docomo.ne.jp)", options).has_value());

    options = {};
    options.allow_single_label = true;
    EXPECT_EQ(parse_address("a@LOCALHOST", options)->smtp_path(), "a@localhost");

    options = {};
    options.allow_numeric_tld = true;
    EXPECT_TRUE(parse_address("a@example.123", options).has_value());

    options = {};
    options.allow_smtputf8 = false;
    EXPECT_FALSE(parse_address("太郎@example.jp", options).has_value());
    EXPECT_TRUE(parse_address("taro@日本語.jp", options).has_value());

    options = {};
    options.allow_address_literal = true;
    EXPECT_EQ(parse_address("a@[192.0.2.1]", options)->smtp_path(), "a@[192.0.2.1]");
    EXPECT_EQ(parse_address("a@[ipv6:2001:DB8::1]", options)->smtp_path(), "a@[IPv6:2001:db8::1]");
    for (const auto bad :
         {"a@[192.0.2.256]"sv, "a@[192.0.2]"sv, "a@[192.0.2.1"sv, "a@[]"sv, "a@["sv, "a@[IPv6:1]"sv,
          "a@[2001:db8::1]"sv, "a@[x]b"sv, "a@[192.0.2.1].jp"sv, "a@[tag:x]"sv})
    {
        EXPECT_FALSE(parse_address(bad, options).has_value()) << bad;
    }
}

TEST(Address, Report)
{
    const address_report good = report_address("Taro@日本語.jp");
    EXPECT_TRUE(good.valid);
    EXPECT_EQ(good.normalized, "taro@xn--wgv71a119e.jp");
    EXPECT_EQ(good.domain_ascii, "xn--wgv71a119e.jp");
    EXPECT_FALSE(good.needs_smtputf8);
    EXPECT_EQ(good.reason, "");
    const address_report bad = report_address("taro");
    EXPECT_FALSE(bad.valid);
    EXPECT_EQ(bad.normalized, "");
    EXPECT_EQ(bad.reason, "The address has no @.");
}

} // namespace
} // namespace hikyaku::mime
