#include "body_decoder.h"
#include "response_head.h"
#include "target.h"
#include "wire.h"

#include <gtest/gtest.h>

#include <string>

namespace hikyaku::http
{
namespace
{

/// As the session does it: find the head's end, then parse it. 0: a good head; 1: more is needed.
unsigned status_of(std::string_view bytes, const head_limits& limits = {})
{
    head_scanner scanner;
    const auto end = scanner.scan(bytes, limits);
    if (end.has_error())
    {
        return end.error().status;
    }
    if (!*end)
    {
        return 1;
    }
    const auto head = parse_request_head(bytes.substr(0, **end), limits);
    return head.has_error() ? head.error().status : 0;
}

struct head_row
{
    const char* name;
    std::string bytes;
    unsigned status;
};

class RequestHead : public testing::TestWithParam<head_row>
{
};

TEST_P(RequestHead, IsJudged)
{
    EXPECT_EQ(status_of(GetParam().bytes), GetParam().status);
}

const std::string h = "Host: a\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";

INSTANTIATE_TEST_SUITE_P(
    Rows, RequestHead,
    testing::Values(
        head_row{"Plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
        head_row{"Version10NoHost", "GET / HTTP/1.0\r\n\r\n", 0},
        head_row{"EmptyValue", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", 0},
        head_row{"Length", post + "Content-Length: 5\r\n\r\n", 0},
        head_row{"Chunked", post + "Transfer-Encoding: Chunked\r\n\r\n", 0},
        head_row{"Continue", post + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", 0},
        head_row{"Unfinished", "GET / HTTP/1.1\r\nHost: a\r\n", 1},
        head_row{"BareLfEverywhere", "GET / HTTP/1.1\nHost: a\n\n", 400},
        head_row{"BareLfInHeader", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
        head_row{"BareCr", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},
        head_row{"CrCrLf", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
        head_row{"ObsFold", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400},
        head_row{"FoldedFirst", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        head_row{"SpaceBeforeColon", post + "Content-Length : 5\r\n\r\n", 400},
        head_row{"TabBeforeColon", post + "Transfer-Encoding\t: chunked\r\n\r\n", 400},
        head_row{"EmptyName", post + ": 5\r\n\r\n", 400},
        head_row{"NoColon", post + "Foo\r\n\r\n", 400},
        head_row{"NulInValue", post + std::string("X: a\0b\r\n\r\n", 11), 400},
        head_row{"ControlInValue", post + "X: a\x01\r\n\r\n", 400},
        head_row{"DeleteInValue", post + "X: a\x7f\r\n\r\n", 400},
        head_row{"NonAsciiName", post + "X\xc3\xa4: a\r\n\r\n", 400},
        head_row{"LengthTwiceSame", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
        head_row{"LengthTwice", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
        head_row{"LengthList", post + "Content-Length: 5, 5\r\n\r\n", 400},
        head_row{"LengthPlus", post + "Content-Length: +5\r\n\r\n", 400},
        head_row{"LengthMinus", post + "Content-Length: -5\r\n\r\n", 400},
        head_row{"LengthHex", post + "Content-Length: 0x5\r\n\r\n", 400},
        head_row{"LengthEmpty", post + "Content-Length:\r\n\r\n", 400},
        head_row{"LengthSpace", post + "Content-Length: 5 5\r\n\r\n", 400},
        head_row{"LengthOverflow", post + "Content-Length: 18446744073709551621\r\n\r\n", 400},
        head_row{"Both", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        head_row{"BothOtherWay", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
                 400},
        head_row{"BothZero", post + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        head_row{"CodingTwice",
                 post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        head_row{"CodingList", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
        head_row{"CodingIdentity", post + "Transfer-Encoding: identity\r\n\r\n", 400},
        head_row{"CodingObfuscated", post + "Transfer-Encoding: xchunked\r\n\r\n", 400},
        head_row{"CodingVerticalTab",
                 post + "Transfer-Encoding: \x0b"
                        "chunked\r\n\r\n",
                 400},
        head_row{"CodingQuoted", post + "Transfer-Encoding: \"chunked\"\r\n\r\n", 400},
        head_row{"CodingIn10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        head_row{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        head_row{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        head_row{"HostSpace", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        head_row{"HostList", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
        head_row{"HostPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        head_row{"Version20", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        head_row{"Version12", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        head_row{"VersionLong", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
        head_row{"VersionLower", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"NoVersion", "GET /\r\nHost: a\r\n\r\n", 400},
        head_row{"TwoSpaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"ControlInTarget", "GET /a\x07 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"NonAsciiTarget", "GET /\xe6\x97\xa5 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"ConnectionNoToken", post + "Connection: cl\xff ose\r\n\r\n", 400},
        head_row{"TabInLine", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"LeadingSpace", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"BadMethod", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        head_row{"OtherExpectation", post + "Expect: 200-ok\r\n\r\n", 417},
        head_row{"LongTarget", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + h + "\r\n",
                 414},
        head_row{"EndlessTarget", "GET /" + std::string(20000, 'a'), 414},
        head_row{"LongHeader", post + "X: " + std::string(17000, 'a') + "\r\n\r\n", 431},
        head_row{"EndlessHeader", post + "X: " + std::string(17000, 'a'), 431}),
    [](const auto& info) { return info.param.name; });

TEST(RequestHeadLimits, HeadersAreCounted)
{
    std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 99; ++i)
    {
        bytes += "X: y\r\n";
    }
    EXPECT_EQ(status_of(bytes + "\r\n"), 0u);
    EXPECT_EQ(status_of(bytes + "X: y\r\n\r\n"), 431u);
}

TEST(RequestHeadScanner, FindsTheSameEndHoweverTheBytesArrive)
{
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
    head_scanner scanner;
    for (std::size_t size = 0; size < bytes.size() - 3; ++size)
    {
        const auto end = scanner.scan(std::string_view(bytes).substr(0, size), {});
        ASSERT_TRUE(end.has_value());
        ASSERT_FALSE(end->has_value()) << size;
    }
    const auto end = scanner.scan(bytes, {});
    ASSERT_TRUE(end.has_value() && end->has_value());
    EXPECT_EQ(**end, bytes.size() - 3);
}

TEST(RequestHeadFields, AreTakenApart)
{
    const auto head = parse_request_head(
        "PUT /a?b HTTP/1.1\r\nHost: x:1\r\nCONTENT-length: 12\r\nConnection: foo , Close\r\n\r\n",
        {});
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->method, "PUT");
    EXPECT_EQ(head->target, "/a?b");
    EXPECT_EQ(head->body, framing::length);
    EXPECT_EQ(head->content_length, 12u);
    EXPECT_FALSE(head->keep_alive);
    EXPECT_EQ(head->fields.find("host"), "x:1");
}

/// "body|rest" or the status of the refusal; fed in pieces of `step` bytes.
std::string decode(framing how, std::uint64_t length, std::string_view bytes, std::size_t step)
{
    body_decoder decoder(how, length);
    std::string body;
    std::string pending;
    while (!decoder.done() && !bytes.empty())
    {
        const auto size = std::min(step, bytes.size());
        std::string_view piece = bytes.substr(0, size);
        bytes.remove_prefix(size);
        while (!piece.empty() && !decoder.done())
        {
            const auto taken = decoder.consume(piece);
            if (taken.has_error())
            {
                return std::to_string(taken.error().status);
            }
            body += *taken;
        }
        pending = piece;
    }
    return decoder.done() ? body + "|" + pending + std::string(bytes) : "unfinished";
}

struct body_row
{
    const char* name;
    std::string bytes;
    std::string outcome;
};

class ChunkedBody : public testing::TestWithParam<body_row>
{
};

TEST_P(ChunkedBody, IsDecodedAlikeInPiecesOfAnySize)
{
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{9999}})
    {
        EXPECT_EQ(decode(framing::chunked, 0, GetParam().bytes, step), GetParam().outcome) << step;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ChunkedBody,
    testing::Values(
        body_row{"Empty", "0\r\n\r\n", "|"}, body_row{"One", "3\r\nabc\r\n0\r\n\r\n", "abc|"},
        body_row{"Two", "3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\nGET", "abc0123456789|GET"},
        body_row{"Extension", "3;x=\"y z\"\r\nabc\r\n0;q\r\n\r\n", "abc|"},
        body_row{"Trailer", "0\r\nX: y\r\nContent: 7\r\n\r\n", "|"},
        body_row{"FramingTrailer", "0\r\nContent-Length: 7\r\n\r\n", "400"},
        body_row{"BadExtension", "3;a=b/c\r\nabc\r\n0\r\n\r\n", "400"},
        body_row{"OpenQuote", "3;a=\"b\r\nabc\r\n0\r\n\r\n", "400"},
        body_row{"Unfinished", "3\r\nab", "unfinished"},
        body_row{"NoLastChunk", "3\r\nabc\r\n", "unfinished"}, body_row{"NoSize", "\r\nabc", "400"},
        body_row{"Minus", "-1\r\n", "400"}, body_row{"Prefix", "0x3\r\nabc\r\n", "400"},
        body_row{"NotHex", "g\r\n", "400"}, body_row{"SpaceAfter", "3 \r\nabc\r\n0\r\n\r\n", "400"},
        body_row{"SpaceBefore", " 3\r\nabc\r\n0\r\n\r\n", "400"},
        body_row{"Overflow", "10000000000000003\r\nabc", "400"},
        body_row{"BareLfAfterSize", "3\nabc\r\n0\r\n\r\n", "400"},
        body_row{"BareLfInExtension", "3;a\nb\r\nabc\r\n0\r\n\r\n", "400"},
        body_row{"BareCr", "3\rabc", "400"},
        body_row{"MissingCrlf", "3\r\nabcd\r\n0\r\n\r\n", "400"},
        body_row{"BareLfAfterData", "3\r\nabc\n0\r\n\r\n", "400"},
        body_row{"BadTrailer", "0\r\nX y\r\n\r\n", "400"},
        body_row{"FoldedTrailer", "0\r\nX: y\r\n z\r\n\r\n", "400"},
        body_row{"LongExtension", "3;" + std::string(2000, 'x') + "\r\n", "400"}),
    [](const auto& info) { return info.param.name; });

TEST(PlainBody, EndsAtItsLength)
{
    EXPECT_EQ(decode(framing::length, 3, "abcdef", 1), "abc|def");
    EXPECT_EQ(decode(framing::length, 7, "abcdef", 2), "unfinished");
    EXPECT_EQ(decode(framing::none, 0, "abc", 2), "|abc");
}

struct target_row
{
    const char* name;
    std::string target;
    /// "path?name=value;…", or "refused".
    std::string outcome;
};

class Target : public testing::TestWithParam<target_row>
{
};

TEST_P(Target, IsDecodedOrRefused)
{
    const auto parsed = parse_target(GetParam().target);
    std::string outcome = "refused";
    if (parsed.has_value())
    {
        outcome = parsed->path;
        for (const auto& [name, value] : parsed->query)
        {
            outcome += "?" + name + "=" + value;
        }
    }
    EXPECT_EQ(outcome, GetParam().outcome);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Target,
    testing::Values(
        target_row{"Root", "/", "/"}, target_row{"Plain", "/a/b", "/a/b"},
        target_row{"Decoded", "/a%20b/%E6%97%A5", "/a b/日"},
        target_row{"EncodedSlash", "/a%2fb", "/a/b"}, target_row{"PlusInPath", "/a+b", "/a+b"},
        target_row{"Query", "/a?x=1&y=a+b%2B&x=2&&z", "/a?x=1?y=a b+?x=2?z="},
        target_row{"QueryQuestion", "/a?x=?/=", "/a?x=?/="},
        target_row{"Absolute", "http://host:1/a?b=c", "/a?b=c"},
        target_row{"AbsoluteNoPath", "http://host", "refused"},
        target_row{"Asterisk", "*", "refused"}, target_row{"Authority", "host:443", "refused"},
        target_row{"Relative", "a/b", "refused"}, target_row{"Fragment", "/a#b", "refused"},
        target_row{"Nul", "/a%00b", "refused"}, target_row{"NulInQuery", "/a?b=%00", "refused"},
        target_row{"InvalidUtf8", "/%ff", "refused"},
        target_row{"OverlongUtf8", "/%c0%af", "refused"},
        target_row{"Surrogate", "/%ed%a0%80", "refused"},
        target_row{"BeyondUnicode", "/%f4%90%80%80", "refused"},
        target_row{"RawUtf8", "/日", "refused"}, target_row{"BrokenEscape", "/%4", "refused"},
        target_row{"BadEscape", "/%zz", "refused"}, target_row{"DotDot", "/a/../b", "refused"},
        target_row{"EncodedDotDot", "/a/%2e%2E/b", "refused"}, target_row{"Dot", "/./b", "refused"},
        target_row{"LastEscape", "/%41", "/A"}),
    [](const auto& info) { return info.param.name; });

TEST(Target, BoundsTheNumberOfParameters)
{
    std::string query;
    for (std::size_t i = 0; i < query_parameters_max; ++i)
    {
        query += "&a=1";
    }
    EXPECT_TRUE(parse_target("/?" + query).has_value());
    EXPECT_TRUE(parse_target("/?" + query + "&a=1").has_error());
}

TEST(ResponseHead, NeverCarriesInjectedLines)
{
    auto r = response::text(200, "text/plain\r\nX: 1", "");
    r.headers = {{"Location", "/a\r\nSet-Cookie: x=1"},
                 {"Bad Name", "x"},
                 {"Evil\r\nX", "x"},
                 {"Content-Length", "99"},
                 {"transfer-encoding", "chunked"},
                 {"Cache-Control", "max-age=5"}};
    const auto head = make_response_head(r, {.minor_version = 1,
                                             .keep_alive = true,
                                             .length = 0,
                                             .request_id = "req_1",
                                             .now = from_unix_ms(784887151000)});
    EXPECT_EQ(head, "HTTP/1.1 200 OK\r\n"
                    "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
                    "X-Request-Id: req_1\r\n"
                    "X-Content-Type-Options: nosniff\r\n"
                    "Content-Type: text/plain  X: 1\r\n"
                    "Location: /a  Set-Cookie: x=1\r\n"
                    "Cache-Control: max-age=5\r\n"
                    "Content-Length: 0\r\n\r\n");
}

} // namespace
} // namespace hikyaku::http
