#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <hikyaku/bounce/classifier.h>
#include <hikyaku/bounce/reply_line.h>

#include "plain_text.h"

namespace hikyaku::bounce
{
namespace
{

using smtp::stage;

reply_verdict classify(std::string_view reply, stage s = stage::rcpt, std::string_view mx = {},
                       std::string_view domain = {})
{
    const auto line = split_reply(reply);
    return built_in()->classify({s, line.code, line.enhanced, line.text, mx, domain});
}

std::string words(const reply_verdict& v)
{
    return std::string(to_string(v.cls)) + ' ' + to_string(v.message).front() + ' ' +
           to_string(v.contact).front();
}

/// Whatever else it says: the shipped rules compile, and every sample is decided by its rule.
TEST(Classifier, BuiltInRulesHoldTheirSamples)
{
    const auto made = classifier::compile(built_in_rules());
    ASSERT_TRUE(made.has_value()) << built_in_rules()[made.error().rule].name << ": "
                                  << made.error().text;
}

/// "class message contact stage reply", see the file's head.
TEST(Classifier, RepliesFromTheWild)
{
    std::ifstream file(HK_SOURCE_DIR "/tests/golden/replies.txt");
    int rows = 0;
    for (std::string line; std::getline(file, line);)
    {
        if (line.empty() || line.front() == '#')
        {
            continue;
        }
        std::istringstream in(line);
        std::string cls;
        std::string message;
        std::string contact;
        std::string where;
        in >> cls >> message >> contact >> where >> std::ws;
        std::string reply;
        std::getline(in, reply);
        const auto s = parse_stage(where);
        ASSERT_TRUE(s.has_value()) << line;
        const auto v = classify(reply, *s);
        EXPECT_EQ(words(v), cls + ' ' + message + ' ' + contact) << line << "\n  by " << v.rule;
        ++rows;
    }
    EXPECT_GT(rows, 300);
}

TEST(Classifier, TemporaryRepliesNeverBounce)
{
    for (const auto* text : {"No such user", "mailbox full", "blocked using zen.spamhaus.org", "",
                             "5.1.1 No such user", "account disabled"})
    {
        for (const auto* code : {"421 ", "450 ", "452 ", "499 ", "550 4.1.1 "})
        {
            const auto v = classify(std::string(code) + text);
            EXPECT_EQ(v.message, message_effect::deferred) << code << text;
            EXPECT_EQ(v.contact, contact_effect::keep) << code << text;
        }
    }
}

TEST(Classifier, WhatIsSaidToTheConnectionNeverBounces)
{
    for (const auto s : {stage::connect, stage::banner, stage::ehlo, stage::starttls, stage::tls})
    {
        const auto v = classify("554 5.1.1 No such user", s);
        EXPECT_EQ(v.message, message_effect::deferred);
        EXPECT_EQ(v.contact, contact_effect::keep);
    }
    EXPECT_EQ(classify("550 5.1.1 No such user", stage::mail).contact, contact_effect::keep);
}

TEST(Classifier, ACarrierIsNotBelievedAfterData)
{
    for (const auto* domain :
         {"docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp",
          "vodafone.ne.jp", "t.vodafone.ne.jp", "DOCOMO.NE.JP", "disney.ne.jp"})
    {
        for (const auto* reply :
             {"550 Unknown user", "550 5.1.1 User unknown", "550 5.2.1 disabled", "550 no",
              "550 Invalid recipient", "554 5.1.2 Host unknown"})
        {
            EXPECT_NE(classify(reply, stage::final_dot, {}, domain).contact,
                      contact_effect::suppress)
                << domain << ' ' << reply;
        }
        const auto v = classify("550 Unknown user", stage::final_dot, {}, domain);
        EXPECT_EQ(v.cls, reply_class::refused);
        EXPECT_EQ(v.contact, contact_effect::count);
        EXPECT_EQ(classify("550 Unknown user", stage::rcpt, {}, domain).contact,
                  contact_effect::suppress);
    }
    // By its host alone, or by the address that it repeats.
    EXPECT_EQ(classify("550 Unknown user", stage::final_dot, "mfsmax.docomo.ne.jp").cls,
              reply_class::refused);
    EXPECT_EQ(classify("550 Unknown user <a.b@docomo.ne.jp>", stage::final_dot).cls,
              reply_class::refused);
    EXPECT_EQ(classify("550 Unknown user", stage::final_dot, {}, "notdocomo.ne.jp").contact,
              contact_effect::suppress);
}

TEST(Classifier, TheTextWinsOverAVagueCodeAndTheEnhancedCodeOverTheBareOne)
{
    EXPECT_EQ(classify("550 5.7.1 User unknown").cls, reply_class::bad_mailbox);
    EXPECT_EQ(classify("554 5.0.0 Mailbox full").cls, reply_class::quota);
    EXPECT_EQ(classify("550 5.1.1 blocked using zen.spamhaus.org").contact, contact_effect::keep);
    EXPECT_EQ(classify("550 5.2.2 x").cls, reply_class::quota);
    EXPECT_EQ(classify("554 5.1.1 x").cls, reply_class::bad_mailbox);
    EXPECT_EQ(classify("550 x (#5.2.2)").cls, reply_class::quota);
    EXPECT_EQ(classify("550 [5.1.1] x").contact, contact_effect::suppress);
}

TEST(Classifier, NamesInAddressesAreNoReasons)
{
    EXPECT_EQ(classify("550 5.1.1 <spam.blocked@zen.spamhaus.org>: User unknown").cls,
              reply_class::bad_mailbox);
    EXPECT_EQ(classify("550 quota.full@over.example user unknown").cls, reply_class::bad_mailbox);
    EXPECT_EQ(classify("250 2.1.5 user unknown").message, message_effect::delivered);
}

TEST(Classifier, HostileTextsAreOnlyText)
{
    const std::string long_text = "550 " + std::string(100'000, 'a') + " user unknown";
    EXPECT_EQ(classify(long_text).cls, reply_class::bad_mailbox); // by its code: the rest is cut
    EXPECT_EQ(classify(long_text).contact, contact_effect::count);
    for (const auto* text : {"550 \xff\xfe\x80", "550 @", "550 @@@@@", "550 a@", "550 <@>",
                             "550-550-550-", "550 5.", "550 5.1.1.1.1", "9", "", "550", "-"})
    {
        (void)classify(text);
    }
}

TEST(Classifier, NoReplyIsANetworkFailure)
{
    const auto v = built_in()->classify({stage::connect, 0, {}, "connection refused", {}, {}});
    EXPECT_EQ(v.cls, reply_class::network);
    EXPECT_EQ(v.message, message_effect::deferred);
    // A report without a code that says that it is final.
    const auto r = built_in()->classify({stage::rcpt, 0, {5, 1, 1}, "", {}, {}});
    EXPECT_EQ(r.message, message_effect::bounced);
    EXPECT_EQ(r.contact, contact_effect::suppress);
}

reply_rule simple_rule(std::string name)
{
    reply_rule r;
    r.name = std::move(name);
    r.cls = reply_class::policy;
    r.texts = {"go away"};
    r.matches = {{"550 Go away", {}, {}, {}}};
    r.others = {{"550 Stay", {}, {}, {}}};
    return r;
}

TEST(ClassifierRules, TellWhatIsWrong)
{
    const auto fault = [](auto change)
    {
        std::vector<reply_rule> rules{simple_rule("first"), simple_rule("second")};
        rules[1].texts = {"leave"};
        rules[1].matches[0].reply = "550 leave";
        change(rules[1]);
        const auto made = classifier::compile(std::move(rules));
        EXPECT_TRUE(made.has_error());
        EXPECT_EQ(made.has_error() ? made.error().rule : 0, 1U);
        return made.has_error() ? made.error().text : std::string();
    };
    EXPECT_NE(fault([](auto& r) { r.name = "first"; }).find("twice"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.name = "a b"; }).find("name"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.texts = {"("}; }).find("RE2"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.texts = {"a*"}; }).find("every text"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.texts.clear(); }).find("needed"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.matches.clear(); }).find("sample"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.others.clear(); }).find("sample"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.texts = {"go away"}; }).find("no rule"), std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.others[0].reply = "550 leave"; }).find("others"),
              std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.contact = contact_effect::suppress; }).find("sender"),
              std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.message = message_effect::delivered; }).find("delivered"),
              std::string::npos);
    EXPECT_NE(fault([](auto& r) { r.mx = {"Upper.example"}; }).find("lower case"),
              std::string::npos);
}

TEST(ClassifierRules, HoldAllTheirConditions)
{
    auto r = simple_rule("narrow");
    r.codes = {{550, 559}};
    r.enhanced = {{5, 7, 1, 3}};
    r.stages = {stage::final_dot};
    r.mx = {"google.com"};
    r.domains = {"example.jp"};
    r.matches = {{"554 5.7.2 Go away", {}, {}, {}}};
    const auto made = classifier::compile({r});
    ASSERT_TRUE(made.has_value());
    const reply_context hit{stage::final_dot, 554,           {5, 7, 2}, "go away",
                            "mx.google.com",  "a.example.jp"};
    EXPECT_EQ((*made)->classify(hit).rule, "narrow");
    const auto misses = [&](auto change)
    {
        auto c = hit;
        change(c);
        return (*made)->classify(c).rule.empty();
    };
    EXPECT_TRUE(misses([](auto& c) { c.code = 549; }));
    EXPECT_TRUE(misses([](auto& c) { c.enhanced.detail = 4; }));
    EXPECT_TRUE(misses([](auto& c) { c.stage = stage::rcpt; }));
    EXPECT_TRUE(misses([](auto& c) { c.mx = "notgoogle.com"; }));
    EXPECT_TRUE(misses([](auto& c) { c.domain = "jp"; }));
    EXPECT_TRUE(misses([](auto& c) { c.text = "stay"; }));
}

TEST(PlainText, Folds)
{
    const auto plain = [](std::string_view text)
    { return std::string(plain_text(text, 550, {5, 1, 1}).view()); };
    EXPECT_EQ(plain("5.1.1  Boîte\n550-5.1.1 Pleine  "), "boite pleine");
    EXPECT_EQ(plain("<a.b@example.com>: Größe; (c@d.example)."), "@: grosse; (@).");
    EXPECT_EQ(plain("ＵＳＥＲ　ПОЛЬЗОВАТЕЛЬ Ё Ł"), "user пользователь е l");
    EXPECT_EQ(plain("don’t “go” – ‑"), "don't \"go\" - -");
    EXPECT_EQ(plain(""), "");
    EXPECT_EQ(plain(std::string(5'000, 'x')).size(), classifier::text_bytes_max - 1);
    EXPECT_EQ(plain_text("for <a@docomo.ne.jp>.", 550, {}).domain(), "docomo.ne.jp");
}

TEST(ReplyLine, IsTakenApart)
{
    EXPECT_EQ(split_reply("550-5.1.1 x").code, 550);
    EXPECT_EQ(split_reply("550-5.1.1 x").enhanced, (smtp::enhanced_code{5, 1, 1}));
    EXPECT_EQ(split_reply("550-5.1.1 x").text, "5.1.1 x");
    EXPECT_EQ(split_reply("550").code, 550);
    EXPECT_EQ(split_reply("5500 x").code, 0);
    EXPECT_EQ(split_reply("650 x").text, "650 x");
    EXPECT_EQ(find_enhanced_code("see 5.1.1.1 (#5.7.1)", 550), (smtp::enhanced_code{5, 7, 1}));
    EXPECT_EQ(find_enhanced_code("smtp;550 5.2.2: full", 0), (smtp::enhanced_code{5, 2, 2}));
    EXPECT_FALSE(find_enhanced_code("4.2.2 is not of 550", 550).present());
    EXPECT_FALSE(find_enhanced_code("version 15.2.2", 550).present());
}

TEST(Words, GoBothWays)
{
    for (std::uint8_t i = 0; i < reply_classes; ++i)
    {
        const auto c = static_cast<reply_class>(i);
        EXPECT_EQ(parse_reply_class(to_string(c)), c);
    }
    EXPECT_FALSE(parse_reply_class("nothing").has_value());
    EXPECT_EQ(parse_code_range("5xx").value(), (code_range{500, 599}));
    EXPECT_EQ(parse_code_range("55x").value(), (code_range{550, 559}));
    EXPECT_TRUE(parse_code_range("5x5").has_error());
    EXPECT_TRUE(parse_code_range("600").has_error());
    EXPECT_EQ(parse_enhanced_range("*.7.20-26").value(), (enhanced_range{0, 7, 20, 26}));
    EXPECT_TRUE(parse_enhanced_range("5.7").has_error());
    EXPECT_TRUE(parse_enhanced_range("5.7.9-1").has_error());
    EXPECT_TRUE(parse_enhanced_range("3.7.1").has_error());
}

} // namespace
} // namespace hikyaku::bounce
