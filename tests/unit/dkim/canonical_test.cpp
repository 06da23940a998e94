#include "canonical.h"
#include "fields.h"
#include "tag_list.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace hikyaku::dkim
{
namespace
{

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string canonical(canonicalization c, std::string_view text)
{
    std::string out;
    append_canonical_field(c, text, out);
    return out;
}

bool body_is(canonicalization c, std::string_view body, std::string_view expected)
{
    body_hasher hasher;
    const bool same = hasher.hash(c, body) == crypto::sha256(expected);
    EXPECT_EQ(hasher.canonical_bytes(), expected.size());
    return same;
}

TEST(CanonicalField, Rows)
{
    const std::pair<const char*, const char*> rows[] = {
        // RFC 6376 section 3.4.5
        {"A: X", "a:X"},
        {"B : Y\t\r\n\tZ  ", "b:Y Z"},
        {"Subject:", "subject:"},
        {"Subject: \t ", "subject:"},
        {"Subject:\r\n ", "subject:"},
        {"Subject:\r\n \r\n x\r\n ", "subject:x"},
        {"SUBJECT \t:a:b  : c", "subject:a:b : c"},
        {"X: a\rb", "x:a\rb"},
        {"X: \xE9\xFF\t\x80", "x:\xE9\xFF \x80"},
        {"X:a \r\n\t \r\n b", "x:a b"},
    };
    for (const auto& [text, expected] : rows)
    {
        EXPECT_EQ(canonical(canonicalization::relaxed, text), expected) << text;
        EXPECT_EQ(canonical(canonicalization::simple, text), text);
    }
}

TEST(CanonicalBody, RelaxedRows)
{
    const std::pair<std::string_view, std::string_view> rows[] = {
        {" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"}, // section 3.4.5
        {"", ""},
        {"\r\n", ""},
        {"\r\n\r\n \r\n\t\r\n", ""},
        {"  ", ""},
        {"a", "a\r\n"},
        {"a \t", "a\r\n"},
        {"a\r\n \t", "a\r\n"},
        {"a\r\n\r\n b", "a\r\n\r\n b\r\n"},
        {"\ta", " a\r\n"},
        {"\r\na", "\r\na\r\n"},
        {"a b c\r\n", "a b c\r\n"},
        {"a \rb\r\n", "a \rb\r\n"},
        {"a\r", "a\r\r\n"},
        {"a \r\n\tb\t\tc  d\r\n", "a\r\n b c d\r\n"},
        {".\r\n..\r\n", ".\r\n..\r\n"},
        {"\xE3\x81\x82\0x  \xFF\r\n"sv, "\xE3\x81\x82\0x \xFF\r\n"sv},
    };
    for (const auto& [body, expected] : rows)
    {
        EXPECT_TRUE(body_is(canonicalization::relaxed, body, expected)) << body;
    }
}

TEST(CanonicalBody, SimpleRows)
{
    const std::pair<const char*, const char*> rows[] = {
        {"", "\r\n"},
        {"\r\n\r\n", "\r\n"},
        {"a", "a\r\n"},
        {"a \r\n \r\n", "a \r\n \r\n"},
        {" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n"},
    };
    for (const auto& [body, expected] : rows)
    {
        EXPECT_TRUE(body_is(canonicalization::simple, body, expected)) << body;
    }
}

/// The definition, byte by byte, slow.
std::string relaxed_by_definition(std::string_view body)
{
    std::string out;
    std::string line;
    std::size_t empty_lines = 0;
    const auto end_line = [&]
    {
        std::string kept;
        for (const char c : line)
        {
            if (!is_wsp(c))
            {
                kept += c;
            }
            else if (kept.empty() || kept.back() != ' ')
            {
                kept += ' ';
            }
        }
        if (!kept.empty() && kept.back() == ' ')
        {
            kept.pop_back();
        }
        if (kept.empty())
        {
            ++empty_lines;
        }
        else
        {
            for (; empty_lines > 0; --empty_lines)
            {
                out += "\r\n";
            }
            out += kept + "\r\n";
        }
        line.clear();
    };
    for (std::size_t i = 0; i < body.size(); ++i)
    {
        if (body.compare(i, 2, "\r\n") == 0)
        {
            end_line();
            ++i;
        }
        else
        {
            line += body[i];
        }
    }
    end_line();
    return out;
}

TEST(CanonicalBody, SameAsTheDefinitionOnRandomBodies)
{
    std::mt19937 random(20'250'101);
    const std::string_view pieces[] = {" ",
                                       "\t",
                                       "\r\n",
                                       "\r",
                                       "\n",
                                       "x",
                                       ".",
                                       "word",
                                       "\xFF",
                                       "  ",
                                       "long-run-of-bytes-without-space-0123456789"};
    for (int round = 0; round < 4'000; ++round)
    {
        std::string body;
        const auto length = random() % (round % 50 == 0 ? 3'000 : 40);
        for (unsigned i = 0; i < length; ++i)
        {
            body += pieces[random() % std::size(pieces)];
        }
        ASSERT_TRUE(body_is(canonicalization::relaxed, body, relaxed_by_definition(body)))
            << ::testing::PrintToString(body);
    }
}

TEST(CanonicalBody, LimitCutsTheCanonicalForm)
{
    const std::string body = "a  b\r\n" + std::string(10'000, 'x') + "  y\r\n";
    const std::string whole = "a b\r\n" + std::string(10'000, 'x') + " y\r\n";
    body_hasher hasher;
    for (const std::size_t limit :
         {std::size_t{0}, std::size_t{2}, std::size_t{4}, std::size_t{5'000}, whole.size() - 1,
          whole.size(), whole.size() + 1})
    {
        EXPECT_EQ(hasher.hash(canonicalization::relaxed, body, limit),
                  crypto::sha256(whole.substr(0, limit)));
        EXPECT_EQ(hasher.canonical_bytes(), whole.size());
    }
}

TEST(Fields, SplitKeepsFoldingAndBytes)
{
    std::vector<field> fields;
    split_fields("A: 1\r\n 2\r\n\t3\r\nB :x\r\nnocolon\r\nC:", fields);
    ASSERT_EQ(fields.size(), 4U);
    EXPECT_EQ(fields[0].name, "A");
    EXPECT_EQ(fields[0].text, "A: 1\r\n 2\r\n\t3");
    EXPECT_EQ(fields[1].name, "B");
    EXPECT_EQ(fields[2].name, "");
    EXPECT_EQ(fields[3].text, "C:");
    EXPECT_EQ(split_message("A:1\r\n\r\n\r\nx").body, "\r\nx");
    EXPECT_EQ(split_message("A:1\r\n").body, "");
    EXPECT_EQ(split_message("\r\nx").header, "");
}

TEST(Fields, HostNames)
{
    EXPECT_TRUE(is_host_name("a"));
    EXPECT_TRUE(is_host_name("s1._x.Example-9.com"));
    for (const std::string& bad : {""s, "."s, "a."s, ".a"s, "a..b"s, "a b"s, "a;b"s, "a\r\nb"s,
                                   "\xE3\x81\x82"s, std::string(64, 'a'), std::string(300, 'a')})
    {
        EXPECT_FALSE(is_host_name(bad)) << bad;
    }
}

TEST(TagList, Rows)
{
    const auto tags = tag_list::parse(" v = 1 ;\r\n a=x y\t; p= ; z=a=b;");
    ASSERT_TRUE(tags);
    EXPECT_EQ(tags->find("v"), "1");
    EXPECT_EQ(tags->find("a"), "x y");
    EXPECT_EQ(tags->find("p"), "");
    EXPECT_EQ(tags->find("z"), "a=b");
    EXPECT_FALSE(tags->find("V"));
    for (const char* bad : {"v", "=1", "v=1;;a=2", "v=1;v=2", "1v=2", "v=\x01", "v w=1", ";"})
    {
        EXPECT_FALSE(tag_list::parse(bad)) << bad;
    }
    EXPECT_EQ(parse_number("007"), 7U);
    EXPECT_EQ(parse_number("18446744073709551615"), ~0ULL);
    EXPECT_EQ(parse_number("99999999999999999999999999"), ~0ULL);
    for (const char* bad : {"", "-1", "1 2", "0x1", "+1"})
    {
        EXPECT_FALSE(parse_number(bad)) << bad;
    }
}

TEST(TagList, SignatureValueIsTakenOut)
{
    EXPECT_EQ(without_signature_value("D: bh=b=; b = ab\r\n cd ; x=1"), "D: bh=b=; b =; x=1");
    EXPECT_EQ(without_signature_value("D:b=ab"), "D:b=");
    EXPECT_EQ(without_signature_value("D: a=1;\r\n b=a b\r\n c"), "D: a=1;\r\n b=");
    EXPECT_EQ(without_signature_value("D: a=1"), "D: a=1");
}

} // namespace
} // namespace hikyaku::dkim
