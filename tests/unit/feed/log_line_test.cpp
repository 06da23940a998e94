#include <hikyaku/base/json.h>
#include <hikyaku/feed/log_line.h>
#include <hikyaku/feed/rates.h>

#include <gtest/gtest.h>

#include <random>

#include "facts.h"

namespace hikyaku::feed
{
namespace
{

using test::delivered;
using test::noon;

std::string line_of(const queue::fact& f, fact_place place = {7, 0}, int offset = 540)
{
    std::string out;
    append_log_line(out, "tnt_0000000000001", place, f, offset);
    return out;
}

std::string quoted(std::string_view text)
{
    std::string out;
    append_json_string(out, text);
    return out;
}

// Customers' programs read these lines: a change here is a change of the interface.
TEST(LogLine, GoldenDelivered)
{
    EXPECT_EQ(line_of(delivered(5)),
              R"({"seq":"7.0","ts":"2026-11-24T12:00:00.123+09:00","event":"delivered",)"
              R"("tenant":"tnt_0000000000001","campaign":"cmp_000000000001a",)"
              R"("message_id":"c_000000000001a.5@news.example","recipient":"u5@shop.example",)"
              R"("domain":"shop.example","site":"mx.shop.example","mx":"mx.shop.example",)"
              R"("source":"192.0.2.1","attempt":1,"code":250,"enhanced":"2.0.0",)"
              R"("reply":"2.0.0 Ok: queued as 4XyZ","class":"accepted","stage":"final_dot",)"
              R"("tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","verified":true},)"
              R"("bytes":51234,"queued_ms":12,"connect_ms":3,"session_ms":45,)"
              R"("dkim":[{"d":"news.example","s":"s1","a":"rsa-sha256"},)"
              R"({"d":"news.example","s":"s2","a":"ed25519-sha256"}],"dup_possible":false})"
              "\n");
}

TEST(LogLine, GoldenDeferredWithoutConnection)
{
    queue::fact f;
    f.at = noon;
    f.what = queue::disposition::deferred;
    f.campaign = campaign_id{42};
    f.who = ordinal{9};
    f.recipient = "taro@example.jp";
    f.domain = "example.jp";
    f.attempt = 2;
    f.enhanced = "4.4.3";
    f.cls = "dns";
    f.next_try = noon + std::chrono::minutes{15};
    f.id_domain = "news.example";
    f.dup_possible = true;
    EXPECT_EQ(line_of(f, {7, 3}, 0),
              R"({"seq":"7.3","ts":"2026-11-24T03:00:00.123+00:00","event":"deferred",)"
              R"("tenant":"tnt_0000000000001","campaign":"cmp_000000000001a",)"
              R"("message_id":"c_000000000001a.9@news.example","recipient":"taro@example.jp",)"
              R"("domain":"example.jp","attempt":2,"enhanced":"4.4.3","class":"dns",)"
              R"("bytes":0,"queued_ms":0,"connect_ms":0,"session_ms":0,)"
              R"("next_try":"2026-11-24T03:15:00.123+00:00","dup_possible":true})"
              "\n");
}

TEST(LogLine, GoldenBulk)
{
    queue::fact f;
    f.at = noon;
    f.what = queue::disposition::cancelled;
    f.campaign = campaign_id{42};
    f.count = 998'000;
    EXPECT_EQ(line_of(f), R"({"seq":"7.0","ts":"2026-11-24T12:00:00.123+09:00",)"
                          R"("event":"cancelled","tenant":"tnt_0000000000001",)"
                          R"("campaign":"cmp_000000000001a","dup_possible":false,"count":998000})"
                          "\n");
}

struct string_row
{
    std::string_view text;
    std::string_view json;
};

class JsonString : public testing::TestWithParam<string_row>
{
};

TEST_P(JsonString, IsEscaped)
{
    EXPECT_EQ(quoted(GetParam().text), GetParam().json);
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, JsonString,
    testing::Values(string_row{"", R"("")"}, string_row{"a\"b\\c", R"("a\"b\\c")"},
                    string_row{"a\r\n\tb", R"("a\r\n\tb")"},
                    string_row{std::string_view("\0\x1b[2J\x7f", 6), R"("\u0000\u001b[2J\u007f")"},
                    string_row{"飛脚 😀", "\"飛脚 😀\""},
                    string_row{"\xc2\x9b"
                               "2J",
                               R"("\u009b2J")"},
                    string_row{"\xe2\x80\xa8\xe2\x80\xa9", R"("\u2028\u2029")"},
                    // Overlong, surrogate, beyond U+10FFFF, cut, stray continuation, Latin-1.
                    string_row{"\xc0\xaf", R"("\ufffd\ufffd")"},
                    string_row{"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},
                    string_row{"\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},
                    string_row{"a\xe3\x81", R"("a\ufffd\ufffd")"},
                    string_row{"\x80z", R"("\ufffdz")"},
                    string_row{"caf\xe9 x", R"("caf\ufffd x")"},
                    string_row{"\xe0\x9f\xbf", R"("\ufffd\ufffd\ufffd")"},
                    string_row{"\xf0\x8f\xbf\xbf", R"("\ufffd\ufffd\ufffd\ufffd")"},
                    string_row{"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""}));

// Whatever a server or a contact says: one line, one JSON object, the same members.
TEST(LogLine, RandomBytesStayOneObject)
{
    std::mt19937 random(20261124);
    for (int round = 0; round < 2'000; ++round)
    {
        const auto noise = [&random]
        {
            std::string text(random() % 40, '\0');
            for (auto& c : text)
            {
                c = static_cast<char>(random() % 3 == 0 ? "\"\\{}:,\n\r"[random() % 8]
                                                        : static_cast<int>(random() % 256));
            }
            return text;
        };
        auto f = delivered(static_cast<std::uint32_t>(round));
        for (auto* text : {&f.recipient, &f.domain, &f.site, &f.mx, &f.source, &f.enhanced,
                           &f.reply, &f.stage, &f.cls, &f.tls_version, &f.tls_cipher, &f.id_domain})
        {
            *text = noise();
        }
        f.dkim = {noise(), ""};
        f.at = from_unix_ms(
            static_cast<std::int64_t>((static_cast<std::uint64_t>(random()) << 32) | random()));
        f.what = static_cast<queue::disposition>(random() % 12);
        const auto line = line_of(f);
        ASSERT_EQ(line.find('\n'), line.size() - 1);
        ASSERT_EQ(line.find('\r'), std::string::npos);
        const auto parsed = parse_json(std::string_view(line).substr(0, line.size() - 1));
        ASSERT_TRUE(parsed.has_value()) << line;
        ASSERT_TRUE(parsed->is_object());
        EXPECT_EQ(parsed->as_object().at("dkim").as_array().size(), 2U);
    }
}

TEST(LogTime, MatchesTheSlowFormat)
{
    std::mt19937_64 random(7);
    for (int i = 0; i < 2'000; ++i)
    {
        const auto t = from_unix_ms(static_cast<std::int64_t>(random() % 4'000'000'000'000ULL));
        const int offset = static_cast<int>(random() % 1'680) - 840;
        std::string fast;
        append_rfc3339(fast, t, offset);
        ASSERT_EQ(fast, format_rfc3339(t, offset));
    }
}

TEST(Rates, CountWholeSecondsOfTheirWindow)
{
    rates r;
    const auto d = queue::disposition::delivered;
    const auto index = static_cast<std::size_t>(d);
    for (int s = 0; s < 60; ++s)
    {
        r.add(d, 100, noon + seconds{s});
    }
    r.add(queue::disposition::cancelled, 5'000, noon + seconds{59});
    const auto view = r.read(noon + seconds{60});
    EXPECT_DOUBLE_EQ(view.last_10s[index], 100.0);
    EXPECT_DOUBLE_EQ(view.last_60s[index], 100.0);
    EXPECT_EQ(view.total[index], 6'000U);
    EXPECT_DOUBLE_EQ(view.sum_10s(), 600.0);
    // The second under way is not counted; later everything has left the windows.
    EXPECT_DOUBLE_EQ(r.read(noon).last_10s[index], 0.0);
    EXPECT_DOUBLE_EQ(r.read(noon + seconds{65}).last_10s[index], 50.0);
    EXPECT_DOUBLE_EQ(r.read(noon + seconds{121}).sum_60s(), 0.0);
    EXPECT_EQ(r.read(noon + seconds{121}).total[index], 6'000U);
}

TEST(Rates, OldAndDamagedFactsAreHarmless)
{
    rates r;
    r.add(queue::disposition::bounced, 1, noon);
    r.add(queue::disposition::bounced, 1, noon - std::chrono::hours{20});
    r.add(static_cast<queue::disposition>(200), 1, noon);
    r.add(queue::disposition::bounced, 1, from_unix_ms(-5'000));
    const auto view = r.read(noon + seconds{1});
    EXPECT_DOUBLE_EQ(view.sum_10s(), 0.1);
}

} // namespace
} // namespace hikyaku::feed
