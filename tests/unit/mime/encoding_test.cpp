#include <hikyaku/mime/encoding.h>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::mime
{
namespace
{

using namespace std::string_view_literals;

std::string canonical(std::string_view text)
{
    std::string out;
    append_canonical(out, text);
    return out;
}
std::string to_quoted(std::string_view text)
{
    std::string out;
    append_quoted_printable(out, text);
    return out;
}
std::string to_base64(std::string_view text)
{
    std::string out;
    append_base64_text(out, text);
    return out;
}

/// Every line at most `most` bytes, CR and LF only together.
void expect_lines(std::string_view encoded, std::size_t most)
{
    std::size_t length = 0;
    for (std::size_t i = 0; i < encoded.size(); ++i)
    {
        if (encoded[i] == '\r')
        {
            ASSERT_TRUE(i + 1 < encoded.size() && encoded[i + 1] == '\n');
            ASSERT_LE(length, most);
            length = 0;
            ++i;
            continue;
        }
        ASSERT_NE(encoded[i], '\n');
        ASSERT_LT(static_cast<unsigned char>(encoded[i]), 0x80);
        ++length;
    }
    ASSERT_LE(length, most);
}

TEST(Encoding, Canonical)
{
    EXPECT_EQ(canonical("a\nb\r\nc\rd\r\r\ne"), "a\r\nb\r\nc\r\nd\r\ne");
    EXPECT_EQ(canonical("\n\r"), "\r\n\r\n");
    EXPECT_EQ(canonical("\r\r"), "\r\n\r\n");
    EXPECT_EQ(canonical("\r\r\r\n"), "\r\n\r\n");
    EXPECT_EQ(canonical("a\0b\r\0\n"sv), "ab\r\n");
    EXPECT_EQ(canonical(""), "");
    EXPECT_EQ(canonical("\0"sv), "");
}

TEST(Encoding, Choice)
{
    EXPECT_EQ(choose_encoding("plain\nASCII\ttext\r\n"), transfer_encoding::seven_bit);
    EXPECT_EQ(choose_encoding(""), transfer_encoding::seven_bit);
    EXPECT_EQ(choose_encoding(std::string(998, 'a')), transfer_encoding::seven_bit);
    EXPECT_EQ(choose_encoding(std::string(999, 'a')), transfer_encoding::quoted_printable);
    EXPECT_EQ(choose_encoding("x\nFrom me"), transfer_encoding::quoted_printable);
    EXPECT_EQ(choose_encoding("nul: \0 in a text"sv), transfer_encoding::quoted_printable);
    EXPECT_EQ(choose_encoding("escape \x1B in a text"), transfer_encoding::quoted_printable);
    EXPECT_EQ(choose_encoding("Müller wrote a long enough line"),
              transfer_encoding::quoted_printable);
    EXPECT_EQ(choose_encoding("日本語の文章です。"), transfer_encoding::base64);
    EXPECT_EQ(to_header_value(transfer_encoding::seven_bit), "7bit");
    EXPECT_EQ(to_header_value(transfer_encoding::quoted_printable), "quoted-printable");
    EXPECT_EQ(to_header_value(transfer_encoding::base64), "base64");
}

TEST(QuotedPrintable, Rows)
{
    EXPECT_EQ(to_quoted("a=b\n"), "a=3Db\r\n");
    EXPECT_EQ(to_quoted("é"), "=C3=A9");
    EXPECT_EQ(to_quoted("blank \ntab\t\nend "), "blank=20\r\ntab=09\r\nend=20");
    EXPECT_EQ(to_quoted("a  \n"), "a =20\r\n");
    EXPECT_EQ(to_quoted(" "), "=20");
    EXPECT_EQ(to_quoted("\tindented\n"), "\tindented\r\n");
    EXPECT_EQ(to_quoted(".\n..x\n"), "=2E\r\n=2E.x\r\n");
    EXPECT_EQ(to_quoted("From me\nFrom: x\n"), "=46rom me\r\nFrom: x\r\n");
    EXPECT_EQ(to_quoted("\x7F\x01"), "=7F=01");
    EXPECT_EQ(to_quoted("a \0\n"sv), "a=20\r\n");
    EXPECT_EQ(to_quoted(std::string(76, 'a')), std::string(76, 'a'));
    EXPECT_EQ(to_quoted(std::string(77, 'a')), std::string(75, 'a') + "=\r\naa");
    EXPECT_EQ(to_quoted(std::string(75, 'a') + ".b"), std::string(75, 'a') + "=\r\n=2Eb");
    EXPECT_EQ(to_quoted(std::string(74, 'a') + "é"), std::string(74, 'a') + "=\r\n=C3=A9");
}

TEST(QuotedPrintable, DecodesRobustly)
{
    EXPECT_EQ(decode_quoted_printable("a=\r\nb=3d=3D\r\n"), "ab==\r\n");
    EXPECT_EQ(decode_quoted_printable("a= \t\r\nb"), "ab");
    EXPECT_EQ(decode_quoted_printable("a \t\r\nb \n"), "a\r\nb\n");
    EXPECT_EQ(decode_quoted_printable("=ZZ=4"), "=ZZ=4");
    EXPECT_EQ(decode_quoted_printable("="), "");
    EXPECT_EQ(decode_quoted_printable("=20"), " ");
    EXPECT_EQ(decode_quoted_printable(""), "");
}

TEST(Base64, KnownVectors)
{
    // RFC 4648 section 10.
    constexpr std::pair<std::string_view, std::string_view> rows[] = {{"", ""},
                                                                      {"f", "Zg=="},
                                                                      {"fo", "Zm8="},
                                                                      {"foo", "Zm9v"},
                                                                      {"foob", "Zm9vYg=="},
                                                                      {"fooba", "Zm9vYmE="},
                                                                      {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : rows)
    {
        std::string word;
        append_base64_word(word, plain);
        EXPECT_EQ(word, encoded);
        EXPECT_EQ(decode_base64(encoded), plain);
    }
    EXPECT_EQ(to_base64("a\n"), "YQ0K\r\n");
    EXPECT_EQ(to_base64(std::string(58, 'a')),
              "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\r\n"
              "YQ==\r\n");
    EXPECT_EQ(decode_base64("Zm 9v!\r\nYmFy=Zg=="), "foobar");
}

std::string random_text(std::mt19937_64& random)
{
    static const std::vector<std::string> pieces = {
        "a",
        "word ",
        "=",
        ".",
        "From ",
        "\n",
        "\r\n",
        "\r",
        "\r\r\n",
        " ",
        "\t",
        "日",
        "é",
        "𠮷",
        "か゚",
        "\x01",
        "\x7F",
        "\x1B",
        std::string("\0", 1),
        "\xFF",
        "long enough to run over a line's end, with ordinary words and nothing else in it"};
    std::string text;
    for (auto n = random() % 200; n > 0; --n)
    {
        text += pieces[random() % pieces.size()];
    }
    return text;
}

TEST(Encoding, RandomTextsRoundTrip)
{
    std::mt19937_64 random(20261124);
    for (int i = 0; i < 5000; ++i)
    {
        const std::string text = random_text(random);
        const std::string wanted = canonical(text);
        const std::string in_quoted = to_quoted(text);
        const std::string in_base64 = to_base64(text);
        ASSERT_EQ(decode_quoted_printable(in_quoted), wanted) << i;
        ASSERT_EQ(decode_base64(in_base64), wanted) << i;
        ASSERT_EQ(canonical(wanted), wanted) << i;
        expect_lines(in_quoted, encoded_line_bytes_max);
        expect_lines(in_base64, encoded_line_bytes_max);
        ASSERT_EQ(in_quoted.find("\r\n."), std::string::npos) << i;
        ASSERT_EQ(in_quoted.find(" \r\n"), std::string::npos) << i;
        ASSERT_EQ(("\r\n" + in_quoted).find("\nFrom "), std::string::npos) << i;
        if (choose_encoding(text) == transfer_encoding::seven_bit)
        {
            expect_lines(wanted, line_bytes_max);
        }
        if (HasFatalFailure())
        {
            return;
        }
    }
}

TEST(Encoding, WorstCases)
{
    for (const auto& unit : {std::string("\xFF"), std::string(" "), std::string("."),
                             std::string("From "), std::string("=a"), std::string("\t")})
    {
        std::string text;
        while (text.size() < 100'000)
        {
            text += unit;
        }
        const std::string encoded = to_quoted(text);
        expect_lines(encoded, encoded_line_bytes_max);
        EXPECT_EQ(decode_quoted_printable(encoded), text);
    }
}

TEST(Encoding, LinearForLongLines)
{
    // Rescanning a line at each soft break, or a text at each CR, would take minutes.
    const std::string line(20'000'000, 'x');
    const std::string encoded = to_quoted(line);
    EXPECT_EQ(decode_quoted_printable(encoded), line);
    EXPECT_EQ(canonical(std::string(2'000'000, '\r')).size(), 4'000'000U);
}

} // namespace
} // namespace hikyaku::mime
