#include <gtest/gtest.h>

#include "report_address.h"
#include "report_phrases.h"
#include "report_reply.h"
#include "report_status.h"
#include "report_view.h"

namespace hikyaku::bounce
{
namespace
{

TEST(ReportAddress, FindsAddressesInText)
{
    struct row
    {
        const char* text;
        std::vector<std::string> expected;
    };
    const row rows[] = {
        {"<a@b.example>:", {"a@b.example"}},
        {"a.b+c=d@e-f.example.", {"a.b+c=d@e-f.example"}},
        {"'a@b.example'", {"a@b.example"}},
        {"宛先a@b.jp宛て", {"a@b.jp"}},
        {"<用户@例子.example>", {"用户@例子.example"}},
        {"<\"a..b\"@docomo.ne.jp>", {"\"a..b\"@docomo.ne.jp"}},
        {"a..b.@docomo.ne.jp", {"a..b.@docomo.ne.jp"}},
        {"x <mailto:a@b.example> y", {"a@b.example"}},
        {"a@[192.0.2.1] a@b", {"a@[192.0.2.1]"}},
        {"<a@b>", {"a@b"}},
        {"@ @@ a@ @b.c a@.b <@b.c>", {}},
        {"a@b.example,c@d.example;e@f.example", {"a@b.example", "c@d.example", "e@f.example"}},
        {"[SMTP:a@b.example]", {"a@b.example"}},
    };
    for (const row& r : rows)
    {
        std::vector<std::string> told;
        for (const auto& f : find_addresses(r.text))
        {
            told.push_back(f.address);
        }
        EXPECT_EQ(told, r.expected) << r.text;
    }
}

TEST(ReportAddress, ReadsFields)
{
    EXPECT_EQ(address_of_field("rfc822; a@b.example"), "a@b.example");
    EXPECT_EQ(address_of_field("RFC822;<a@b.example>"), "a@b.example");
    EXPECT_EQ(address_of_field("rfc822;a+2Bx@b.example"), "a+x@b.example");
    EXPECT_EQ(address_of_field("rfc822; \"a b\"@b.example"), "\"a b\"@b.example");
    EXPECT_EQ(address_of_field("utf-8;\\x{E9}t\\x{E9}@b.example"), "été@b.example");
    EXPECT_EQ(address_of_field("LOCAL;taro"), "taro");
    EXPECT_EQ(address_of_field("X-X400; /G=a/S=b/"), "");
    EXPECT_EQ(address_of_field("rfc822;'a@b.example'"), "a@b.example");
    EXPECT_EQ(address_of_field(""), "");
}

TEST(ReportAddress, ReadsVariableReturnPaths)
{
    EXPECT_EQ(address_in_return_path("bounces+17-joe=example.com@em.example"), "joe@example.com");
    EXPECT_EQ(address_in_return_path("list-bounces+joe=example.com@l.example"), "joe@example.com");
    EXPECT_EQ(address_in_return_path("return-joe=example.com@l.example"), "joe@example.com");
    EXPECT_EQ(address_in_return_path("b-0123abc@l.example"), "");
    EXPECT_EQ(address_in_return_path("a=b@l.example"), "");
}

TEST(ReportReply, FindsCodeAndStage)
{
    struct row
    {
        const char* text;
        int code;
        const char* enhanced;
        std::optional<smtp::stage> stage;
    };
    const row rows[] = {
        {"smtp; 550 5.1.1 <a@b.example>: unknown", 550, "5.1.1", std::nullopt},
        {"smtp;550-5.7.26 x\n550 5.7.26 y", 550, "5.7.26", std::nullopt},
        {"host x[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT TO command)", 452, "4.2.2",
         smtp::stage::rcpt},
        {"(in reply to end of DATA command)", 0, "", smtp::stage::final_dot},
        {"no mailbox here by that name. (#5.1.1)", 0, "5.1.1", std::nullopt},
        {"ERROR_CODE :550, ERROR_CODE :5.1.1", 550, "5.1.1", std::nullopt},
        {"<5.1.0 smtp;554 x>", 554, "5.1.0", std::nullopt},
        {"500 KB, 550 messages, port 587, 192.0.2.550, id 1-550-2", 0, "", std::nullopt},
        {"version 4.96.1 of 2021-05-04", 0, "", std::nullopt},
        {"host 4.4.4.4 and 5.5.5.5", 0, "", std::nullopt},
        {"The error was: 550 Address not found", 550, "", std::nullopt},
        {"", 0, "", std::nullopt},
    };
    for (const row& r : rows)
    {
        const told_reply told = find_reply(r.text);
        EXPECT_EQ(told.code, r.code) << r.text;
        EXPECT_EQ(told.enhanced.present() ? smtp::format_enhanced_code(told.enhanced) : "",
                  r.enhanced)
            << r.text;
        EXPECT_EQ(told.stage, r.stage) << r.text;
    }
}

TEST(ReportStatus, LivesWithBadGroups)
{
    // An empty line behind each field.
    auto f = read_status("Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\n\n"
                         "Action: failed\n\nStatus: 5.1.1\n\n");
    ASSERT_EQ(f.groups.size(), 1U);
    EXPECT_EQ(f.groups[0].action, "failed");
    EXPECT_EQ(f.groups[0].status, "5.1.1");
    // No empty line between groups; Original before Final; lines of a reply not folded.
    f = read_status("Original-Recipient: rfc822;a@b.example\nFinal-Recipient: rfc822;a2@b.example\n"
                    "Action: failed\nDiagnostic-Code: smtp; 550-one\n550 two: x\n"
                    "Final-Recipient: rfc822;c@d.example\nAction: delayed\n");
    ASSERT_EQ(f.groups.size(), 2U);
    EXPECT_EQ(f.groups[0].original_recipient, "rfc822;a@b.example");
    EXPECT_EQ(f.groups[0].final_recipient, "rfc822;a2@b.example");
    EXPECT_EQ(f.groups[0].diagnostic, "smtp; 550-one\n550 two: x");
    EXPECT_EQ(f.groups[1].action, "delayed");
}

TEST(ReportHtml, KeepsTextAndAddresses)
{
    EXPECT_EQ(text_of_html("<p>a &lt;b@c.example&gt;<br>d<style>p{}</style>&#228;&nbsp;e"),
              "\na <b@c.example>\ndä e");
    EXPECT_EQ(text_of_html("to <b@c.example> 1 < 2 & x"), "to <b@c.example> 1 < 2 & x");
}

TEST(ReportPhrases, TellKindsApart)
{
    EXPECT_TRUE(says_failure_in_subject("undelivered mail returned to sender"));
    EXPECT_TRUE(says_failure_in_subject("配信不能通知"));
    EXPECT_TRUE(says_delay_in_subject("warning: message 1abc delayed 24 hours"));
    EXPECT_TRUE(says_auto_reply("re: out of office"));
    EXPECT_FALSE(says_failure_in_subject("your order"));
    EXPECT_FALSE(says_auto_reply("your order"));
    EXPECT_EQ(class_of_words("the mailbox is full"), reply_class::quota);
    EXPECT_EQ(class_of_words("ユーザーが存在しません"), reply_class::bad_mailbox);
    EXPECT_FALSE(class_of_words("hello"));
}

} // namespace
} // namespace hikyaku::bounce
