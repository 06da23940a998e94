// conf/bounce-rules.yaml is what the program has built in, and what the file's reader says of
// mistakes.
#include <hikyaku/config/load.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hikyaku::config
{
namespace
{

TEST(BounceRules, TheShippedFileIsBuiltIn)
{
    const auto read = load_bounce_rules(HK_SOURCE_DIR "/conf/bounce-rules.yaml");
    ASSERT_TRUE(read.has_value()) << to_string(read.error());
    const auto built_in = bounce::built_in_rules();
    const auto& rules = (*read)->rules();
    ASSERT_EQ(rules.size(), built_in.size());
    for (std::size_t i = 0; i < rules.size(); ++i)
    {
        EXPECT_TRUE(rules[i] == built_in[i]) << rules[i].name;
    }
    EXPECT_EQ(load_bounce_rules("").value(), bounce::built_in());
}

constexpr const char* good = R"(version: 1
rules:
  - name: one
    class: quota
    text: [full, 'over quota']
    code: [55x, 452]
    enhanced: '*.2.2-3'
    stage: [rcpt, final_dot]
    mx: google.com
    domain: [example.jp]
    contact: suppress
    message: bounced
    matches: ['552 5.2.2 Full', {reply: 552 5.2.3 full, stage: final_dot, mx: a.google.com, domain: b.example.jp}]
    others: 552 5.2.2 empty
)";

TEST(BounceRules, EveryKeyIsRead)
{
    const auto read = parse_bounce_rules(good, "rules.yaml");
    ASSERT_TRUE(read.has_value()) << to_string(read.error());
    const auto& r = (*read)->rules().at(0);
    EXPECT_EQ(r.cls, bounce::reply_class::quota);
    EXPECT_THAT(r.texts, testing::ElementsAre("full", "over quota"));
    EXPECT_THAT(r.codes,
                testing::ElementsAre(bounce::code_range{550, 559}, bounce::code_range{452, 452}));
    EXPECT_THAT(r.enhanced, testing::ElementsAre(bounce::enhanced_range{0, 2, 2, 3}));
    EXPECT_THAT(r.stages, testing::ElementsAre(smtp::stage::rcpt, smtp::stage::final_dot));
    EXPECT_THAT(r.mx, testing::ElementsAre("google.com"));
    EXPECT_THAT(r.domains, testing::ElementsAre("example.jp"));
    EXPECT_EQ(r.contact, bounce::contact_effect::suppress);
    EXPECT_EQ(r.message, bounce::message_effect::bounced);
    ASSERT_EQ(r.matches.size(), 2U);
    EXPECT_EQ(r.matches[1].stage, smtp::stage::final_dot);
    EXPECT_EQ(r.matches[1].mx, "a.google.com");
    EXPECT_EQ(r.others.at(0).reply, "552 5.2.2 empty");
}

std::string mistake(std::string_view find, std::string_view put)
{
    std::string text = good;
    const auto at = text.find(find);
    EXPECT_NE(at, std::string::npos) << find;
    text.replace(at, find.size(), put);
    const auto read = parse_bounce_rules(text, "rules.yaml");
    EXPECT_TRUE(read.has_error()) << put;
    return read.has_error() ? to_string(read.error()) : std::string();
}

TEST(BounceRules, MistakesAreToldWithTheirLine)
{
    using testing::HasSubstr;
    EXPECT_THAT(mistake("class: quota", "class: quoat"), HasSubstr("rules.yaml:4:"));
    EXPECT_THAT(mistake("    class: quota\n", ""), HasSubstr("needs a class"));
    EXPECT_THAT(mistake("version: 1", "version: 2"), HasSubstr("rules.yaml:1:"));
    EXPECT_THAT(mistake("55x", "5x5"), HasSubstr("expected a code"));
    EXPECT_THAT(mistake("'*.2.2-3'", "2.2"), HasSubstr("expected an enhanced code"));
    EXPECT_THAT(mistake("[rcpt, ", "[rctp, "), HasSubstr("final_dot"));
    EXPECT_THAT(mistake("contact: suppress", "contact: drop"), HasSubstr("keep, count or"));
    EXPECT_THAT(mistake("    mx:", "    mxx:"), HasSubstr("mx"));
    // What is wrong with the rule itself is told at the rule.
    EXPECT_THAT(mistake("[full, ", "['(', "), HasSubstr("rules.yaml:3:"));
    EXPECT_THAT(mistake("others: 552 5.2.2 empty", "others: 552 5.2.2 is full"),
                HasSubstr("is under others"));
    EXPECT_THAT(mistake("'552 5.2.2 Full'", "'552 5.2.2 Empty'"), HasSubstr("no rule"));
}

} // namespace
} // namespace hikyaku::config
