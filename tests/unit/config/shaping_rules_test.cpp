// Every rule of conf/shaping.yaml against real replies (tests/golden/shaping_rules.yaml), and what
// the file's reader says of mistakes.
#include <hikyaku/config/load.h>

#include <hikyaku/smtp/reply_parser.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

namespace hikyaku::config
{
namespace
{

using namespace std::chrono_literals;

const shaping::shaping_table& shipped()
{
    static const auto table = load_shaping(HK_SOURCE_DIR "/conf/shaping.yaml").value();
    return *table;
}

const YAML::Node& samples()
{
    static const YAML::Node node = YAML::LoadFile(HK_SOURCE_DIR "/tests/golden/shaping_rules.yaml");
    return node;
}

struct heard
{
    int code = 0;
    smtp::enhanced_code enhanced;
    std::string text;
};

// What a session reports of the lines that a server sends.
heard hear(const std::string& lines)
{
    if (lines.starts_with("none "))
    {
        return {0, {}, lines.substr(5)};
    }
    smtp::reply_parser parser;
    std::string wire = lines + "\n";
    std::string_view rest = wire;
    const auto parsed = parser.consume(rest);
    EXPECT_TRUE(parsed.has_value() && parsed->has_value()) << lines;
    if (!parsed.has_value() || !parsed->has_value())
    {
        return {};
    }
    return {(*parsed)->code, (*parsed)->enhanced, smtp::clean_text((*parsed)->text)};
}

std::string matched(const std::string& provider, const YAML::Node& sample)
{
    const auto stage = shaping::parse_stage(sample[0].as<std::string>());
    EXPECT_TRUE(stage.has_value()) << sample[0].as<std::string>();
    const heard h = hear(sample[1].as<std::string>());
    const auto* rule = shipped().rules().match(provider, h.code, h.enhanced,
                                               stage.value_or(smtp::stage::mail), h.text);
    return rule == nullptr ? "" : rule->name;
}

TEST(ShippedRules, EachHasAReplyThatTriggersItAndOneThatDoesNot)
{
    std::size_t rules = 0;
    shipped().rules().for_each(
        [&](std::string_view provider, const shaping::reply_rule& rule)
        {
            ++rules;
            const YAML::Node node = samples()[rule.name];
            ASSERT_TRUE(node) << rule.name << " has no sample";
            const std::string of = node["provider"] ? node["provider"].as<std::string>() : "";
            EXPECT_EQ(of, provider) << rule.name;
            ASSERT_GE(node["hit"].size(), 1U) << rule.name;
            ASSERT_GE(node["miss"].size(), 1U) << rule.name;
            for (const auto& sample : node["hit"])
            {
                EXPECT_EQ(matched(of, sample), rule.name) << sample[1].as<std::string>();
            }
            for (const auto& sample : node["miss"])
            {
                const std::string other = sample.size() > 2 ? sample[2].as<std::string>() : "";
                EXPECT_EQ(matched(of, sample), other) << rule.name << ": " << sample[1];
            }
        });
    EXPECT_EQ(rules, samples().size()) << "samples of rules that are not shipped";
    EXPECT_GE(rules, 60U);
}

TEST(ShippedRules, EachTextIsNeeded)
{
    // A pattern that no sample matches is a typing mistake until shown otherwise.
    std::set<std::string> unmatched;
    shipped().rules().for_each(
        [&](std::string_view, const shaping::reply_rule& rule)
        {
            for (const auto& text : rule.texts)
            {
                const bool any = std::ranges::any_of(
                    samples()[rule.name]["hit"], [&](const YAML::Node& sample)
                    { return text.matches(hear(sample[1].as<std::string>()).text); });
                if (!any)
                {
                    unmatched.insert(rule.name + ": " + text.expression());
                }
            }
        });
    EXPECT_THAT(unmatched, testing::IsEmpty());
}

TEST(ShippedRules, OurFaultsNeverBounceARecipient)
{
    // Rules about our address defer what they suspend for.
    for (const char* name : {"address-block-list", "no-reverse-name", "poor-reputation"})
    {
        const auto* rule = shipped().rules().find(name);
        ASSERT_NE(rule, nullptr);
        EXPECT_EQ(rule->actions[0].kind, shaping::action_kind::defer) << name;
        EXPECT_EQ(rule->actions[1].scope, shaping::suspension_kind::source_site) << name;
    }
    const auto* reopen = shipped().rules().find("messages-per-connection");
    ASSERT_NE(reopen, nullptr);
    EXPECT_TRUE(std::ranges::none_of(reopen->actions, [](const shaping::rule_action& a)
                                     { return a.kind == shaping::action_kind::back_off; }));
}

TEST(ShippedRules, TheAdaptationIsTheBuiltInOne)
{
    EXPECT_EQ(shipped().adaptation(), shaping::adaptation_policy{});
    EXPECT_FALSE(shipped().denies_mx("mx.example.com"));
}

TEST(ShapingFile, RulesAreRead)
{
    const auto table = parse_shaping(R"(
adaptation: {quiet: 5m, step_percent: 20, floor_percent: 2, floor_rate: 2/min, repeat_after: 30s}
mx_deny: [.trap.example, mx.one.example]
rules:
  - name: all
    code: [421, 5xx]
    enhanced: ['4.7.*']
    text: 'a\[b\]'
    stage: [mail, rcpt]
    threshold: 5/10min
    actions:
      - defer
      - {suspend: campaign, for: 2h}
      - {back_off: {message_rate: 1/min, connections: 3, connection_rate: 5/min}, for: 30m}
providers:
  - name: p
    domains: [p.example]
    rules: [{name: own, code: none, text: [x, y], actions: {reopen: {messages_per_connection: 7}, for: 1h}}]
)",
                                     "s.yaml");
    ASSERT_TRUE(table.has_value()) << to_string(table.error());
    const auto& t = **table;
    EXPECT_EQ(t.adaptation().quiet, 5min);
    EXPECT_EQ(t.adaptation().step_percent, 20U);
    EXPECT_EQ(t.adaptation().floor_rate.count, 2U);
    EXPECT_EQ(t.adaptation().repeat_after, 30s);
    EXPECT_TRUE(t.denies_mx("A.Trap.example."));
    EXPECT_TRUE(t.denies_mx("mx.one.example"));
    EXPECT_FALSE(t.denies_mx("trap.example"));
    EXPECT_FALSE(t.denies_mx("b.mx.one.example"));
    const auto* rule = t.rules().match("", 421, {4, 7, 1}, smtp::stage::rcpt, "4.7.1 say A[B]!");
    ASSERT_NE(rule, nullptr);
    EXPECT_EQ(*rule->threshold, (shaping::match_threshold{5, 10min}));
    ASSERT_EQ(rule->actions.size(), 3U);
    EXPECT_EQ(rule->actions[1].scope, shaping::suspension_kind::campaign);
    EXPECT_EQ(rule->actions[1].duration, 2h);
    EXPECT_EQ(rule->actions[2].connections, 3U);
    EXPECT_EQ(rule->actions[2].message_rate->per, 1min);
    EXPECT_EQ(t.rules().match("", 421, {4, 7, 1}, smtp::stage::data, "a[b]"), nullptr);
    EXPECT_EQ(t.rules().match("", 450, {4, 7, 1}, smtp::stage::rcpt, "a[b]"), nullptr);
    const auto* own = t.rules().match("p", 0, {}, smtp::stage::connect, "y");
    ASSERT_NE(own, nullptr);
    EXPECT_EQ(own->actions[0].messages_per_connection, 7U);
}

struct mistake
{
    const char* text;
    const char* told;
};

TEST(ShapingFile, MistakesInRulesAreToldWithTheirLine)
{
    const mistake rows[] = {
        {"rules:\n  - name: a\n    text: 'x(y'\n    actions: defer",
         R"(s.yaml:3:11: rules[0].text: not a regular expression (RE2): missing ): x(y at 'x(y': "x(y")"},
        {"rules:\n  - {name: a, txt: x, actions: defer}",
         R"(s.yaml:2:15: rules[0]: unknown key "txt"; the nearest known key is rules[0].text)"},
        {"rules: [{name: a, text: 'x*', actions: defer}]",
         R"(s.yaml:1:25: rules[0].text: this pattern matches every text: "x*")"},
        {"rules: [{name: a, code: 250, actions: defer}]",
         R"(s.yaml:1:25: rules[0].code: expected a reply code such as 421, 45x, 4xx, 5xx, or none, found "250")"},
        {"rules: [{name: a, enhanced: 4.7, actions: defer}]",
         R"(s.yaml:1:29: rules[0].enhanced: expected an enhanced code such as 4.7.28, 5.7.* or *.7.1, found "4.7")"},
        {"rules: [{name: a, text: x, stage: dot, actions: defer}]",
         R"(s.yaml:1:35: rules[0].stage: expected connect, banner, ehlo, starttls, tls, mail, rcpt, data, body, final_dot or idle, found "dot")"},
        {"rules: [{name: a, text: x, threshold: 500/h, actions: defer}]",
         R"(s.yaml:1:39: rules[0].threshold: expected a number of matches and a time such as 3/h or 5/10min, at most 100 in a day, found "500/h")"},
        {"rules: [{name: a, text: x, actions: pause}]",
         R"(s.yaml:1:37: rules[0].actions[0]: expected back_off, suspend, bounce, defer, next_mx or reopen, found "pause")"},
        {"rules: [{name: a, text: x, actions: [{suspend: world, for: 1h}]}]",
         R"(s.yaml:1:48: rules[0].actions[0].suspend: expected site, source_site, tenant_site or campaign, found "world")"},
        {"rules: [{name: a, text: x, actions: suspend}]",
         R"(s.yaml:1:9: rules[0]: rule a: suspend needs a duration (for), at most 7d)"},
        {"rules: [{name: a, actions: defer}]",
         R"(s.yaml:1:9: rules[0]: rule a: code, enhanced or text is needed)"},
        {"rules: [{name: a, text: x}]",
         R"(s.yaml:1:9: rules[0]: rule a: 1 to 8 actions are needed)"},
        {"rules: [{name: a b, text: x, actions: defer}]",
         R"(s.yaml:1:9: rules[0]: a rule needs a name of 1 to 64 letters, digits, '-', '_' and '.')"},
        {"rules: [{name: a, text: x, actions: [{back_off: {conections: 1}, for: 1h}]}]",
         R"(s.yaml:1:50: rules[0].actions[0].back_off: unknown key "conections"; the nearest known key is rules[0].actions[0].back_off.connections)"},
        {"rules: [{name: a, text: x, actions: [{for: 1h}]}]",
         R"(s.yaml:1:38: rules[0].actions[0]: expected one of suspend, back_off and reopen, and for)"},
        {"rules: [{name: a, text: x, actions: [bounce, defer]}]",
         R"(s.yaml:1:9: rules[0]: rule a: bounce contradicts defer, next_mx and reopen)"},
        {"rules:\n- {name: a, text: x, actions: defer}\n- {name: a, text: y, actions: defer}",
         R"(s.yaml:3:3: rules[1]: rule 'a' is given twice)"},
        {"providers: [{name: p, domains: [p.example], rules: [{name: a, txt: x}]}]",
         R"(s.yaml:1:63: providers[0].rules[0]: unknown key "txt"; the nearest known key is providers[0].rules[0].text)"},
        {"adaptation: {step_percent: 0}",
         R"(s.yaml:1:28: adaptation.step_percent: expected a whole number from 1 to 100, found "0")"},
        {"adaptation: {quite: 1m}",
         R"(s.yaml:1:14: adaptation: unknown key "quite"; the nearest known key is adaptation.quiet)"},
        {"mx_deny: ['*.example']",
         R"(s.yaml:1:11: mx_deny: mx_deny '*.example' is not a host name (write international names as xn--…))"},
        {"default: {address_family: v6}",
         R"(s.yaml:1:27: default.address_family: expected interleave, prefer_ipv6, prefer_ipv4, ipv6 or ipv4, found "v6")"},
    };
    for (const auto& row : rows)
    {
        const auto table = parse_shaping(row.text, "s.yaml");
        ASSERT_TRUE(table.has_error()) << row.text;
        EXPECT_EQ(to_string(table.error().front()), row.told);
    }
}

} // namespace
} // namespace hikyaku::config
