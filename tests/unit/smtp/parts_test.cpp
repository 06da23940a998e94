#include <hikyaku/smtp/dot_stuff.h>
#include <hikyaku/smtp/ehlo_features.h>
#include <hikyaku/smtp/path.h>
#include <hikyaku/smtp/reply_parser.h>

#include <gtest/gtest.h>

namespace hikyaku::smtp
{
namespace
{

struct parse_row
{
    const char* input;
    int code; // 0: an error
    const char* text;
};

TEST(ReplyParser, Rows)
{
    const parse_row rows[] = {
        {"250 ok\r\n", 250, "ok"},
        {"250\r\n", 250, ""},
        {"250 \r\n", 250, ""},
        {"250 ok\n", 250, "ok"},
        {"250-a\r\n250 b\r\n", 250, "a\nb"},
        {"250-\r\n250\r\n", 250, "\n"},
        {"599 x\r\n", 599, "x"},
        {"25A x\r\n", 0, ""},
        {"-250 x\r\n", 0, ""},
        {"150 x\r\n", 0, ""},
        {"650 x\r\n", 0, ""},
        {"2500 x\r\n", 0, ""},
        {"250x\r\n", 0, ""},
        {"25\r\n", 0, ""},
        {"\r\n", 0, ""},
        {"250-a\r\n251 b\r\n", 0, ""},
    };
    for (const auto& row : rows)
    {
        for (const bool by_byte : {false, true})
        {
            reply_parser parser;
            std::string_view input = row.input;
            int code = -1;
            std::string text;
            while (code == -1 && !input.empty())
            {
                std::string_view part = by_byte ? input.substr(0, 1) : input;
                const std::size_t given = part.size();
                const auto r = parser.consume(part);
                input.remove_prefix(given - part.size());
                if (r.has_error())
                {
                    EXPECT_EQ(r.error(), errc::malformed_reply);
                    code = 0;
                }
                else if (r->has_value())
                {
                    code = (*r)->code;
                    text = (*r)->text;
                }
            }
            EXPECT_EQ(code, row.code) << row.input;
            EXPECT_EQ(text, row.text) << row.input;
        }
    }
}

TEST(ReplyParser, LeavesTheNextReply)
{
    reply_parser parser;
    std::string_view input = "250 a\r\n550 5.1.1 b\r\n25";
    EXPECT_EQ((**parser.consume(input)).text, "a");
    const auto second = **parser.consume(input);
    EXPECT_EQ(second.enhanced, (enhanced_code{5, 1, 1}));
    EXPECT_FALSE(parser.in_reply());
    EXPECT_FALSE(parser.consume(input)->has_value());
    EXPECT_TRUE(input.empty());
    EXPECT_TRUE(parser.in_reply());
}

TEST(ReplyParser, Limits)
{
    const std::string fits = "250 " + std::string(reply_parser::line_bytes_max - 6, 'x') + "\r\n";
    reply_parser good;
    std::string_view input = fits;
    EXPECT_TRUE(good.consume(input)->has_value());
    const std::string too_long = "250 " + std::string(reply_parser::line_bytes_max - 4, 'x');
    reply_parser bad;
    input = too_long;
    EXPECT_EQ(bad.consume(input).error(), errc::oversize_reply);

    std::string many;
    for (std::size_t i = 0; i < reply_parser::lines_max; ++i)
    {
        many += "250-x\r\n";
    }
    reply_parser lines;
    input = many;
    EXPECT_FALSE(lines.consume(input)->has_value());
    input = "250 x\r\n";
    EXPECT_EQ(lines.consume(input).error(), errc::oversize_reply);

    std::string bulk;
    for (int i = 0; i < 9; ++i)
    {
        bulk += "250-" + std::string(2000, 'x') + "\r\n";
    }
    reply_parser total;
    input = bulk;
    EXPECT_EQ(total.consume(input).error(), errc::oversize_reply);
}

TEST(EnhancedCode, Rows)
{
    EXPECT_EQ(parse_enhanced_code("2.1.5 ok"), (enhanced_code{2, 1, 5}));
    EXPECT_EQ(parse_enhanced_code("5.7.515"), (enhanced_code{5, 7, 515}));
    EXPECT_EQ(parse_enhanced_code("4.0.0\nx"), (enhanced_code{4, 0, 0}));
    for (const char* bad : {"", "2", "2.1", "2.1.", "3.1.1 x", "2.1.5x", "2.1000.1", "2..1",
                            "12.1.1", "2.1.5.6", "2.1.5-"})
    {
        EXPECT_FALSE(parse_enhanced_code(bad).has_value()) << bad;
    }
    EXPECT_EQ(format_enhanced_code({5, 1, 1}), "5.1.1");
    EXPECT_EQ(format_enhanced_code({}), "");
}

TEST(EnhancedCode, OfAnotherClassThanTheReplyIsIgnored)
{
    reply_parser parser;
    std::string_view input = "250 5.1.1 x\r\n";
    EXPECT_FALSE((**parser.consume(input)).enhanced.present());
}

TEST(CleanText, Rows)
{
    EXPECT_EQ(clean_text("a\nb\r\tc\x7F"), "a b??c?");
    EXPECT_EQ(clean_text("\xE6\x97\xA5\xE6\x9C\xAC"), "\xE6\x97\xA5\xE6\x9C\xAC");
    EXPECT_EQ(clean_text("\xE6\x97"), "??");
    EXPECT_EQ(clean_text("\xC0\x80\xED\xA0\x80"), "?????");
    EXPECT_EQ(clean_text("\xC2\x85"), "?"); // NEL
    EXPECT_EQ(clean_text("a\xE2\x80\xA8"
                         "b"),
              "a?b"); // line separator
    EXPECT_EQ(clean_text("a\xE2\x80\xAE"
                         "b"),
              "a?b"); // right-to-left override
    EXPECT_EQ(clean_text("\xF5\x80\x80\x80"), "????");
    EXPECT_EQ(clean_text("\xE6\x97\xA5\xE6\x9C\xAC", 5), "\xE6\x97\xA5");
    EXPECT_EQ(clean_text(std::string(5000, '\0')).size(), clean_text_bytes_max);
}

TEST(EhloFeatures, Rows)
{
    const auto f = parse_ehlo("mx hello\nSIZE 35882577\n8BitMime\nstarttls\nPIPELINING\n"
                              "ENHANCEDSTATUSCODES\nCHUNKING\nSMTPUTF8\nAUTH PLAIN\nX-UNKNOWN y");
    EXPECT_TRUE(f.size && f.eight_bit_mime && f.starttls && f.pipelining && f.chunking);
    EXPECT_TRUE(f.enhanced_status_codes && f.smtputf8);
    EXPECT_EQ(f.size_bytes_max, 35'882'577u);
    EXPECT_FALSE(parse_ehlo("PIPELINING").pipelining); // the greeting is no keyword
    EXPECT_FALSE(parse_ehlo("x\nPIPELININGS").pipelining);
    EXPECT_FALSE(parse_ehlo("").size);
}

TEST(EhloFeatures, SizeLies)
{
    EXPECT_EQ(parse_ehlo("x\nSIZE").size_bytes_max, 0u);
    EXPECT_EQ(parse_ehlo("x\nSIZE 0").size_bytes_max, 0u);
    EXPECT_EQ(parse_ehlo("x\nSIZE 1").size_bytes_max, 1u);
    EXPECT_EQ(parse_ehlo("x\nSIZE 18446744073709551615").size_bytes_max, ~0ull);
    EXPECT_EQ(parse_ehlo("x\nSIZE 18446744073709551616").size_bytes_max, 0u);
    EXPECT_EQ(parse_ehlo("x\nSIZE -1").size_bytes_max, 0u);
    EXPECT_EQ(parse_ehlo("x\nSIZE 12x").size_bytes_max, 0u);
}

TEST(EhloFeatures, KeywordsBeyondTheLimitAreIgnored)
{
    std::string text = "x";
    for (std::size_t i = 0; i < ehlo_features::keywords_max; ++i)
    {
        text += "\nX";
    }
    EXPECT_FALSE(parse_ehlo(text + "\nPIPELINING").pipelining);
}

TEST(DotStuff, Rows)
{
    const std::pair<const char*, const char*> rows[] = {
        {"a\r\n", "a\r\n"},
        {".\r\n", "..\r\n"},
        {"..\r\n.\r\n", "...\r\n..\r\n"},
        {"a.\r\n.b\r\n", "a.\r\n..b\r\n"},
        {"\r\n.\r\n\r\n.", nullptr},
    };
    for (const auto& [in, out] : rows)
    {
        const auto shape = inspect_message(in);
        if (out == nullptr)
        {
            EXPECT_FALSE(shape.canonical_crlf);
            continue;
        }
        ASSERT_TRUE(shape.canonical_crlf) << in;
        std::string scratch = "old";
        EXPECT_EQ(dot_stuff(in, shape, scratch), out);
    }
    std::string scratch;
    const std::string_view plain = "a.b\r\n";
    EXPECT_EQ(dot_stuff(plain, inspect_message(plain), scratch).data(), plain.data());
}

TEST(DotStuff, NotCanonical)
{
    for (const char* bad : {"", "a", "a\r", "a\n", "\n", "\r", "a\nb\r\n", "a\rb\r\n", "a\r\r\n",
                            "a\r\n\n", "a\r\nb"})
    {
        EXPECT_FALSE(inspect_message(bad).canonical_crlf) << bad;
    }
    EXPECT_TRUE(inspect_message("\r\n").canonical_crlf);
}

TEST(Path, Rows)
{
    for (const char* good :
         {"a@b", "\"a b\"@c.example", "\"a<b>\\\"\"@c", "a@[192.0.2.1]", "a+b=c@d"})
    {
        EXPECT_TRUE(is_safe_path(good)) << good;
    }
    for (const char* bad : {"", "a", "@b", "a@", "a b@c", "a@b>", "<a@b", "a\\@b", "\"a@b", "a\t@b",
                            "\"a\"b\"@c", "a@b\"", "a@\"b\""})
    {
        EXPECT_FALSE(is_safe_path(bad)) << bad;
    }
    EXPECT_TRUE(is_safe_host_name("mx1.example"));
    EXPECT_TRUE(is_safe_host_name("[IPv6:2001:db8::1]"));
    EXPECT_FALSE(is_safe_host_name("a b"));
    EXPECT_FALSE(is_safe_host_name("a\r\n"));
    EXPECT_FALSE(is_safe_host_name(""));
}

} // namespace
} // namespace hikyaku::smtp
