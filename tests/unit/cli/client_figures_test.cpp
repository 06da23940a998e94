#include "figures.h"
#include "json_text.h"
#include "problem_text.h"
#include "progress_bar.h"
#include "text_table.h"
#include "zone_lines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

namespace hikyaku::cli
{
namespace
{

TEST(Figures, Counts)
{
    EXPECT_EQ(format_count(0), "0");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_count(1000), "1,000");
    EXPECT_EQ(format_count(12'345'678), "12,345,678");
    EXPECT_EQ(format_count(std::numeric_limits<std::uint64_t>::max()),
              "18,446,744,073,709,551,615");
}

TEST(Figures, Rates)
{
    EXPECT_EQ(format_rate(0), "0.0/s");
    EXPECT_EQ(format_rate(0.44), "0.4/s");
    EXPECT_EQ(format_rate(99.94), "99.9/s");
    EXPECT_EQ(format_rate(3214.4), "3,214/s");
    EXPECT_EQ(format_rate(-5), "0.0/s");
    EXPECT_EQ(format_rate(std::nan("")), "0.0/s");
    EXPECT_EQ(format_rate(std::numeric_limits<double>::infinity()), "0.0/s");
}

TEST(Figures, Durations)
{
    EXPECT_EQ(format_duration(milliseconds{-1}), "0s");
    EXPECT_EQ(format_duration(milliseconds{999}), "0s");
    EXPECT_EQ(format_duration(seconds{59}), "59s");
    EXPECT_EQ(format_duration(seconds{148}), "2m 28s");
    EXPECT_EQ(format_duration(seconds{3600 + 300}), "1h 05m");
    EXPECT_EQ(format_duration(seconds{3 * 86'400 + 4 * 3600}), "3d 04h");
}

TEST(Figures, Bytes)
{
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(1023), "1023 B");
    EXPECT_EQ(format_bytes(1536), "1.5 KB");
    EXPECT_EQ(format_bytes(20u << 20), "20.0 MB");
    EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EB");
}

json::object report_of(std::uint64_t recipients, std::uint64_t delivered, std::uint64_t bounced,
                       bool complete = true)
{
    return {{"state", complete ? "sending" : "expanding"},
            {"audience", 1000},
            {"recipients", recipients},
            {"delivered", delivered},
            {"bounced", bounced},
            {"suppressed", 10},
            {"deferred", 7},
            {"expansion_complete", complete}};
}

TEST(ProgressBar, ReadsReports)
{
    const auto p = read_campaign_progress(report_of(900, 400, 40));
    EXPECT_EQ(p.total, 900U);
    EXPECT_TRUE(p.total_known);
    EXPECT_EQ(p.settled(), 450U);
    EXPECT_EQ(p.deferred, 7U);
    // While the audience is written out, its size is the best guess.
    EXPECT_EQ(read_campaign_progress(report_of(100, 0, 0, false)).total, 1000U);
    EXPECT_EQ(read_campaign_progress({}).total, 0U);
    EXPECT_EQ(read_campaign_progress({{"recipients", -5}, {"delivered", "x"}}).settled(), 0U);
}

TEST(ProgressBar, Draws)
{
    EXPECT_EQ(draw_bar(0, 12), "[..........]");
    EXPECT_EQ(draw_bar(0.5, 12), "[#####.....]");
    EXPECT_EQ(draw_bar(0.999, 12), "[#########.]");
    EXPECT_EQ(draw_bar(1, 12), "[##########]");
    EXPECT_EQ(draw_bar(7, 12), "[##########]");
    EXPECT_EQ(draw_bar(-1, 12), "[..........]");
    EXPECT_EQ(draw_bar(std::nan(""), 12), "[..........]");
    EXPECT_EQ(draw_bar(1, 3), "[#]");
}

TEST(ProgressBar, ShowsFigures)
{
    progress_bar bar;
    const mono_time start{};
    bar.add(read_campaign_progress(report_of(1000, 0, 0)), start);
    EXPECT_EQ(bar.rate_per_s(), 0);
    EXPECT_EQ(bar.time_left(), std::nullopt);
    bar.add(read_campaign_progress(report_of(1000, 400, 0)), start + seconds{4});
    EXPECT_DOUBLE_EQ(bar.rate_per_s(), 100);
    EXPECT_EQ(bar.time_left(), milliseconds{5900});
    EXPECT_EQ(bar.line(0), "41.0%  400/1,000 sent  100/s  deferred 7  bounced 0  left 5s");
    EXPECT_EQ(bar.line(200), "[#########.............]  41.0%  400/1,000 sent  100/s  deferred 7  "
                             "bounced 0  left 5s");
}

TEST(ProgressBar, NeverLongerThanTheTerminal)
{
    progress_bar bar;
    bar.add(read_campaign_progress(report_of(1'000'000'000, 123'456'789, 1)), mono_time{});
    for (std::size_t columns = 1; columns < 160; ++columns)
    {
        EXPECT_LE(bar.line(columns).size(), columns);
    }
    EXPECT_EQ(bar.line(59).find('['), std::string::npos);
    EXPECT_EQ(bar.line(60).find('['), 0U);
}

TEST(ProgressBar, RateForgetsWhatIsLongAgo)
{
    progress_bar bar;
    const mono_time start{};
    for (int s = 0; s <= 30; ++s)
    {
        const auto done = static_cast<std::uint64_t>(s < 15 ? s * 10 : 140);
        bar.add(read_campaign_progress(report_of(1000, done, 0)), start + seconds{s});
    }
    EXPECT_EQ(bar.rate_per_s(), 0);
    EXPECT_EQ(bar.time_left(), std::nullopt);
}

TEST(ProgressBar, HundredPercentOnlyWhenDone)
{
    progress_bar bar;
    bar.add(read_campaign_progress(report_of(1'000'000, 999'980, 0)), mono_time{});
    EXPECT_NE(bar.line(0).find("99.9%"), std::string::npos);
    bar.add(read_campaign_progress(report_of(1'000'000, 999'990, 0)), mono_time{} + seconds{1});
    EXPECT_NE(bar.line(0).find("100.0%"), std::string::npos);
}

http::response problem_with(unsigned status, std::string body)
{
    http::response r;
    r.status = status;
    r.body = std::move(body);
    return r;
}

TEST(Problems, NameEveryErrorWithItsPointer)
{
    const auto text = describe_problem(http::response::problem(
        {.status = 422,
         .code = "invalid_fields",
         .title = "Invalid",
         .detail = "2 fields are wrong.",
         .errors = {{"/from/email", "invalid", "is no address"},
                    {"/subjct", "unknown_field", "did you mean subject?"}}}));
    EXPECT_EQ(text, "2 fields are wrong. (422 invalid_fields)\n"
                    "  /from/email: is no address (invalid)\n"
                    "  /subjct: did you mean subject? (unknown_field)");
}

TEST(Problems, SayWhatToDoNext)
{
    const struct
    {
        unsigned status;
        const char* code;
        const char* hint;
    } rows[] = {
        {401, "unauthorized", "--key-file"},
        {403, "missing_scope", "a key with the scope"},
        {409, "idempotency_key_reused", "--idempotency-key"},
        {409, "campaign_state", "campaign show"},
        {413, "body_too_large", "http.body_bytes_max"},
    };
    for (const auto& row : rows)
    {
        const auto text = describe_problem(
            http::response::problem({.status = row.status, .code = row.code, .detail = "No."}));
        EXPECT_NE(text.find(row.hint), std::string::npos) << text;
    }
    const auto later = describe_problem(http::response::problem(
        {.status = 503, .code = "disk_full", .detail = "Full.", .retry_after = seconds{7}}));
    EXPECT_NE(later.find("in 7 seconds"), std::string::npos) << later;
}

TEST(Problems, TakeAnyBodyAndKeepTheTerminalSafe)
{
    EXPECT_EQ(describe_problem(problem_with(502, "<html>")),
              "The server answered 502 Bad Gateway.");
    EXPECT_EQ(describe_problem(problem_with(500, "")),
              "The server answered 500 Internal Server Error.");
    const auto text = describe_problem(
        problem_with(422, R"({"detail":"a\u001b[31mb","errors":[1,{"pointer":7}],"code":"x\ny"})"));
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text, "a\\u001b[31mb (422 x\\ny)\n  7: - (-)");
}

TEST(Problems, ExitStatus)
{
    EXPECT_EQ(exit_status_of(202), 0);
    EXPECT_EQ(exit_status_of(422), 1);
    EXPECT_EQ(exit_status_of(503), 1);
    EXPECT_EQ(exit_status_of(401), 4);
    EXPECT_EQ(exit_status_of(403), 4);
}

TEST(TextTable, AlignsJapanese)
{
    text_table t({"ID", "NAME", "X"});
    t.add({"1", "株式会社ア", "a"});
    t.add({"22", "Shop", "b"});
    std::ostringstream out;
    t.print(out);
    EXPECT_EQ(out.str(), "ID  NAME        X\n1   株式会社ア  a\n22  Shop        b\n");
    EXPECT_EQ(display_width("か\u3099"), 2U);
    EXPECT_EQ(display_width("ｶﾞ"), 2U);
}

TEST(ZoneLines, TextIsQuotedAndCut)
{
    EXPECT_EQ(zone_line({{"type", "TXT"}, {"name", "a.example"}, {"value", "say \"x\\y\""}}),
              R"(a.example. IN TXT "say \"x\\y\"")");
    const auto line =
        zone_line({{"type", "TXT"}, {"name", "a.example"}, {"value", std::string(600, 'k')}});
    EXPECT_EQ(line, "a.example. IN TXT \"" + std::string(255, 'k') + "\" \"" +
                        std::string(255, 'k') + "\" \"" + std::string(90, 'k') + "\"");
    EXPECT_EQ(zone_line({{"type", "TXT"}, {"name", "a.example"}, {"value", "\n\xc3"}}),
              R"(a.example. IN TXT "\010\195")");
    EXPECT_EQ(zone_line({{"type", "MX"}, {"name", "b.example"}, {"value", "10 mx.example"}}),
              "b.example. IN MX 10 mx.example.");
}

} // namespace
} // namespace hikyaku::cli
