#include <hikyaku/mime/builder.h>
#include <hikyaku/mime/encoding.h>

#include <gmime/gmime.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::mime
{
namespace
{

using namespace std::string_view_literals;

struct unref
{
    void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T> using handle = std::unique_ptr<T, unref>;

/// What GMime reads of a message.
struct read_message
{
    std::string from_name, from_path, to_name, to_path, subject, extra, text, html;
    std::string header_text, message_id, boundary;
    std::vector<std::string> header_names;
};

std::string to_string(const char* s)
{
    return s == nullptr ? "" : s;
}

void read_mailbox(InternetAddressList* list, std::string& name, std::string& path)
{
    ASSERT_NE(list, nullptr);
    ASSERT_EQ(internet_address_list_length(list), 1);
    InternetAddress* const box = internet_address_list_get_address(list, 0);
    ASSERT_TRUE(INTERNET_ADDRESS_IS_MAILBOX(box));
    name = to_string(internet_address_get_name(box));
    path = to_string(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(box)));
}

std::string content_of(GMimePart* part)
{
    const handle<GMimeStream> memory(g_mime_stream_mem_new());
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(part), memory.get());
    GByteArray* const bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory.get()));
    return {reinterpret_cast<const char*>(bytes->data), bytes->len};
}

/// Without GMime's getters, which unfold in their own way.
std::string decoded_header(GMimeObject* object, const char* name)
{
    GMimeHeader* const header =
        g_mime_header_list_get_header(g_mime_object_get_header_list(object), name);
    if (header == nullptr)
    {
        return "";
    }
    std::string value = to_string(g_mime_header_get_raw_value(header));
    std::erase_if(value, [](char c) { return c == '\r' || c == '\n'; });
    char* const text =
        g_mime_utils_header_decode_text(nullptr, value.c_str() + value.starts_with(' '));
    std::string decoded = to_string(text);
    g_free(text);
    return decoded;
}

void read_part(GMimeObject* object, read_message& read)
{
    ASSERT_TRUE(GMIME_IS_PART(object));
    GMimeContentType* const type = g_mime_object_get_content_type(object);
    EXPECT_STRCASEEQ(g_mime_content_type_get_parameter(type, "charset"), "utf-8");
    (g_mime_content_type_is_type(type, "text", "html") ? read.html : read.text) =
        content_of(GMIME_PART(object));
}

read_message read_back(const std::string& bytes)
{
    static const bool ready = (g_mime_init(), true);
    EXPECT_TRUE(ready);
    read_message read;
    const handle<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(bytes.data(), bytes.size()));
    const handle<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    const handle<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
    EXPECT_NE(message, nullptr);
    if (message == nullptr)
    {
        return read;
    }
    read_mailbox(g_mime_message_get_from(message.get()), read.from_name, read.from_path);
    read_mailbox(g_mime_message_get_to(message.get()), read.to_name, read.to_path);
    read.subject = decoded_header(GMIME_OBJECT(message.get()), "Subject");
    read.extra = decoded_header(GMIME_OBJECT(message.get()), "X-Extra");
    read.message_id = to_string(g_mime_message_get_message_id(message.get()));
    GMimeHeaderList* const headers = g_mime_object_get_header_list(GMIME_OBJECT(message.get()));
    for (int i = 0; i < g_mime_header_list_get_count(headers); ++i)
    {
        read.header_names.emplace_back(
            g_mime_header_get_name(g_mime_header_list_get_header_at(headers, i)));
    }
    GMimeObject* const body = g_mime_message_get_mime_part(message.get());
    if (!GMIME_IS_MULTIPART(body))
    {
        read_part(body, read);
        return read;
    }
    EXPECT_EQ(g_mime_multipart_get_count(GMIME_MULTIPART(body)), 2);
    read.boundary = to_string(g_mime_multipart_get_boundary(GMIME_MULTIPART(body)));
    for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(body)); ++i)
    {
        read_part(g_mime_multipart_get_part(GMIME_MULTIPART(body), i), read);
    }
    return read;
}

void expect_legal_bytes(std::string_view bytes, const built_message& built)
{
    ASSERT_TRUE(bytes.ends_with("\r\n"));
    ASSERT_EQ(bytes.substr(built.header_bytes - 4, 4), "\r\n\r\n");
    ASSERT_EQ(bytes.find("\r\n\r\n"), built.header_bytes - 4);
    std::size_t length = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
    {
        if (bytes[i] == '\r')
        {
            ASSERT_TRUE(i + 1 < bytes.size() && bytes[i + 1] == '\n');
            ASSERT_LE(length, line_bytes_max);
            length = 0;
            ++i;
            continue;
        }
        ASSERT_NE(bytes[i], '\n');
        ASSERT_NE(bytes[i], '\0');
        ASSERT_TRUE(built.is_8bit || static_cast<unsigned char>(bytes[i]) < 0x80);
        ++length;
    }
}

std::string canonical(std::string_view text)
{
    std::string out;
    append_canonical(out, text);
    return out;
}

/// A single part may have gained the last line end.
void expect_content(const std::string& read, const std::string& wanted, bool single)
{
    if (single && read == wanted + "\r\n")
    {
        return;
    }
    ASSERT_EQ(read, wanted);
}

message_parts minimal_parts()
{
    message_parts parts;
    parts.from = {"Shop", "news@shop.example"};
    parts.to = {"", "taro@example.jp"};
    parts.subject = "Hello";
    parts.text = "Hello\n";
    parts.message_id = "c1.2@shop.example";
    parts.date = from_unix_ms(1795478400000);
    parts.date_offset_minutes = 540;
    return parts;
}

TEST(Builder, WholeMessage)
{
    auto parts = minimal_parts();
    parts.to = {"山田 太郎", "taro@example.jp"};
    parts.subject = "お知らせ";
    parts.html = "<p>Hello</p>\n";
    const std::array reply_to = {mailbox{"Help", "help@shop.example"},
                                 mailbox{"", "b@shop.example"}};
    parts.reply_to = reply_to;
    parts.list_unsubscribe_url = "https://shop.example/u/1";
    parts.list_unsubscribe_mailto = "u-1@shop.example";
    parts.one_click = true;
    parts.feedback_id = "c1:t1:news:hikyaku";
    const std::array extra = {header_line{"X-Campaign", "nov"}};
    parts.extra = extra;
    std::string out = "old";
    const built_message built = build_message(parts, out);
    EXPECT_EQ(out, "From: Shop <news@shop.example>\r\n"
                   "To: =?UTF-8?B?5bGx55SwIOWkqumDjg==?= <taro@example.jp>\r\n"
                   "Reply-To: Help <help@shop.example>, b@shop.example\r\n"
                   "Subject: =?UTF-8?B?44GK55+l44KJ44Gb?=\r\n"
                   "Date: Tue, 24 Nov 2026 09:00:00 +0900\r\n"
                   "Message-ID: <c1.2@shop.example>\r\n"
                   "List-Unsubscribe: <https://shop.example/u/1>,\r\n"
                   " <mailto:u-1@shop.example>\r\n"
                   "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                   "Feedback-ID: c1:t1:news:hikyaku\r\n"
                   "X-Campaign: nov\r\n"
                   "MIME-Version: 1.0\r\n"
                   "Content-Type: multipart/alternative;\r\n"
                   " boundary=\"=_hk_e220a8397b1dcdaf\"\r\n"
                   "\r\n"
                   "--=_hk_e220a8397b1dcdaf\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: 7bit\r\n"
                   "\r\n"
                   "Hello\r\n"
                   "\r\n"
                   "--=_hk_e220a8397b1dcdaf\r\n"
                   "Content-Type: text/html; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: 7bit\r\n"
                   "\r\n"
                   "<p>Hello</p>\r\n"
                   "\r\n"
                   "--=_hk_e220a8397b1dcdaf--\r\n");
    expect_legal_bytes(out, built);
    EXPECT_FALSE(built.is_8bit);
}

TEST(Builder, SingleParts)
{
    auto parts = minimal_parts();
    std::string out;
    auto built = build_message(parts, out);
    EXPECT_EQ(std::string_view(out).substr(built.header_bytes), "Hello\r\n");
    EXPECT_NE(out.find("text/plain"), std::string::npos);

    parts.text = "no line end";
    built = build_message(parts, out);
    EXPECT_EQ(std::string_view(out).substr(built.header_bytes), "no line end\r\n");

    parts.text = "";
    parts.html = "<p>日本語</p>";
    built = build_message(parts, out);
    EXPECT_EQ(std::string_view(out).substr(built.header_bytes), "PHA+5pel5pys6KqePC9wPg==\r\n");
    EXPECT_NE(out.find("text/html"), std::string::npos);
    EXPECT_EQ(out.find("multipart"), std::string::npos);

    parts.html = "";
    built = build_message(parts, out);
    EXPECT_EQ(built.header_bytes, out.size());
    EXPECT_NE(out.find("text/plain"), std::string::npos);
}

TEST(Builder, Smtputf8)
{
    auto parts = minimal_parts();
    parts.to.smtp_path = "太郎@example.jp";
    std::string out;
    const auto built = build_message(parts, out);
    EXPECT_TRUE(built.is_8bit);
    EXPECT_TRUE(built.needs_smtputf8);
    EXPECT_NE(out.find("To: 太郎@example.jp\r\n"), std::string::npos);
}

TEST(Builder, BoundaryStandsInNoPart)
{
    auto parts = minimal_parts();
    parts.html = "<p>x</p>";
    std::string out;
    EXPECT_EQ(build_message(parts, out).is_8bit, false);
    const std::string first = read_back(out).boundary;
    const std::string hostile = "--" + first + "--\r\nContent-Type: text/html\r\n\r\nx";
    parts.text = hostile;
    EXPECT_EQ(build_message(parts, out).is_8bit, false);
    const read_message read = read_back(out);
    EXPECT_NE(read.boundary, first);
    EXPECT_EQ(read.text, hostile);
    EXPECT_EQ(read.html, "<p>x</p>");
    std::string again;
    EXPECT_EQ(build_message(parts, again).is_8bit, false);
    EXPECT_EQ(again, out);
    parts.boundary_seed = 1000;
    EXPECT_EQ(build_message(parts, again).is_8bit, false);
    EXPECT_NE(again, out);
}

TEST(Builder, HostileUrls)
{
    auto parts = minimal_parts();
    parts.list_unsubscribe_url = "https://x.example/>\r\nBcc: v@example.jp";
    parts.list_unsubscribe_mailto = "MAILTO:u@x.example?subject=a b";
    std::string out;
    const auto built = build_message(parts, out);
    expect_legal_bytes(out, built);
    EXPECT_NE(out.find("List-Unsubscribe: <https://x.example/%3E%0D%0ABcc:%20v@example.jp>,\r\n"
                       " <MAILTO:u@x.example?subject=a%20b>\r\n"),
              std::string::npos)
        << out;
    EXPECT_EQ(out.find("List-Unsubscribe-Post"), std::string::npos);
}

class random_parts
{
public:
    explicit random_parts(std::uint64_t seed) : random_(seed) {}

    std::string text(std::size_t pieces_max)
    {
        static const std::vector<std::string> pieces = {
            "a",
            "word ",
            "=",
            "=?",
            "?=",
            "=?UTF-8?Q?x?=",
            ".",
            "From ",
            "\n",
            "\r\n",
            "\r",
            "\r\r\n",
            " ",
            "  ",
            "\t",
            "日本語",
            "é",
            "𠮷",
            "か\u3099",
            "👨‍👩‍👧",
            "🇯🇵",
            "\x01",
            "\x7F",
            "\x1B",
            "<b>",
            "\"",
            "\\",
            ",",
            "(",
            ")",
            "<",
            ">",
            "@",
            ";",
            ":",
            "--=_hk_",
            "--",
            "\u0085",
            "\u2028",
            "\u00A0",
            "\u3000",
            "\r\nBcc: v@example.jp\r\n",
            "\r\n\r\n",
            "long enough to run over a line's end, with ordinary words and nothing else in it "};
        std::string made;
        for (auto n = random_() % (pieces_max + 1); n > 0; --n)
        {
            made += pieces[random_() % pieces.size()];
        }
        return made;
    }

    std::string body()
    {
        if (random_() % 64 == 0)
        {
            return std::string(100'000, 'x') + text(5);
        }
        switch (random_() % 8)
        {
        case 0:
            return "";
        case 1:
            return text(5) + std::string(1, '\0') + text(5);
        default:
            return text(60);
        }
    }

    std::uint64_t number() { return random_(); }

private:
    std::mt19937_64 random_;
};

/// The encoded words keep blanks at the ends, but GMime trims them (header_test.cpp checks them).
std::string trimmed(std::string_view s)
{
    constexpr std::array blanks = {" "sv, "\u00A0"sv, "\u3000"sv};
    for (bool again = true; again;)
    {
        again = false;
        for (const auto blank : blanks)
        {
            while (s.starts_with(blank))
            {
                s.remove_prefix(blank.size());
                again = true;
            }
            while (s.ends_with(blank))
            {
                s.remove_suffix(blank.size());
                again = true;
            }
        }
    }
    return std::string(s);
}

TEST(Builder, GmimeReadsBackRandomMessages)
{
    constexpr int messages = 3000;
    for (int i = 0; i < messages; ++i)
    {
        random_parts random(static_cast<std::uint64_t>(i));
        const std::string from_name = random.text(6);
        const std::string to_name = random.text(12);
        const std::string subject = random.text(30);
        const std::string text = random.body();
        const std::string html = random.body();
        auto parts = minimal_parts();
        parts.from.name = from_name;
        parts.to.name = to_name;
        parts.subject = subject;
        parts.text = text;
        parts.html = html;
        parts.boundary_seed = random.number() % 4;
        const std::string value = random.text(20);
        const std::array extra = {header_line{"X-Extra", value}};
        parts.extra = extra;

        std::string out;
        const built_message built = build_message(parts, out);
        expect_legal_bytes(out, built);
        const read_message read = read_back(out);
        const bool single = text.empty() || html.empty();
        ASSERT_EQ(trimmed(read.subject), trimmed(to_single_line(subject))) << out;
        ASSERT_EQ(trimmed(read.extra), trimmed(to_single_line(value))) << out;
        ASSERT_EQ(trimmed(read.from_name), trimmed(to_single_line(from_name))) << out;
        ASSERT_EQ(trimmed(read.to_name), trimmed(to_single_line(to_name))) << out;
        ASSERT_EQ(read.from_path, "news@shop.example");
        ASSERT_EQ(read.to_path, "taro@example.jp");
        ASSERT_EQ(read.message_id, "c1.2@shop.example");
        expect_content(read.text, canonical(text), single);
        expect_content(read.html, canonical(html), single);
        // GMime gives the Content-* headers to the body.
        ASSERT_EQ(read.header_names,
                  (std::vector<std::string>{"From", "To", "Subject", "Date", "Message-ID",
                                            "X-Extra", "MIME-Version"}))
            << out;
        if (HasFatalFailure())
        {
            FAIL() << "message " << i << "\n" << out;
        }
    }
}

} // namespace
} // namespace hikyaku::mime
