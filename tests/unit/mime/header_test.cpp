#include <hikyaku/mime/charset.h>
#include <hikyaku/mime/encoded_word.h>
#include <hikyaku/mime/header.h>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::mime
{
namespace
{

using namespace std::string_view_literals;

std::string subject(std::string_view value)
{
    std::string out;
    append_text_header(out, "Subject", value);
    return out;
}

std::string to(std::string_view name, std::string_view path = "a@example.jp")
{
    std::string out;
    const mailbox box{name, path};
    append_mailbox_header(out, "To", std::span(&box, 1));
    return out;
}

/// The header's value after its name, unfolded, without the space after the colon.
std::string value_of(std::string_view header)
{
    std::string value;
    for (const char c : header.substr(header.find(':') + 1))
    {
        if (c != '\r' && c != '\n')
        {
            value.push_back(c);
        }
    }
    return value.starts_with(' ') ? value.substr(1) : value;
}

void expect_one_header(std::string_view header, std::size_t line_most = 78)
{
    ASSERT_TRUE(header.ends_with("\r\n"));
    std::string_view rest = header;
    bool first = true;
    while (!rest.empty())
    {
        const std::size_t end = rest.find("\r\n");
        const std::string_view line = rest.substr(0, end);
        ASSERT_LE(line.size(), line_most) << header;
        ASSERT_EQ(line.find_first_of("\r\n"), std::string_view::npos) << header;
        ASSERT_NE(line.find_first_not_of(" \t"), std::string_view::npos) << header;
        ASSERT_EQ(line.starts_with(' '), !first) << header;
        for (const char c : line)
        {
            ASSERT_TRUE(c >= ' ' && c <= '~') << header;
        }
        for (std::size_t at = line.find("=?"); at != std::string_view::npos;
             at = line.find("=?", at + 2))
        {
            const std::size_t close =
                line.find("?=", line.find('?', line.find('?', at + 2) + 1) + 1);
            ASSERT_NE(close, std::string_view::npos) << header;
            ASSERT_LE(close + 2 - at, encoded_word_bytes_max) << header;
        }
        first = false;
        rest.remove_prefix(end + 2);
    }
}

TEST(TextHeader, Rows)
{
    EXPECT_EQ(subject("Hello"), "Subject: Hello\r\n");
    EXPECT_EQ(subject(""), "Subject:\r\n");
    EXPECT_EQ(subject("日本"), "Subject: =?UTF-8?B?5pel5pys?=\r\n");
    EXPECT_EQ(subject("Grüße aus Bonn am Rhein"),
              "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_Bonn_am_Rhein?=\r\n");
    EXPECT_EQ(subject("=?UTF-8?Q?x?="), "Subject: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=\r\n");
    EXPECT_EQ(subject("a\r\nBcc: b@example.jp"), "Subject: a Bcc: b@example.jp\r\n");
    EXPECT_EQ(subject(" a"), "Subject: =?UTF-8?Q?_a?=\r\n");
    EXPECT_EQ(subject("a  b"), "Subject: =?UTF-8?Q?a__b?=\r\n");
}

TEST(TextHeader, NothingEndsTheLine)
{
    for (const auto& bad : {"\r"sv, "\n"sv, "\r\n"sv, "\0"sv, "\x1B"sv, "\x7F"sv, "\t"sv,
                            "\u0085"sv, "\u2028"sv, "\u2029"sv, "\v"sv, "\f"sv})
    {
        const std::string value = "a" + std::string(bad) + "b";
        EXPECT_EQ(to_single_line(value), "a b");
        EXPECT_EQ(subject(value), "Subject: a b\r\n");
        EXPECT_EQ(decode_encoded_words(value_of(to("日" + value))), "日a b <a@example.jp>");
    }
    EXPECT_EQ(to_single_line("é\u201Cx\u201D"), "é\u201Cx\u201D");
}

TEST(TextHeader, FoldsAndReadsBack)
{
    const std::string words = "The quick brown fox jumps over the lazy dog, again and again. ";
    const std::vector<std::string> values = {
        words + words + words + "end",
        std::string(75, 'x') + " " + std::string(75, 'y'),
        std::string(76, 'x'),
        std::string(2000, 'x'),
        "https://example.jp/" + std::string(300, 'a') + " and text",
        "長い件名です。とても長いので何行にもなります。改行の位置は文字の間だけです。確かめましょう"
        "。",
        "か\u3099き\u3099く\u3099け\u3099こ\u3099か\u3099き\u3099く\u3099け\u3099こ\u3099か\u3099き"
        "\u3099",
        "👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧🇯🇵🇯🇵🇯🇵🇯🇵🇯🇵🇯🇵🇯🇵🇯"
        "🇵"
        "🇯"
        "🇵"
        "🇯"
        "🇵"
        "🇯"
        "🇵"
        "🇯"
        "🇵"
        "🇯"
        "🇵",
        "Größe: " + words + words + "äöü",
        "a =?UTF-8?B?5pel?= b",
        " ",
        "   leading",
        "trailing ",
        "mixed 日本 ASCII 語  and  spaces",
    };
    for (const auto& value : values)
    {
        const std::string header = subject(value);
        expect_one_header(header);
        EXPECT_EQ(decode_encoded_words(value_of(header)), value);
    }
}

TEST(TextHeader, KeepsCharactersWhole)
{
    // Twenty-five families of 18 bytes: two fit into a word, never a part of one.
    std::string families;
    for (int i = 0; i < 25; ++i)
    {
        families += "👨‍👩‍👧";
    }
    const std::string value = value_of(subject(families));
    std::size_t words = 0;
    for (std::size_t at = value.find("=?UTF-8?B?"); at != std::string::npos;
         at = value.find("=?UTF-8?B?", at + 1))
    {
        const std::string word = value.substr(at, value.find("?=", at + 10) + 2 - at);
        EXPECT_EQ(decode_encoded_words(word).size() % 18, 0U) << word;
        ++words;
    }
    EXPECT_EQ(words, 13U);
    // One "character" longer than any word is cut between code points.
    std::string zalgo = "e";
    for (int i = 0; i < 100; ++i)
    {
        zalgo += "\u0301";
    }
    expect_one_header(subject(zalgo));
    EXPECT_EQ(decode_encoded_words(value_of(subject(zalgo))), zalgo);
}

TEST(TextHeader, LinearForEndlessCharacters)
{
    // Looking for the end of the one "character" at every cut would take minutes.
    std::string marks;
    while (marks.size() < 100'000)
    {
        marks += "\u0301";
    }
    const std::string header = subject(marks);
    expect_one_header(header);
    EXPECT_EQ(decode_encoded_words(header.substr(header.find("=?"))), marks);
}

TEST(TextHeader, OnlyTheLastWordIsPadded)
{
    // Readers that join "B" words before decoding them lose what follows padding.
    std::string japanese;
    for (int i = 0; i < 40; ++i)
    {
        japanese += "飛脚";
    }
    for (const auto& value :
         {"A" + japanese, "AB" + japanese, "飛A" + japanese + "é" + japanese, "😀" + japanese,
          japanese + "かA" + japanese, "👨‍👩‍👧A" + japanese,
          "é" + japanese + "\u00A0" + japanese})
    {
        const std::string header = subject(value);
        expect_one_header(header);
        EXPECT_EQ(decode_encoded_words(value_of(header)), value);
        const std::size_t padding = header.find("=?=");
        EXPECT_TRUE(padding == std::string::npos || padding + 5 == header.size()) << header;
    }
}

TEST(TextHeader, RepairsUtf8)
{
    EXPECT_EQ(decode_encoded_words(value_of(subject("a\xFF\xE3\x81"))), "a\uFFFD\uFFFD");
    expect_one_header(subject(std::string(500, '\xFF')));
}

TEST(TextHeader, LongNames)
{
    const std::string name(header_name_bytes_max, 'X');
    for (const auto& value :
         {std::string("short"), std::string(75, 'a'), std::string("日本語日本語日本語")})
    {
        std::string out;
        append_text_header(out, name, value);
        expect_one_header(out);
        EXPECT_EQ(decode_encoded_words(value_of(out)), value);
    }
}

TEST(MailboxHeader, Rows)
{
    EXPECT_EQ(to(""), "To: a@example.jp\r\n");
    EXPECT_EQ(to("Taro Yamada"), "To: Taro Yamada <a@example.jp>\r\n");
    EXPECT_EQ(to("Yamada, Taro"), "To: \"Yamada, Taro\" <a@example.jp>\r\n");
    EXPECT_EQ(to("a\"b\\c"), "To: \"a\\\"b\\\\c\" <a@example.jp>\r\n");
    EXPECT_EQ(to("山田太郎"), "To: =?UTF-8?B?5bGx55Sw5aSq6YOO?= <a@example.jp>\r\n");
    EXPECT_EQ(to("=?UTF-8?Q?x?="), "To: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?= <a@example.jp>\r\n");
    EXPECT_EQ(to("x\r\nBcc: v@example.jp"), "To: \"x Bcc: v@example.jp\" <a@example.jp>\r\n");
    EXPECT_EQ(to("J. Doe (Sales)"), "To: \"J. Doe (Sales)\" <a@example.jp>\r\n");
    EXPECT_EQ(to("é, \"x\" <b@c>"), "To: =?UTF-8?B?w6ksICJ4IiA8YkBjPg==?= <a@example.jp>\r\n");
    EXPECT_EQ(to("", R"("a..b"@docomo.ne.jp)"), "To: \"a..b\"@docomo.ne.jp\r\n");
    EXPECT_EQ(to("T", "太郎@example.jp"), "To: T <太郎@example.jp>\r\n");
}

TEST(MailboxHeader, Folds)
{
    const std::string path = std::string(64, 'a') + "@" + std::string(60, 'b') + ".example.jp";
    for (const auto& name :
         {std::string("Taro"), std::string(60, 'n'), std::string(200, 'n'),
          std::string("株式会社飛脚メールマガジン編集部お客様サポート係"), std::string(59, '"'),
          std::string("a b c d e f g h i j k l m n o p q r s t u v w x y z1234")})
    {
        const std::string header = to(name, path);
        expect_one_header(header, path.size() + 3);
        expect_one_header(to(name));
    }
    std::vector<mailbox> boxes(40, mailbox{"Sales, Tokyo", "sales@example.jp"});
    std::string out;
    append_mailbox_header(out, "Reply-To", boxes);
    expect_one_header(out);
    EXPECT_EQ(std::count(out.begin(), out.end(), '@'), 40);
}

TEST(DateHeader, Rows)
{
    std::string out;
    append_date_header(out, "Date", parse_rfc3339("2026-11-24T09:00:00+09:00").value(), 540);
    EXPECT_EQ(out, "Date: Tue, 24 Nov 2026 09:00:00 +0900\r\n");
    out.clear();
    append_date_header(out, "Date", parse_rfc3339("2024-02-29T23:59:59.999Z").value(), -210);
    EXPECT_EQ(out, "Date: Thu, 29 Feb 2024 20:29:59 -0330\r\n");
    out.clear();
    append_date_header(out, "Date", from_unix_ms(0), 0);
    EXPECT_EQ(out, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n");
}

TEST(CustomHeader, Names)
{
    for (const auto good : {"X-Campaign"sv, "Precedence"sv, "Auto-Submitted"sv, "List-Id"sv,
                            "References"sv, "X-Mailer"sv})
    {
        EXPECT_TRUE(check_custom_header(good).has_value()) << good;
    }
    for (const auto bad : {""sv,
                           "a b"sv,
                           "a:"sv,
                           "a\r\nBcc"sv,
                           "a\0"sv,
                           "é"sv,
                           "From"sv,
                           "TO"sv,
                           "date"sv,
                           "Bcc"sv,
                           "cc"sv,
                           "Subject"sv,
                           "Reply-To"sv,
                           "Sender"sv,
                           "DKIM-Signature"sv,
                           "Content-Type"sv,
                           "content-x"sv,
                           "MIME-Version"sv,
                           "Message-ID"sv,
                           "Received"sv,
                           "Return-Path"sv,
                           "List-Unsubscribe"sv,
                           "List-Unsubscribe-Post"sv,
                           "Resent-To"sv,
                           "ARC-Seal"sv,
                           "Authentication-Results"sv})
    {
        EXPECT_FALSE(check_custom_header(bad).has_value()) << bad;
    }
    EXPECT_FALSE(check_custom_header(std::string(65, 'x')).has_value());
}

TEST(EncodedWord, Decodes)
{
    constexpr std::pair<std::string_view, std::string_view> rows[] = {
        {"plain", "plain"},
        {"=?utf-8?q?a=C3=A9_b?=", "aé b"},
        {"=?UTF-8?B?5pel?= =?UTF-8?B?5pys?=", "日本"},
        {"=?UTF-8?B?5pel?=\r\n =?UTF-8?B?5pys?= x", "日本 x"},
        {"a =?UTF-8?B?5pel?= b", "a 日 b"},
        // Cut within a character.
        {"=?UTF-8?B?5pc=?= =?UTF-8?B?pQ==?=", "日"},
        {"=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"},
        {"=?iso-2022-jp?B?GyRCLSEbKEI=?=", "①"},
        {"=?iso-2022-jp?B?GyhJNl4bKEI=?=", "ｶﾞ"},
        {"=?Shift_JIS?B?h0A=?=", "①"},
        {"=?iso-8859-1*de?Q?=FC?=", "ü"},
        // Not encoded words.
        {"=?UTF-8?X?a?=", "=?UTF-8?X?a?="},
        {"=?no-such-set?Q?a?= =?no-such-set?Q?b?=", "=?no-such-set?Q?a?= =?no-such-set?Q?b?="},
        {"=?UTF-8?Q?a b?=", "=?UTF-8?Q?a b?="},
        {"=?UTF-8//IGNORE?Q?a?=", "=?UTF-8//IGNORE?Q?a?="},
        {"=?", "=?"},
        {"=?UTF-8?Q?", "=?UTF-8?Q?"},
        {"=?=?=?", "=?=?=?"},
        {"=?UTF-8?Q?=FF?=", "\uFFFD"},
        {"\xFF", "\uFFFD"},
    };
    for (const auto& [encoded, plain] : rows)
    {
        EXPECT_EQ(decode_encoded_words(encoded), plain);
    }
}

TEST(Charset, Converts)
{
    EXPECT_EQ(to_utf8("\x93\xFA\x96\x7B", "SHIFT_JIS"), "日本");
    EXPECT_EQ(to_utf8("\xC6\xFC\xCB\xDC", "euc-jp"), "日本");
    EXPECT_EQ(to_utf8("\x1B$BF|K\\\x1B(B\r\nx", "iso-2022-jp"), "日本\r\nx");
    EXPECT_EQ(to_utf8("\x1B$B!A\x1B(B", "iso-2022-jp"), "〜");
    EXPECT_EQ(to_utf8("\x1B$B-!\n-!", "iso-2022-jp"), "①\n-!");
    EXPECT_EQ(to_utf8("\x1B$BF", "iso-2022-jp").value().find('F'), std::string::npos);
    EXPECT_EQ(to_utf8("a\x80", "us-ascii"), "a\uFFFD");
    EXPECT_EQ(to_utf8("\x93quoted\x94", "iso-8859-1"), "“quoted”");
    EXPECT_FALSE(to_utf8("a", "").has_value());
    EXPECT_FALSE(to_utf8("a", "../../x").has_value());
    EXPECT_FALSE(to_utf8("a", std::string(46, 'a')).has_value());
}

} // namespace
} // namespace hikyaku::mime
