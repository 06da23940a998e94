#include <hikyaku/campaign/dry_run.h>
#include <hikyaku/campaign/recipients.h>

#include <gtest/gtest.h>

namespace hikyaku::campaign
{
namespace
{

TEST(HoldReasonTest, NothingOfTheEnginesTextReachesTheTenant)
{
    const auto until = from_unix_ms(1'795'489'200'000);
    for (const char* what :
         {"suspended_site", "suspended_source", "suspended_tenant_site", "suspended_tenant",
          "unreachable", "held", "dns", "provider", "something_new"})
    {
        const auto r = for_tenant({what, "421 4.7.0 secret of another tenant", until});
        EXPECT_EQ(r.what, what);
        EXPECT_EQ(r.until, until);
        EXPECT_EQ(r.detail.find("secret"), std::string::npos) << what;
        EXPECT_GT(r.detail.size(), 10U) << what;
        EXPECT_EQ(r.detail.back(), '.') << what;
    }
}

TEST(RecipientStateTest, ComesFromTheLastFactAndTheCampaignsLife)
{
    using d = queue::disposition;
    using s = queue::campaign_state;
    struct row
    {
        std::optional<d> last;
        s life;
        const char* expected;
    };
    const row rows[] = {
        {std::nullopt, s::sending, "waiting"},    {std::nullopt, s::cancelled, "cancelled"},
        {std::nullopt, s::finished, "expired"},   {d::deferred, s::sending, "deferred"},
        {d::deferred, s::paused, "deferred"},     {d::deferred, s::finished, "expired"},
        {d::deferred, s::cancelled, "cancelled"}, {d::unknown, s::sending, "unknown"},
        {d::unknown, s::finished, "unknown"},     {d::delivered, s::cancelled, "delivered"},
        {d::failed, s::finished, "failed"},
    };
    for (const auto& r : rows)
    {
        std::optional<queue::fact> last;
        if (r.last)
        {
            last.emplace().what = *r.last;
        }
        queue::lifecycle life;
        life.state = r.life;
        EXPECT_EQ(state_of(last, life), r.expected);
    }
}

TEST(RenderProblemTest, IsCutIntoItsParts)
{
    struct row
    {
        const char* text;
        const char* part;
        std::uint32_t line;
        std::uint32_t column;
        const char* reason;
    };
    const row rows[] = {
        {"text 3:14: divided by 0", "text", 3, 14, "divided by 0"},
        {"from name 1:2: too long: 3:4", "from name", 1, 2, "too long: 3:4"},
        {"the unsubscribe address is longer than 900 bytes", "", 0, 0,
         "the unsubscribe address is longer than 900 bytes"},
        {"signing: no key", "", 0, 0, "signing: no key"},
        {"text 3: odd", "", 0, 0, "text 3: odd"},
        {"text 99999999999:1: odd", "", 0, 0, "text 99999999999:1: odd"},
        {"", "", 0, 0, ""},
    };
    for (const auto& r : rows)
    {
        const auto p = parse_problem(r.text);
        EXPECT_EQ(p.part, r.part) << r.text;
        EXPECT_EQ(p.line, r.line) << r.text;
        EXPECT_EQ(p.column, r.column) << r.text;
        EXPECT_EQ(p.reason, r.reason) << r.text;
    }
}

TEST(DryRunReportTest, AsTheApiShowsIt)
{
    dry_run_report r;
    r.audience = 3;
    r.recipients = 2;
    r.duplicates = 1;
    r.render_errors = 1;
    r.would_send = 1;
    auto p = parse_problem("html 2:5: divided by 0");
    p.who = ordinal{7};
    p.address = "a@b.example";
    r.problems.push_back(p);
    r.largest_bytes = 1'234;
    r.largest = ordinal{8};
    r.sites.push_back(
        {.site = "mx", .recipients = 1, .per_second = 0.016, .seconds_behind_queue = 60.04});
    r.seconds = 60.04;
    const auto o = to_json(r, [](ordinal who) { return "n" + std::to_string(who.value); });
    const auto& error = o.at("errors").as_array().at(0).as_object();
    EXPECT_EQ(error.at("recipient").as_string(), "n7");
    EXPECT_EQ(error.at("line").to_number<int>(), 2);
    EXPECT_EQ(error.at("part").as_string(), "html");
    EXPECT_EQ(o.at("largest_message").as_object().at("recipient").as_string(), "n8");
    EXPECT_EQ(o.at("forecast").as_object().at("seconds").to_number<double>(), 60.0);
    const auto& site = o.at("forecast").as_object().at("sites").as_array().at(0).as_object();
    EXPECT_EQ(site.at("per_second").to_number<double>(), 0.016); // not 0: that is no limit
    EXPECT_TRUE(o.at("alignment").as_object().at("ok").as_bool());
}

} // namespace
} // namespace hikyaku::campaign
