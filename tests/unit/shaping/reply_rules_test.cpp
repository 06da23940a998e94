#include <hikyaku/shaping/match_counters.h>
#include <hikyaku/shaping/reply_rules.h>
#include <hikyaku/shaping/shaping_table.h>

#include <gtest/gtest.h>

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;

const mono_time start = mono_time{} + 1h;

reply_rule make_rule(std::string name, std::string_view text = {})
{
    reply_rule out;
    out.name = std::move(name);
    if (!text.empty())
    {
        out.texts.push_back(text_pattern::compile(text).value());
    }
    out.actions.push_back({});
    return out;
}

std::string name_of(const reply_rule* rule)
{
    return rule == nullptr ? "" : rule->name;
}

TEST(CodeSet, TakesCodesAndClasses)
{
    code_set set;
    EXPECT_TRUE(set.contains(400) && set.contains(599)) << "empty: all failures";
    EXPECT_FALSE(set.contains(0) || set.contains(250) || set.contains(600));
    for (const char* text : {"421", "45x", "5xx"})
    {
        EXPECT_TRUE(set.add(text).has_value()) << text;
    }
    EXPECT_TRUE(set.contains(421) && set.contains(450) && set.contains(459) && set.contains(500) &&
                set.contains(599));
    EXPECT_FALSE(set.contains(420) || set.contains(440) || set.contains(0));
    for (const char* text : {"", "2xx", "4x1", "42", "4211", "6xx", "4.x", "None"})
    {
        EXPECT_TRUE(set.add(text).has_error()) << text;
    }
    EXPECT_TRUE(set.add("none").has_value());
    EXPECT_TRUE(set.contains(0));
}

TEST(EnhancedPattern, MatchesPartByPart)
{
    struct
    {
        const char* pattern;
        smtp::enhanced_code code;
        bool matches;
    } const rows[] = {
        {"4.7.28", {4, 7, 28}, true}, {"4.7.28", {5, 7, 28}, false}, {"4.7.*", {4, 7, 1}, true},
        {"*.7.1", {5, 7, 1}, true},   {"*.7.1", {5, 7, 10}, false},  {"*.*.*", {0, 0, 0}, false},
    };
    for (const auto& row : rows)
    {
        EXPECT_EQ(parse_enhanced_pattern(row.pattern)->matches(row.code), row.matches)
            << row.pattern;
    }
    for (const char* text : {"", "4.7", "4.7.1.2", "4..1", "2.0.0", "4.7.1000", "x.7.1", "4.7.1 "})
    {
        EXPECT_TRUE(parse_enhanced_pattern(text).has_error()) << text;
    }
}

TEST(TextPattern, IsLinearAndRefusesWhatIsNot)
{
    EXPECT_TRUE(text_pattern::compile(R"(\[TSS04\])")->matches("x [tss04] y"));
    for (const char* text : {"", "(", "a(?=b)", R"((a)\1)", "a*", "[z-a]"})
    {
        EXPECT_TRUE(text_pattern::compile(text).has_error()) << text;
    }
    EXPECT_TRUE(
        text_pattern::compile(std::string(text_pattern::pattern_bytes_max + 1, 'a')).has_error());
    // Exponential for a backtracking engine.
    const auto hard = text_pattern::compile("(a+)+$x|(a|aa)+!").value();
    EXPECT_FALSE(hard.matches(std::string(100'000, 'a')));
}

TEST(ReplyRules, FirstOfTheProviderThenFirstOfAll)
{
    reply_rules rules;
    EXPECT_EQ(rules.match("", 421, {}, smtp::stage::mail, "slow down"), nullptr);
    ASSERT_TRUE(rules.add("", make_rule("all-slow", "slow")).has_value());
    ASSERT_TRUE(rules.add("", make_rule("all-down", "down")).has_value());
    ASSERT_TRUE(rules.add("p", make_rule("p-down", "DOWN")).has_value());
    const auto match = [&](std::string_view provider, std::string_view text)
    { return name_of(rules.match(provider, 421, {}, smtp::stage::mail, text)); };
    EXPECT_EQ(match("", "slow down"), "all-slow");
    EXPECT_EQ(match("p", "slow down"), "p-down");
    EXPECT_EQ(match("p", "slow"), "all-slow");
    EXPECT_EQ(match("q", "down"), "all-down");
    EXPECT_EQ(match("p", "up"), "");
    EXPECT_EQ(rules.match("p", 250, {2, 0, 0}, smtp::stage::final_dot, "slow down"), nullptr);
    EXPECT_EQ(rules.match("p", 0, {}, smtp::stage::connect, "slow down"), nullptr)
        << "our own words match only rules that ask for them";
    EXPECT_EQ(rules.size(), 3U);
    EXPECT_EQ(name_of(rules.find("all-down")), "all-down");
    EXPECT_EQ(rules.find("p"), nullptr);
}

TEST(ReplyRules, EveryGivenConditionHolds)
{
    reply_rules rules;
    reply_rule rule = make_rule("r", "word");
    ASSERT_TRUE(rule.codes.add("5xx").has_value());
    rule.enhanced.push_back(parse_enhanced_pattern("5.7.*").value());
    rule.stages.add(smtp::stage::rcpt);
    ASSERT_TRUE(rules.add("", std::move(rule)).has_value());
    const smtp::enhanced_code policy{5, 7, 1};
    EXPECT_NE(rules.match("", 550, policy, smtp::stage::rcpt, "a word"), nullptr);
    EXPECT_EQ(rules.match("", 450, policy, smtp::stage::rcpt, "a word"), nullptr);
    EXPECT_EQ(rules.match("", 550, {5, 1, 1}, smtp::stage::rcpt, "a word"), nullptr);
    EXPECT_EQ(rules.match("", 550, {}, smtp::stage::rcpt, "a word"), nullptr);
    EXPECT_EQ(rules.match("", 550, policy, smtp::stage::mail, "a word"), nullptr);
    EXPECT_EQ(rules.match("", 550, policy, smtp::stage::rcpt, "a wor"), nullptr);
}

TEST(ReplyRules, LineBreaksDoNotHideAPhrase)
{
    reply_rules rules;
    ASSERT_TRUE(rules.add("", make_rule("r", "^an unusual rate of mail$")).has_value());
    const smtp::enhanced_code code{4, 7, 28};
    for (const char* text :
         {"4.7.28 an unusual 4.7.28 rate of mail", "4.7.28 an unusual\n4.7.28 rate\r\n\tof mail ",
          "an  unusual rate of mail"})
    {
        EXPECT_NE(rules.match("", 421, code, smtp::stage::final_dot, text), nullptr) << text;
    }
    EXPECT_EQ(rules.match("", 421, code, smtp::stage::final_dot, "an unusual 4.7.29 rate of mail"),
              nullptr);
    // Hostile text: long, no spaces, broken UTF-8.
    for (const std::string& text :
         {std::string(100'000, 'a'), std::string(5'000, ' '), std::string("\xFF\xC3\x28\0x", 5),
          std::string(1'023, 'a') + " b c d", std::string(1'024, 'a') + " b"})
    {
        EXPECT_EQ(rules.match("", 421, code, smtp::stage::final_dot, text), nullptr);
    }
}

TEST(ReplyRules, RefusesRulesThatMakeNoSense)
{
    reply_rules rules;
    const auto refused = [&](auto change)
    {
        reply_rule rule = make_rule("r", "x");
        change(rule);
        return rules.add("", std::move(rule)).has_error();
    };
    EXPECT_TRUE(refused([](auto& r) { r.name = ""; }));
    EXPECT_TRUE(refused([](auto& r) { r.name = "a b"; }));
    EXPECT_TRUE(refused([](auto& r) { r.texts.clear(); }));
    EXPECT_TRUE(refused([](auto& r) { r.actions.clear(); }));
    EXPECT_TRUE(refused([](auto& r) { r.actions[0].connections = 0; }));
    EXPECT_TRUE(refused([](auto& r) { r.actions[0].connections = 1; })) << "without a duration";
    EXPECT_TRUE(refused([](auto& r) { r.actions[0].duration = 1h; })) << "of nothing";
    EXPECT_TRUE(refused([](auto& r)
                        { r.actions[0] = {.kind = action_kind::suspend, .duration = 8 * 24h}; }));
    EXPECT_TRUE(refused(
        [](auto& r)
        {
            r.actions[0] = {
                .kind = action_kind::suspend, .scope = suspension_kind::tenant, .duration = 1h};
        }));
    EXPECT_EQ(rules.size(), 0U);
    EXPECT_FALSE(refused([](auto&) {}));
    EXPECT_TRUE(refused([](auto&) {})) << "the same name again";
    shaping_table table;
    EXPECT_TRUE(table.add_rule("nobody", make_rule("r", "x")).has_error());
}

TEST(MatchCounters, ActAtTheThresholdWithinTheTime)
{
    match_counters counters;
    reply_rule rule = make_rule("r", "x");
    EXPECT_TRUE(counters.count(rule, "s", start)) << "no threshold";
    EXPECT_EQ(counters.size(), 0U);
    rule.threshold = match_threshold{3, 1h};
    EXPECT_FALSE(counters.count(rule, "s", start));
    EXPECT_FALSE(counters.count(rule, "s", start + 59min));
    EXPECT_FALSE(counters.count(rule, "t", start + 59min)) << "another scope";
    EXPECT_FALSE(counters.count(rule, "s", start + 60min)) << "the first is over";
    EXPECT_TRUE(counters.count(rule, "s", start + 118min));
    EXPECT_FALSE(counters.count(rule, "s", start + 118min)) << "from none again";
    // A reload that changes the number.
    rule.threshold = match_threshold{2, 1h};
    EXPECT_TRUE(counters.count(rule, "s", start + 119min));
    rule.threshold = match_threshold{5, 1h};
    for (int i = 0; i < 4; ++i)
    {
        EXPECT_FALSE(counters.count(rule, "s", start + 120min));
    }
    rule.threshold = match_threshold{2, 1h};
    EXPECT_FALSE(counters.count(rule, "s", start + 120min)) << "too many are forgotten";
}

TEST(MatchCounters, AreBounded)
{
    match_counters counters;
    reply_rule rule = make_rule("r", "x");
    rule.threshold = match_threshold{2, 1h};
    for (std::size_t i = 0; i <= match_counters::counters_max; ++i)
    {
        EXPECT_FALSE(counters.count(rule, std::to_string(i), start));
    }
    EXPECT_EQ(counters.size(), match_counters::counters_max);
    EXPECT_FALSE(counters.count(rule, "0", start)) << "made room";
    EXPECT_TRUE(counters.count(rule, "10000", start));
}

} // namespace
} // namespace hikyaku::shaping
