#include <hikyaku/text/case.h>
#include <hikyaku/text/idn.h>
#include <hikyaku/text/normalize.h>
#include <hikyaku/text/utf8.h>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

namespace hikyaku::text
{
namespace
{

using namespace std::string_view_literals;

TEST(Case, MapsFullUnicode)
{
    EXPECT_EQ(to_upper("straße é ǆ abc"), "STRASSE É Ǆ ABC");
    EXPECT_EQ(to_lower("ÀÉ ABC Ω"), "àé abc ω");
    EXPECT_EQ(fold_case("Straße"), fold_case("STRASSE"));
    EXPECT_EQ(to_upper("abcXYZ09{"), "ABCXYZ09{");
    EXPECT_EQ(to_lower("ABC[日本"), "abc[日本");
    EXPECT_EQ(to_upper("a\xFFz\xE3"), "A\xEF\xBF\xBDZ\xEF\xBF\xBD");
    EXPECT_EQ(ascii_lower("ÀAZ"), "Àaz");
    EXPECT_TRUE(ascii_iequals("Content-TYPE", "content-type"));
    EXPECT_FALSE(ascii_iequals("a", "ab"));
}

TEST(Utf8, KnowsWellFormed)
{
    for (const auto good : {""sv, "abcdefgh\x7F"sv, "日本語"sv, "\xF0\x9F\x98\x80"sv, "\0a"sv,
                            "\xF4\x8F\xBF\xBF"sv, "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv})
    {
        EXPECT_TRUE(is_valid_utf8(good)) << good;
    }
    for (const auto bad :
         {"\x80"sv, "\xC0\xAF"sv, "\xC1\xBF"sv, "\xE0\x9F\xBF"sv, "\xED\xA0\x80"sv,
          "\xF0\x8F\xBF\xBF"sv, "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xE3\x81"sv,
          "abcdefghi\xE3\x81"sv, "\xE3\x81\xE3\x81\x82"sv, "\xFF"sv, "12345678\xC3"sv})
    {
        EXPECT_FALSE(is_valid_utf8(bad));
        EXPECT_TRUE(is_valid_utf8(to_valid_utf8(bad)));
    }
}

/// Without the short cuts of is_valid_utf8.
bool is_valid_step_by_step(std::string_view bytes)
{
    while (!bytes.empty())
    {
        const code_point c = first_code_point(bytes);
        if (!c.valid)
        {
            return false;
        }
        bytes.remove_prefix(c.size);
    }
    return true;
}

TEST(Utf8, ShortCutsChangeNothing)
{
    std::mt19937_64 random(7);
    std::size_t valid = 0;
    for (int i = 0; i < 200'000; ++i)
    {
        std::string bytes;
        for (auto n = random() % 12; n > 0; --n)
        {
            append_code_point(bytes, random() % 2 == 0 ? random() % 0x80 : random() % 0x10000);
        }
        if (random() % 2 == 0 && !bytes.empty())
        {
            bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
        }
        ASSERT_EQ(is_valid_utf8(bytes), is_valid_step_by_step(bytes));
        valid += is_valid_utf8(bytes) ? 1U : 0U;
    }
    EXPECT_GT(valid, 100'000U);
    EXPECT_LT(valid, 190'000U);
}

TEST(Utf8, EveryScalarRoundTrips)
{
    for (char32_t c = 0; c <= 0x10FFFF; ++c)
    {
        std::string bytes;
        append_code_point(bytes, c);
        const code_point back = first_code_point(bytes);
        const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        ASSERT_EQ(back.value, surrogate ? replacement_character : c);
        ASSERT_EQ(back.size, bytes.size());
        ASSERT_TRUE(back.valid);
    }
    std::string too_large;
    append_code_point(too_large, 0x110000);
    EXPECT_EQ(too_large, "\xEF\xBF\xBD");
}

TEST(Utf8, ReplacesMaximalSubparts)
{
    // Unicode 15, table 3-8.
    EXPECT_EQ(to_valid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"sv),
              "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
              "\xEF\xBF\xBD\xEF\xBF\xBD\x41");
    EXPECT_EQ(to_valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"sv),
              "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41");
}

TEST(Utf8, CountsAndCuts)
{
    EXPECT_EQ(count_code_points("aあ😀"), 3U);
    EXPECT_EQ(count_code_points("\xE3\x81z"), 2U);
    EXPECT_EQ(truncate_code_points("aあ😀b", 2), "aあ");
    EXPECT_EQ(truncate_code_points("aあ", 9), "aあ");
    EXPECT_EQ(truncate_code_points("aあ", 0), "");
    std::string_view rest = "あb";
    EXPECT_EQ(take_code_point(rest), U'あ');
    EXPECT_EQ(rest, "b");
}

TEST(Grapheme, CutsBetweenClusters)
{
    const std::string_view family = "👨‍👩‍👧"; // 18 bytes, one cluster
    EXPECT_EQ(family.size(), 18U);
    EXPECT_EQ(truncate_graphemes(family, 17), "");
    EXPECT_EQ(truncate_graphemes(family, 18), family);
    EXPECT_EQ(truncate_graphemes("か\xE3\x82\x99き", 5), "");
    EXPECT_EQ(truncate_graphemes("か\xE3\x82\x99き", 6), "か\xE3\x82\x99");
    EXPECT_EQ(truncate_graphemes("か\xE3\x82\x99き", 8), "か\xE3\x82\x99");
    EXPECT_EQ(truncate_graphemes("abc", 2), "ab");
    EXPECT_EQ(truncate_graphemes("abc", 0), "");
    EXPECT_EQ(truncate_graphemes("", 0), "");
    EXPECT_EQ(count_graphemes("か\xE3\x82\x99き👨‍👩‍👧a\r\n"), 5U);
    EXPECT_EQ(count_graphemes(""), 0U);
    EXPECT_TRUE(extends_grapheme(0x3099) && extends_grapheme(0x200D) && extends_grapheme(0xFE0F));
    EXPECT_TRUE(extends_grapheme(0x301) && extends_grapheme(0x1F3FB));
    EXPECT_FALSE(extends_grapheme(U'a') || extends_grapheme(U'か') || extends_grapheme(0x1F600));
}

TEST(Normalize, Forms)
{
    EXPECT_EQ(nfc("か\xE3\x82\x99"), "が");
    EXPECT_EQ(nfkc("ｶﾞ①ＡＢ㈱"), "ガ1AB(株)");
    EXPECT_EQ(nfc("①"), "①");
    EXPECT_EQ(nfkc("plain"), "plain");
    EXPECT_EQ(nfc("\xFF"), "\xEF\xBF\xBD");
}

TEST(Idn, ToAscii)
{
    const auto ascii = [](std::string_view d) { return domain_to_ascii(d).value(); };
    EXPECT_EQ(ascii("Example.COM"), "example.com");
    EXPECT_EQ(ascii("日本語.jp"), "xn--wgv71a119e.jp");
    EXPECT_EQ(ascii("日本語。ＪＰ"), "xn--wgv71a119e.jp");
    EXPECT_EQ(ascii("faß.de"), "xn--fa-hia.de");
    EXPECT_EQ(ascii("BÜCHER.example"), "xn--bcher-kva.example");
    EXPECT_EQ(ascii("XN--Bcher-KVA.example"), "xn--bcher-kva.example");
    EXPECT_EQ(ascii("r3---sn.example"), "r3---sn.example");
    EXPECT_EQ(ascii(std::string(63, 'a') + ".jp"), std::string(63, 'a') + ".jp");
    EXPECT_EQ(domain_to_unicode("xn--wgv71a119e.jp").value(), "日本語.jp");
    EXPECT_EQ(domain_to_unicode("A.jp").value(), "a.jp");
    EXPECT_EQ(domain_to_unicode("日本語.jp").value(), "日本語.jp");
}

TEST(Idn, RefusesWithASentence)
{
    const std::string label(63, 'a');
    const std::string name_253 = label + "." + label + "." + label + "." + std::string(61, 'b');
    EXPECT_TRUE(domain_to_ascii(name_253).has_value());
    const std::vector<std::string> bad = {"",
                                          ".",
                                          "a..b",
                                          ".a",
                                          "a.",
                                          "-a.b",
                                          "a-.b",
                                          "a_b.c",
                                          "a b.c",
                                          "a\tb.c",
                                          label + "a",
                                          "xn--a",
                                          "xn--.jp",
                                          "xn--0.pt",
                                          "日本語.",
                                          "a\xFF.jp",
                                          "あ あ.jp",
                                          "[1.2.3.4]",
                                          name_253 + "c",
                                          "日本_語.jp",
                                          "\xC2\xAD",
                                          "１_.jp",
                                          "a\xE2\x80\xA8.jp",
                                          std::string(5000, 'a'),
                                          "xn--bcher-kva-.example",
                                          "\xCC\x81"
                                          "a.jp",
                                          std::string("a\0b.jp", 6)};
    for (const auto& domain : bad)
    {
        const auto r = domain_to_ascii(domain);
        EXPECT_FALSE(r.has_value()) << domain;
        EXPECT_FALSE(domain_to_unicode(domain).has_value()) << domain;
        if (!r)
        {
            EXPECT_TRUE(r.error().text.ends_with('.'));
        }
    }
}

TEST(Text, AnyThread)
{
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
    {
        threads.emplace_back(
            []
            {
                for (int i = 0; i < 200; ++i)
                {
                    ASSERT_EQ(domain_to_ascii("日本語.jp").value(), "xn--wgv71a119e.jp");
                    ASSERT_EQ(truncate_graphemes("か\xE3\x82\x99き", 8), "か\xE3\x82\x99");
                    ASSERT_EQ(nfkc("ｶﾞ"), "ガ");
                }
            });
    }
    for (auto& thread : threads)
    {
        thread.join();
    }
}

} // namespace
} // namespace hikyaku::text
