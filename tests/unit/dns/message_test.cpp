#include "packet.h"

#include <hikyaku/dns/name.h>

#include <gtest/gtest.h>

#include <random>

namespace hikyaku::dns
{
namespace
{

using test::packet;

const question asked{0x1234, "example.jp", record_type::mx};

std::string error_of(const std::string& bytes, const question& q = asked)
{
    const auto parsed = parse_response(bytes, q);
    return parsed.has_error() ? parsed.error().text : "";
}

/// One record whose owner is a pointer to the question's name.
std::string record_with(std::string_view owner, std::uint16_t type, std::string_view rdata,
                        int declared = -1)
{
    std::string out(owner);
    put_be(out, type);
    put_be(out, std::uint16_t{1});
    put_be(out, std::uint32_t{300});
    put_be(out,
           static_cast<std::uint16_t>(declared < 0 ? static_cast<int>(rdata.size()) : declared));
    return out.append(rdata);
}
const std::string_view to_question("\xC0\x0C", 2);

TEST(Message, ReadsEveryTypeWithTtl)
{
    const auto parsed = parse_response(packet(asked)
                                           .mx("Example.JP", 10, "MX1.example.jp", 700)
                                           .address("mx1.example.jp", "192.0.2.1")
                                           .address("mx1.example.jp", "2001:db8::1")
                                           .cname("a.example.jp", "b.example.jp")
                                           .answer("t.example.jp", 16, 5,
                                                   "\x03"
                                                   "abc\x02"
                                                   "de")
                                           .answer("x.example.jp", 99, 5, "unknown type")
                                           .answer("x.example.jp", 1, 5, "chao", 3)
                                           .soa("jp", 900, 1800)
                                           .bytes(),
                                       asked);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().text;
    ASSERT_EQ(parsed->answers.size(), 5U);
    EXPECT_EQ(parsed->answers[0].name, "example.jp");
    EXPECT_EQ(parsed->answers[0].ttl.count(), 700);
    EXPECT_EQ(std::get<mx_data>(parsed->answers[0].data), (mx_data{10, "mx1.example.jp"}));
    EXPECT_EQ(std::get<ip_address>(parsed->answers[1].data), *parse_ip("192.0.2.1"));
    EXPECT_EQ(std::get<ip_address>(parsed->answers[2].data), *parse_ip("2001:db8::1"));
    EXPECT_EQ(std::get<cname_data>(parsed->answers[3].data).target, "b.example.jp");
    EXPECT_EQ(std::get<txt_data>(parsed->answers[4].data).text, "abcde");
    ASSERT_EQ(parsed->authority.size(), 1U);
    EXPECT_EQ(std::get<soa_data>(parsed->authority[0].data).minimum.count(), 900);
    EXPECT_EQ(parsed->authority[0].ttl.count(), 1800);
}

TEST(Message, CompressionPointersAreFollowed)
{
    // MX 5 mail.<pointer to example.jp>
    const auto parsed =
        parse_response(packet(asked)
                           .raw_answer(record_with(to_question, 15,
                                                   std::string_view("\x00\x05\x04mail\xC0\x0C", 9)))
                           .bytes(),
                       asked);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().text;
    EXPECT_EQ(std::get<mx_data>(parsed->answers[0].data), (mx_data{5, "mail.example.jp"}));
}

TEST(Message, WrongHeaderOrQuestionIsNoAnswer)
{
    EXPECT_EQ(error_of(packet(asked).id(1).bytes()), "another id");
    EXPECT_EQ(error_of(packet(asked, 0x0100).bytes()), "not a response to a query");
    EXPECT_EQ(error_of(packet(asked, 0x8180 | 0x2800).bytes()), "not a response to a query");
    EXPECT_EQ(error_of(packet(asked).questions(0).bytes()), "not exactly one question");
    EXPECT_EQ(error_of(packet(asked).questions(2).bytes()), "not exactly one question");
    EXPECT_EQ(error_of(packet({asked.id, "example.com", asked.type}).bytes()), "another question");
    EXPECT_EQ(error_of(packet({asked.id, asked.name, record_type::a}).bytes()), "another question");
    EXPECT_EQ(error_of(packet({asked.id, "EXAMPLE.jp", asked.type}).bytes()), "");
    EXPECT_EQ(error_of(""), "cut off");
    EXPECT_EQ(error_of(std::string(message_bytes_max + 1, 'x')), "over 65535 bytes");
}

TEST(Message, FlagsAndCodes)
{
    const auto parsed =
        parse_response(packet(asked, 0x81A0).code(response_code::server_failure).bytes(), asked);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_TRUE(parsed->authenticated);
    EXPECT_FALSE(parsed->truncated);
    EXPECT_EQ(parsed->code, response_code::server_failure);
    EXPECT_EQ(response_code_name(static_cast<response_code>(11)), "RCODE 11");
    EXPECT_TRUE(parse_response(packet(asked, 0x8380).raw_answer("cut").bytes(), asked)->truncated);
}

TEST(Message, TtlWithTopBitIsZero)
{
    const auto parsed =
        parse_response(packet(asked).mx("example.jp", 1, "a.jp", 0x80000001U).bytes(), asked);
    EXPECT_EQ(parsed->answers[0].ttl.count(), 0);
}

struct bad_record
{
    const char* what;
    std::string record;
    const char* error;
};

TEST(Message, HostileRecordsAreRefused)
{
    const std::string long_label(64, 'a');
    const std::string label63 = "\x3F" + std::string(63, 'a');
    const std::string name256 = label63 + label63 + label63 + label63;
    const std::size_t records_at = packet(asked).records_at();
    const auto pointer = [](std::size_t to)
    { return std::string{static_cast<char>(0xC0 | (to >> 8)), static_cast<char>(to & 0xFF)}; };
    const char* not_backwards = "a compression pointer that does not point backwards";
    const char* bad_byte = "a byte in a name that is not printing ASCII, or a dot in a label";
    const bad_record rows[] = {
        {"pointer to itself", record_with(pointer(records_at), 1, "abcd"), not_backwards},
        {"pointer forward", record_with(pointer(records_at + 40), 1, "abcd"), not_backwards},
        {"pointer past the end", record_with(pointer(0x3FFF), 1, "abcd"), not_backwards},
        {"label then pointer to it",
         record_with("\x01"
                     "a" +
                         pointer(records_at),
                     1, "abcd"),
         not_backwards},
        {"label over 63", record_with("\x40" + long_label + '\0', 1, "abcd"),
         "a reserved label type"},
        {"name over 255", record_with(name256 + '\0', 1, "abcd"), "a name over 255 bytes"},
        {"NUL in a label",
         record_with(std::string_view("\x03"
                                      "a\0b\0",
                                      5),
                     1, "abcd"),
         bad_byte},
        {"dot in a label",
         record_with(std::string_view("\x03"
                                      "a.b\0",
                                      5),
                     1, "abcd"),
         bad_byte},
        {"space in a label",
         record_with(std::string_view("\x03"
                                      "a b\0",
                                      5),
                     1, "abcd"),
         bad_byte},
        {"8-bit label", record_with(std::string_view("\x01\xE3\0", 3), 1, "abcd"), bad_byte},
        {"short A", record_with(to_question, 1, "abc"), "cut off"},
        {"long A", record_with(to_question, 1, "abcde"),
         "record data that does not fill its length"},
        {"MX name beyond its data",
         record_with(to_question, 15, std::string_view("\0\1\4mail\0", 8), 4),
         "record data that does not fill its length"},
        {"TXT beyond its data",
         record_with(to_question, 16,
                     "\x09"
                     "abc",
                     4),
         "cut off"},
        {"length past the end", record_with(to_question, 99, "abcd", 400), "cut off"},
        {"empty MX", record_with(to_question, 15, ""), "cut off"},
    };
    for (const bad_record& row : rows)
    {
        EXPECT_EQ(error_of(packet(asked).raw_answer(row.record).bytes()), row.error) << row.what;
    }
}

TEST(Message, LongestNameIsTaken)
{
    const std::string label(63, 'a');
    const std::string name = label + "." + label + "." + label + "." + std::string(61, 'b');
    ASSERT_EQ(name.size(), name_text_bytes_max);
    const question q{7, name, record_type::a};
    EXPECT_EQ(error_of(packet(q).address(name, "192.0.2.1").bytes(), q), "");
}

TEST(Message, RecordsBeyondTheLimitAreIgnored)
{
    packet p(asked);
    for (std::size_t i = 0; i < answer_records_max + 10; ++i)
    {
        p.mx("example.jp", 1, "a.jp");
    }
    const auto parsed = parse_response(p.bytes(), asked);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->answers.size(), answer_records_max);
}

TEST(Message, LongChainsOfPointersAreRefused)
{
    // Each TXT record holds a name that is a pointer to the one before.
    packet p(asked);
    std::size_t at = p.records_at();
    std::size_t target = 12;
    for (std::size_t i = 0; i <= pointer_jumps_max; ++i)
    {
        const std::string rdata{static_cast<char>(0xC0 | (target >> 8)),
                                static_cast<char>(target & 0xFF)};
        const std::string record = record_with(to_question, 99, rdata);
        target = at + record.size() - rdata.size();
        at += record.size();
        p.raw_answer(record);
    }
    EXPECT_EQ(error_of(p.bytes()), "");
    const std::string last{static_cast<char>(0xC0 | (target >> 8)),
                           static_cast<char>(target & 0xFF)};
    p.raw_answer(record_with(last, 1, "abcd"));
    EXPECT_NE(error_of(p.bytes()), "");
}

TEST(Message, BrokenAuthorityDoesNotSpoilTheAnswer)
{
    std::string bytes = packet(asked).mx("example.jp", 1, "a.jp").soa("jp", 900).bytes();
    bytes.resize(bytes.size() - 3);
    const auto parsed = parse_response(bytes, asked);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->answers.size(), 1U);
    EXPECT_TRUE(parsed->authority.empty());
}

TEST(Message, MutatedPacketsAreRefusedOrReadWithinBounds)
{
    const std::string good =
        packet(asked)
            .cname("example.jp", "real.example.jp")
            .raw_answer(record_with(to_question, 15, std::string_view("\0\5\4mail\xC0\x0C", 9)))
            .address("mail.example.jp", "2001:db8::1")
            .answer("t.example.jp", 16, 5,
                    "\x03"
                    "abc\x02"
                    "de")
            .soa("jp", 900)
            .bytes();
    std::mt19937 random(20261123);
    std::size_t refused = 0;
    for (int round = 0; round < 20'000; ++round)
    {
        std::string bytes = good;
        const unsigned changes = 1 + random() % 4;
        for (unsigned i = 0; i < changes; ++i)
        {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        bytes.resize(bytes.size() - (random() % 4 == 0 ? random() % bytes.size() : 0));
        const auto parsed = parse_response(bytes, asked);
        refused += parsed.has_error() ? 1 : 0;
        for (const record& r : parsed.has_value() ? parsed->answers : std::vector<record>{})
        {
            EXPECT_TRUE(r.name.empty() || canonical_name(r.name) == r.name) << r.name;
        }
    }
    EXPECT_GT(refused, 1'000U);
    EXPECT_LT(refused, 20'000U);
}

TEST(Message, QueryIsReadBackAsItsOwnQuestion)
{
    std::string bytes = make_query({0xBEEF, "mx.example.jp", record_type::aaaa});
    bytes[2] = static_cast<char>(0x81);
    EXPECT_EQ(error_of(bytes, {0xBEEF, "mx.example.jp", record_type::aaaa}), "");
    EXPECT_EQ(make_query({1, "", record_type::mx}).size(), 12U + 5U + 11U);
}

TEST(Name, Canonical)
{
    EXPECT_EQ(canonical_name("Example.JP."), "example.jp");
    EXPECT_EQ(canonical_name("."), "");
    EXPECT_EQ(canonical_name("_dmarc.a-b.jp"), "_dmarc.a-b.jp");
    const std::string label(64, 'a');
    const std::string bad[] = {"",
                               "..",
                               ".a",
                               "a..b",
                               "a b",
                               "a\tb",
                               label,
                               "\xE3",
                               "a.jp..",
                               std::string("a\0b", 3),
                               std::string(254, 'a')};
    for (const std::string& name : bad)
    {
        EXPECT_FALSE(canonical_name(name)) << name;
    }
}

TEST(Name, Below)
{
    EXPECT_TRUE(is_at_or_below("a.jp", "jp"));
    EXPECT_TRUE(is_at_or_below("jp", "jp"));
    EXPECT_TRUE(is_at_or_below("jp", ""));
    EXPECT_FALSE(is_at_or_below("ajp", "jp"));
    EXPECT_FALSE(is_at_or_below("jp", "a.jp"));
}

TEST(Ip, RoundTrips)
{
    for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "::ffff:127.0.0.1"})
    {
        ASSERT_TRUE(parse_ip(text)) << text;
        EXPECT_EQ(format_ip(*parse_ip(text)), text);
    }
    for (const char* text : {"", "192.0.2", "192.0.2.256", "01.2.3.4", "[::1]", "::1%lo", "a"})
    {
        EXPECT_FALSE(parse_ip(text)) << text;
    }
    EXPECT_LT(*parse_ip("192.0.2.1"), *parse_ip("192.0.2.2"));
}

} // namespace
} // namespace hikyaku::dns
