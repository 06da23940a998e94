#include <hikyaku/mime/entity.h>

#include <gtest/gtest.h>

#include <string>

namespace hikyaku::mime
{
namespace
{

constexpr std::size_t all = 1u << 20;

TEST(HeaderBlock, TakesFieldsAndEmptyLine)
{
    std::string_view in = "Subject: one\r\n two\r\nX-Y :\tz \r\n\r\nbody";
    const auto h = header_block::take(in);
    EXPECT_EQ(in, "body");
    ASSERT_EQ(h.fields().size(), 2U);
    EXPECT_EQ(h.get("subject"), "one two");
    EXPECT_EQ(h.find("x-y"), "z");
    EXPECT_FALSE(h.find("none"));
}

TEST(HeaderBlock, EndsAtALineThatIsNoField)
{
    std::string_view in = "A: 1\nHello there\nB: 2\n";
    const auto h = header_block::take(in);
    EXPECT_EQ(h.fields().size(), 1U);
    EXPECT_EQ(in, "Hello there\nB: 2\n");
    in = "--frontier:x\nA: 1\n";
    EXPECT_TRUE(header_block::take(in).empty());
}

TEST(HeaderBlock, KeepsItsLimits)
{
    std::string many;
    for (std::size_t i = 0; i < 3 * header_fields_max; ++i)
    {
        many += "A: 1\n more\n";
    }
    many += "\nbody";
    std::string_view in = many;
    EXPECT_EQ(header_block::take(in).fields().size(), header_fields_max);
    EXPECT_EQ(in, "body");

    const std::string wide =
        "A: 1\nB: " + std::string(2 * header_block_bytes_max, 'x') + "\n folded\nC: 3\n\nbody";
    in = wide;
    EXPECT_EQ(header_block::take(in).fields().size(), 1U);
    EXPECT_EQ(in, "body");
}

TEST(ContentType, ReadsWhatSendersWrite)
{
    struct row
    {
        const char* value;
        const char* media;
        const char* name;
        const char* expected;
    };
    const row rows[] = {
        {"Text/PLAIN; charset=\"us-ascii\"", "text/plain", "charset", "us-ascii"},
        {"text/plain; charset=us-ascii (Plain text)", "text/plain", "charset", "us-ascii"},
        {"multipart/report; report-type=delivery-status;\r\n\tboundary=\"a\\\"b;c\"",
         "multipart/report", "boundary", "a\"b;c"},
        {"multipart/report;boundary=x=y", "multipart/report", "boundary", "x=y"},
        {"text/plain; name*=iso-2022-jp'ja'%1B$B%46%7C%1B%28B", "text/plain", "name", "日"},
        {"text/plain; name*1=\"b.txt\"; name*0=\"a\"", "text/plain", "name", "ab.txt"},
        {"text/plain; name*0*=utf-8''%E6%97; name*1*=%A5; name*2=x", "text/plain", "name", "日x"},
        {"text/plain; name=\"=?utf-8?B?5pel?=\"", "text/plain", "name", "日"},
        {"TEXT", "text", "charset", ""},
        {";;; charset=x", "", "charset", "x"},
        {"text/plain; charset", "text/plain", "charset", ""},
        {"text/plain; charset=\"open", "text/plain", "charset", "open"},
        {"text/plain; a(b=c; charset=d", "text/plain", "charset", "d"},
    };
    for (const row& r : rows)
    {
        const auto made = parse_content_type(r.value);
        EXPECT_EQ(made.media, r.media) << r.value;
        EXPECT_EQ(made.get(r.name), r.expected) << r.value;
    }
}

TEST(MessageParser, TakesAReportApart)
{
    const std::string_view bytes = "From x Mon Jan  1 00:00:00 2024\n"
                                   "Content-Type: multipart/report; boundary=\"out\"\n\n"
                                   "preamble\n"
                                   "--out\n\nHello\n"
                                   "--out \nContent-Type: message/delivery-status\n\nA: 1\n\nB: 2\n"
                                   "--out\nContent-Type: message/rfc822\n\n"
                                   "Subject: in\nContent-Type: multipart/mixed; boundary=in\n\n"
                                   "--in\n\ninner text\n--in--\n"
                                   "\n--out--\nepilogue\n";
    const auto m = parse_message(bytes);
    ASSERT_EQ(m.parts.size(), 6U);
    EXPECT_FALSE(m.truncated);
    EXPECT_EQ(m.parts[0].children, 3U);
    EXPECT_EQ(m.parts[1].body, "Hello");
    EXPECT_EQ(m.parts[1].type.media, "text/plain");
    EXPECT_EQ(m.parts[2].body, "A: 1\n\nB: 2");
    EXPECT_EQ(m.parts[3].type.media, "message/rfc822");
    EXPECT_EQ(m.parts[3].parent, 0U);
    EXPECT_EQ(m.parts[4].header.get("Subject"), "in");
    EXPECT_EQ(m.parts[4].parent, 3U);
    EXPECT_EQ(m.parts[5].body, "inner text");
    EXPECT_EQ(m.parts[5].depth, 3U);
}

TEST(MessageParser, ForgivesBoundaries)
{
    struct row
    {
        const char* bytes;
        std::size_t parts;
    };
    const row rows[] = {
        // never closed
        {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo", 3},
        // told wrong
        {"Content-Type: multipart/mixed; boundary=c\n\n--b\nContent-Type: text/plain\n\none\n--b--",
         2},
        // not told
        {"Content-Type: multipart/report\n\n--b\nContent-Type: text/plain\n\none\n--b--", 2},
        // the inner one not closed
        {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
         "boundary=bb\n\n--bb\n\none\n--b\n\ntwo\n--b--",
         4},
        // the same one within itself
        {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
         "boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--",
         4},
        {"", 1},
        {"\n\n", 1},
        {"Content-Type: multipart/mixed; boundary=b\n\n", 1},
        {"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----\n", 1},
        {"Content-Type: message/rfc822\n\n\nSubject: x\n\nbody", 2},
    };
    for (const row& r : rows)
    {
        EXPECT_EQ(parse_message(r.bytes).parts.size(), r.parts) << r.bytes;
    }
}

TEST(MessageParser, DecodesText)
{
    struct row
    {
        const char* head;
        const char* body;
        const char* expected;
    };
    const row rows[] = {
        {"Content-Transfer-Encoding: base64", "5pel5pys\n", "日本"},
        {"Content-Type: text/plain; charset=iso-2022-jp", "\x1B$BF|K\\\x1B(B", "日本"},
        {"Content-Type: text/plain; charset=us-ascii", "\x1B$BF|K\\\x1B(B", "日本"},
        {"Content-Type: text/plain; charset=shift_jis", "\x93\xFA\x96{", "日本"},
        {"Content-Type: text/plain", "\x82\xA0\x82\xA2\x82\xA4\x82\xA6", "あいうえ"},
        {"Content-Type: text/plain; charset=x-unknown", "Gr\xFC\xDF", "Grüß"},
        {"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
         "Quoted-Printable",
         "Gr=FC=DF", "Grüß"},
    };
    for (const row& r : rows)
    {
        const std::string bytes = std::string(r.head) + "\n\n" + r.body;
        const auto m = parse_message(bytes);
        EXPECT_EQ(m.parts[0].text(all), r.expected) << r.head;
    }
    const std::string large = "\n\n" + std::string(100, 'x');
    EXPECT_LE(parse_message(large).parts[0].text(10).size(), 10U);
}

std::string nested(std::size_t depth)
{
    std::string bytes;
    for (std::size_t i = 0; i < depth; ++i)
    {
        const std::string b = "b" + std::to_string(i);
        bytes += "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n";
    }
    bytes += "\ninnermost\n";
    for (std::size_t i = depth; i-- > 0;)
    {
        bytes += "--b" + std::to_string(i) + "--\n";
    }
    return bytes;
}

TEST(MessageParser, NestingIsBounded)
{
    const std::string deep = nested(1'000);
    const auto m = parse_message(deep);
    EXPECT_TRUE(m.truncated);
    EXPECT_EQ(m.parts.size(), nesting_max + 1);
    const std::string shallow = nested(nesting_max - 1);
    const auto whole = parse_message(shallow);
    EXPECT_FALSE(whole.truncated);
    EXPECT_EQ(whole.parts.back().body, "innermost");

    std::string messages;
    for (int i = 0; i < 1'000; ++i)
    {
        messages += "Content-Type: message/rfc822\n\n";
    }
    EXPECT_EQ(parse_message(messages).parts.size(), nesting_max + 1);
}

TEST(MessageParser, PartsAndFieldsAreBounded)
{
    std::string many = "Content-Type: multipart/mixed; boundary=b\n\n";
    for (int i = 0; i < 100'000; ++i)
    {
        many += "--b\nA: 1\nB: 2\n\nx\n";
    }
    const auto m = parse_message(many);
    EXPECT_TRUE(m.truncated);
    EXPECT_EQ(m.parts.size(), parts_max);
    EXPECT_EQ(m.parts.back().body, "x");

    std::string wide = "Content-Type: multipart/mixed; boundary=b\n\n";
    for (int i = 0; i < 500; ++i)
    {
        wide += "--b\n";
        for (int f = 0; f < 100; ++f)
        {
            wide += "A: 1\n";
        }
        wide += "\nx\n";
    }
    std::size_t fields = 0;
    for (const auto& part : parse_message(wide).parts)
    {
        fields += part.header.fields().size();
    }
    EXPECT_EQ(fields, message_fields_max);
}

} // namespace
} // namespace hikyaku::mime
