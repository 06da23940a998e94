#include <hikyaku/shaping/rule_effects.h>
#include <hikyaku/shaping/suspension_table.h>

#include <gtest/gtest.h>

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;

const instant start{from_unix_ms(1'800'000'000'000), mono_time{} + 100h};
const adaptation_cause cause{"r", "421 no"};
const adaptation_subject who{"site", "source", "tenant", "campaign"};

instant later(milliseconds by)
{
    return {start.wall + by, start.mono + by};
}

struct table_test : testing::Test
{
    suspension_table table;
    std::vector<adaptation_event> events;

    bool suspend(suspension_kind kind, milliseconds duration, bool by_operator = false,
                 instant now = start)
    {
        events.clear();
        return table.suspend(kind, who, duration, by_operator, cause, now, events).has_value();
    }
};

TEST_F(table_test, EachKindIsFoundByItsOwnNames)
{
    for (const auto kind : {suspension_kind::site, suspension_kind::tenant_site,
                            suspension_kind::campaign, suspension_kind::tenant})
    {
        ASSERT_TRUE(suspend(kind, 1h));
        ASSERT_EQ(events.size(), 1U);
        EXPECT_EQ(events[0].scope, kind);
        EXPECT_EQ(events[0].phase, adaptation_phase::began);
        EXPECT_EQ(events[0].ends, start.wall + 1h);
    }
    EXPECT_NE(table.find(suspension_kind::site, "site", start.mono), nullptr);
    EXPECT_NE(table.find(suspension_kind::campaign, "campaign", start.mono), nullptr);
    EXPECT_NE(table.find(suspension_kind::tenant, "tenant", start.mono), nullptr);
    EXPECT_NE(table.find_tenant_site("tenant", "site", start.mono), nullptr);
    EXPECT_EQ(table.find_tenant_site("site", "tenant", start.mono), nullptr);
    EXPECT_EQ(table.find(suspension_kind::site, "tenant", start.mono), nullptr);
    EXPECT_EQ(table.find(suspension_kind::site, "site", later(1h).mono), nullptr) << "over";
    EXPECT_EQ(table.next_step(), later(1h).mono);
    EXPECT_EQ(table.active(start).size(), 4U);
    events.clear();
    table.step(later(1h), events);
    EXPECT_EQ(events.size(), 4U);
    EXPECT_EQ(events[0].phase, adaptation_phase::ended);
    EXPECT_TRUE(table.empty());
}

TEST_F(table_test, TheOperatorsAndTheRulesAreSeparate)
{
    ASSERT_TRUE(suspend(suspension_kind::site, 1h));
    ASSERT_TRUE(suspend(suspension_kind::site, 2h, true));
    EXPECT_EQ(table.size(), 2U);
    EXPECT_TRUE(table.find(suspension_kind::site, "site", start.mono)->by_operator);
    EXPECT_TRUE(table.resume(suspension_kind::site, who, true, start, events));
    EXPECT_FALSE(table.find(suspension_kind::site, "site", start.mono)->by_operator);
    EXPECT_TRUE(table.resume(suspension_kind::site, who, false, start, events));
    EXPECT_FALSE(table.resume(suspension_kind::site, who, false, start, events));
    EXPECT_TRUE(table.empty());
}

TEST_F(table_test, ALongerOneStays)
{
    ASSERT_TRUE(suspend(suspension_kind::site, 2h));
    ASSERT_TRUE(suspend(suspension_kind::site, 1h));
    EXPECT_TRUE(events.empty());
    EXPECT_EQ(table.find(suspension_kind::site, "site", start.mono)->until, later(2h).mono);
    ASSERT_TRUE(suspend(suspension_kind::site, 2h, false, later(1s)));
    EXPECT_TRUE(events.empty()) << "a second more is not told";
    EXPECT_EQ(table.find(suspension_kind::site, "site", start.mono)->until, later(2h + 1s).mono);
    ASSERT_TRUE(suspend(suspension_kind::site, 3h));
    EXPECT_EQ(events.size(), 1U);
    ASSERT_TRUE(suspend(suspension_kind::site, 1h, false, later(4h)));
    ASSERT_EQ(events.size(), 2U) << "the old one ended, unseen until now";
    EXPECT_EQ(events[0].phase, adaptation_phase::ended);
    EXPECT_EQ(events[1].phase, adaptation_phase::began);
}

TEST_F(table_test, IsBounded)
{
    for (std::size_t i = 0; i < suspension_table::entries_max; ++i)
    {
        ASSERT_TRUE(table
                        .suspend(suspension_kind::campaign, {"", "", "t", std::to_string(i)},
                                 i == 7 ? 1h : 2h, false, cause, start, events)
                        .has_value());
    }
    EXPECT_FALSE(suspend(suspension_kind::campaign, 30min)) << "ends before all of them";
    EXPECT_TRUE(suspend(suspension_kind::campaign, 90min));
    EXPECT_EQ(table.size(), suspension_table::entries_max);
    EXPECT_EQ(table.find(suspension_kind::campaign, "7", start.mono), nullptr);
    EXPECT_TRUE(
        table.suspend(suspension_kind::site, {"", "", "", ""}, 1h, false, cause, start, events)
            .has_error());
    EXPECT_TRUE(table
                    .suspend(suspension_kind::site, {std::string(600, 'x'), "", "", ""}, 1h, false,
                             cause, start, events)
                    .has_error());
}

TEST_F(table_test, IsStoredAsWhatIsLeft)
{
    ASSERT_TRUE(suspend(suspension_kind::site, 1h));
    ASSERT_TRUE(suspend(suspension_kind::tenant_site, 3h, true));
    const std::string bytes = table.encode(later(10min));
    suspension_table other;
    const instant fresh{start.wall + 30min, mono_time{} + 1s};
    ASSERT_TRUE(other.decode(bytes, fresh).has_value());
    EXPECT_EQ(other.find(suspension_kind::site, "site", fresh.mono)->until, fresh.mono + 30min);
    EXPECT_TRUE(other.find_tenant_site("tenant", "site", fresh.mono)->by_operator);
    const instant back{start.wall - 100h, mono_time{} + 1s};
    ASSERT_TRUE(other.decode(bytes, back).has_value());
    EXPECT_EQ(other.find(suspension_kind::site, "site", back.mono)->until, back.mono + 50min);
    suspension_table same;
    ASSERT_TRUE(same.decode(bytes, later(10min)).has_value());
    EXPECT_EQ(same.encode(later(10min)), bytes);
    for (std::size_t size = 1; size < bytes.size(); ++size)
    {
        suspension_table cut;
        if (cut.decode(std::string_view(bytes).substr(0, size), fresh).has_error())
        {
            EXPECT_TRUE(cut.empty());
        }
    }
    EXPECT_TRUE(other.decode("\x09", fresh).has_error());
    EXPECT_EQ(other.size(), 2U) << "refused as a whole";
    EXPECT_TRUE(other.decode("", fresh).has_value());
    EXPECT_TRUE(other.empty());
}

TEST_F(table_test, ARuleActsAtItsThresholdButDecidesOnEveryReply)
{
    path_adaptation path("site", "source", {}, {});
    match_counters counters;
    reply_rule rule;
    rule.name = "r";
    rule.threshold = match_threshold{2, 1h};
    rule.actions = {
        {.kind = action_kind::defer},
        {.kind = action_kind::suspend, .scope = suspension_kind::tenant_site, .duration = 1h},
        {.kind = action_kind::back_off}};
    const auto apply = [&](const adaptation_subject& subject)
    { return apply_rule(rule, subject, "550 no", path, table, counters, start, events); };
    EXPECT_EQ(apply(who).verdict, verdict_change::defer);
    EXPECT_TRUE(events.empty());
    adaptation_subject other = who;
    other.tenant = "other";
    EXPECT_FALSE(apply(other).acted) << "counted per tenant and site";
    const auto second = apply(who);
    EXPECT_TRUE(second.acted);
    EXPECT_FALSE(second.table_full);
    EXPECT_EQ(events.size(), 3U) << "a suspension, a rate, connections";
    EXPECT_NE(table.find_tenant_site("tenant", "site", start.mono), nullptr);
    EXPECT_EQ(table.find_tenant_site("other", "site", start.mono), nullptr);
    EXPECT_EQ(path.effective().connections_max, 5U);
}

} // namespace
} // namespace hikyaku::shaping
