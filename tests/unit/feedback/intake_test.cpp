#include "rig.h"

#include <algorithm>
#include <cctype>
#include <thread>

#include <gmock/gmock.h>

#include <hikyaku/bounce/classifier.h>
#include <hikyaku/bounce/recipient_token.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/feed/outcome_index.h>
#include <hikyaku/feedback/intake.h>
#include <hikyaku/feedback/unsubscribe.h>

namespace hikyaku::feedback::test
{
namespace
{

using crm::suppression_reason;
using testing::ElementsAre;
using testing::IsEmpty;

/// Recipients of this one were given with it.
const campaign_id given{44};

std::string crlf(std::string text)
{
    std::string out;
    for (const char c : text)
    {
        out += c == '\n' ? "\r\n" : std::string(1, c);
    }
    return out;
}

/// A failure report (RFC 3464) about `who`.
std::string failure_report(const std::string& who, const std::string& status,
                           const std::string& reply)
{
    return crlf("From: MAILER-DAEMON@mx.receiver.example\n"
                "To: somebody@bounce.shop.example\n"
                "Subject: Undelivered Mail Returned to Sender\n"
                "Auto-Submitted: auto-replied\n"
                "MIME-Version: 1.0\n"
                "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n"
                "\n"
                "--b1\n"
                "Content-Type: text/plain\n"
                "\n"
                "Your message could not be delivered.\n"
                "\n"
                "--b1\n"
                "Content-Type: message/delivery-status\n"
                "\n"
                "Reporting-MTA: dns; mx.receiver.example\n"
                "\n"
                "Final-Recipient: rfc822; " +
                who +
                "\n"
                "Action: failed\n"
                "Status: " +
                status +
                "\n"
                "Diagnostic-Code: smtp; " +
                reply +
                "\n"
                "\n"
                "--b1\n"
                "Content-Type: text/rfc822-headers\n"
                "\n"
                "From: news@shop.example\n"
                "Subject: News\n"
                "\n"
                "--b1--\n");
}
std::string no_such_user(const std::string& who)
{
    return failure_report(who, "5.1.1", "550 5.1.1 User unknown");
}
std::string mailbox_full(const std::string& who)
{
    return failure_report(who, "5.2.2", "552 5.2.2 Mailbox full");
}

/// A feedback report (RFC 5965) whose original came from `return_path`.
std::string complaint(const std::string& return_path, const std::string& type = "abuse")
{
    return crlf("From: feedback@provider.example\n"
                "To: fbl@bounce.shop.example\n"
                "Subject: FW: News\n"
                "MIME-Version: 1.0\n"
                "Content-Type: multipart/report; report-type=feedback-report; boundary=\"b2\"\n"
                "\n"
                "--b2\n"
                "Content-Type: text/plain\n"
                "\n"
                "This is an email abuse report.\n"
                "\n"
                "--b2\n"
                "Content-Type: message/feedback-report\n"
                "\n"
                "Feedback-Type: " +
                type +
                "\n"
                "User-Agent: Provider/1.0\n"
                "Version: 1\n"
                "\n"
                "--b2\n"
                "Content-Type: message/rfc822\n"
                "\n"
                "Return-Path: <" +
                return_path +
                ">\n"
                "From: news@shop.example\n"
                "To: redacted@provider.example\n"
                "Subject: News\n"
                "Message-ID: <c_000.1@shop.example>\n"
                "\n"
                "Hello\n"
                "\n"
                "--b2--\n");
}

class IntakeTest : public FeedbackTest
{
protected:
    void SetUp() override
    {
        FeedbackTest::SetUp();
        open_intake();
        for (const auto* address : {"one@x.example", "two@x.example"})
        {
            crm::values fields{{crm::email_field, crm::value{std::string(address)}}};
            ASSERT_TRUE(
                crm_->contacts.create(shop, oplog::system_actor(), std::move(fields)).has_value());
        }
    }
    void close() override
    {
        intake_.reset();
        unsubscribes_.reset();
        outcomes_.reset();
        FeedbackTest::close();
    }
    void on_append(tenant_id tenant) override
    {
        if (outcomes_)
        {
            outcomes_->on_settled(tenant);
        }
    }
    void open_intake()
    {
        const auto contacts_of = [](tenant_id tenant, campaign_id c) -> std::optional<bool>
        { return tenant == shop && c.value < 60 ? std::optional(c != given) : std::nullopt; };
        feed::outcome_index_options options;
        options.gather = 1ms;
        options.has_contacts = contacts_of;
        outcomes_ = std::make_unique<feed::outcome_index>(*db_, std::move(options));
        unsubscribes_ = std::make_unique<unsubscriber>(
            unsubscriber::dependencies{*db_, *crm_, *outcomes_, contacts_of});
        intake_ = std::make_unique<intake>(
            intake::dependencies{
                *db_, master_, clock_, *outcomes_, *effects_, *unsubscribes_,
                [this](tenant_id tenant, const std::vector<queue::fact>& facts, store::record rows)
                { return append(tenant, facts, std::move(rows)); }, contacts_of,
                [] { return bounce::built_in(); }, [](std::string_view domain)
                { return domain == "bounce.shop.example" || domain == "mail.host.example"; }},
            intake_options{});
    }
    void reopen()
    {
        restart();
        open_intake();
    }
    [[nodiscard]] std::string local(std::uint32_t who, campaign_id c = news,
                                    tenant_id tenant = shop) const
    {
        return bounce::return_path_local_part(bounce::recipient_token_key(master_, tenant),
                                              {tenant, c, ordinal{who}});
    }
    [[nodiscard]] std::string return_path(std::uint32_t who, campaign_id c = news,
                                          tenant_id tenant = shop) const
    {
        return local(who, c, tenant) + "@bounce.shop.example";
    }
    [[nodiscard]] std::string unsubscribe_address(std::uint32_t who, campaign_id c = news) const
    {
        return bounce::unsubscribe_local_part(bounce::recipient_token_key(master_, shop),
                                              {shop, c, ordinal{who}}) +
               "@bounce.shop.example";
    }
    int deliver(std::vector<std::string> to, const std::string& message)
    {
        inbound mail;
        mail.peer = "192.0.2.25";
        mail.recipients = to;
        mail.message = message;
        return intake_->deliver(mail).code;
    }
    /// News was delivered to the contact's address.
    void was_delivered(std::uint32_t who, const std::string& address, campaign_id c = news)
    {
        auto f = delivered(address, c);
        f.who = ordinal{who};
        f.domain = "x.example";
        f.site = "mx.x.example";
        f.id_domain = "shop.example";
        tell({f});
    }
    [[nodiscard]] std::vector<std::string> events(std::uint32_t who, campaign_id in = {})
    {
        EXPECT_TRUE(outcomes_->catch_up(shop, 10s));
        std::vector<std::string> out;
        for (const auto& e :
             outcomes_->of_recipient(shop, {in, ordinal{who}}, {}, 100).value().entries)
        {
            out.push_back(std::string(queue::to_string(e.what.what)) + " " + e.what.recipient);
        }
        return out;
    }
    [[nodiscard]] std::uint64_t count(std::string_view kind, std::string_view cls = {}) const
    {
        for (const auto& c : intake_->counts())
        {
            if (c.kind == kind && c.cls == cls)
            {
                return c.n;
            }
        }
        return 0;
    }

    std::unique_ptr<feed::outcome_index> outcomes_;
    std::unique_ptr<unsubscriber> unsubscribes_;
    std::unique_ptr<intake> intake_;
};

TEST_F(IntakeTest, ABounceEndsAtTheContactOfItsToken)
{
    was_delivered(1, "one@x.example");
    ASSERT_EQ(intake_->check_recipient(return_path(1)).code, 250);
    EXPECT_EQ(deliver({return_path(1)}, no_such_user("one@x.example")), 250);
    // In force when the peer has its answer.
    const auto s = suppression("one@x.example");
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->reason, suppression_reason::bounce);
    EXPECT_EQ(s->cls, "bad_mailbox");
    EXPECT_EQ(s->campaign, news);
    EXPECT_THAT(events(1), ElementsAre("oob_bounce one@x.example", "delivered one@x.example"));
    EXPECT_EQ(came_back(news).oob_bounced, 1u);
    EXPECT_FALSE(suppression("two@x.example").has_value());
    EXPECT_EQ(count("bounce", "bad_mailbox"), 1u);
    const auto newest = outcomes_->last_in(shop, {{}, ordinal{1}}, news).value()->what;
    EXPECT_EQ(newest.code, 550);
    EXPECT_EQ(newest.enhanced, "5.1.1");
    EXPECT_EQ(newest.domain, "x.example");
    EXPECT_EQ(newest.id_domain, "shop.example");
    EXPECT_EQ(newest.stage, "report");
}

TEST_F(IntakeTest, TokensSurviveFoldedCaseAndQuotes)
{
    was_delivered(1, "one@x.example");
    auto shouted = return_path(1);
    std::transform(shouted.begin(), shouted.end(), shouted.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    EXPECT_EQ(intake_->check_recipient(shouted).code, 250);
    EXPECT_EQ(intake_->check_recipient("\"" + local(1) + "\"@bounce.shop.example").code, 250);
    EXPECT_EQ(deliver({shouted}, no_such_user("one@x.example")), 250);
    EXPECT_TRUE(suppression("one@x.example").has_value());
}

TEST_F(IntakeTest, AForgedTokenChangesNothing)
{
    was_delivered(1, "one@x.example");
    std::vector<std::string> forged;
    for (std::size_t i = 2; i < local(1).size(); ++i)
    {
        auto text = local(1);
        text[i] = text[i] == 'a' ? 'b' : 'a';
        forged.push_back(text + "@bounce.shop.example");
    }
    forged.push_back(return_path(1, news, other)); // no such key here: see below
    forged.back() = bounce::return_path_local_part(bounce::recipient_token_key(master_, other),
                                                   {shop, news, ordinal{1}}) +
                    "@bounce.shop.example";
    forged.push_back(local(1).substr(0, 20) + "@bounce.shop.example");
    forged.push_back("b-@bounce.shop.example");
    for (const auto& address : forged)
    {
        EXPECT_EQ(intake_->check_recipient(address).code, 550) << address;
        EXPECT_EQ(deliver({address}, no_such_user("one@x.example")), 550) << address;
        EXPECT_EQ(deliver({address}, complaint(address)), 550) << address;
    }
    EXPECT_FALSE(suppression("one@x.example").has_value());
    EXPECT_THAT(events(1), ElementsAre("delivered one@x.example"));
}

TEST_F(IntakeTest, ATokenOfOneUseIsNotGoodForAnother)
{
    was_delivered(1, "one@x.example");
    auto swapped = return_path(1);
    swapped[0] = 'u';
    EXPECT_EQ(intake_->check_recipient(swapped).code, 550);
}

TEST_F(IntakeTest, TheTokenDecidesWhateverTheTextSays)
{
    was_delivered(1, "one@x.example");
    was_delivered(2, "two@x.example");
    EXPECT_EQ(deliver({return_path(1)}, no_such_user("two@x.example")), 250);
    EXPECT_TRUE(suppression("one@x.example").has_value());
    EXPECT_FALSE(suppression("two@x.example").has_value());
    EXPECT_THAT(events(2), ElementsAre("delivered two@x.example"));
}

TEST_F(IntakeTest, ToldAgainItChangesNothing)
{
    was_delivered(1, "one@x.example");
    for (int i = 0; i < 3; ++i)
    {
        EXPECT_EQ(deliver({return_path(1), return_path(1)}, mailbox_full("one@x.example")), 250);
    }
    EXPECT_EQ(errors("one@x.example"), 1u);
    EXPECT_EQ(came_back(news).oob_bounced, 1u);
    EXPECT_EQ(events(1).size(), 2u);
    reopen();
    EXPECT_EQ(deliver({return_path(1)}, mailbox_full("one@x.example")), 250);
    EXPECT_EQ(errors("one@x.example"), 1u);
    EXPECT_EQ(came_back(news).oob_bounced, 1u);
}

TEST_F(IntakeTest, TheAddressIsTheOneThatTheMessageWentTo)
{
    was_delivered(1, "one@x.example");
    ASSERT_TRUE(crm_->contacts
                    .update(shop, oplog::system_actor(), ordinal{1},
                            {{crm::email_field, crm::value{std::string("new@x.example")}}})
                    .has_value());
    EXPECT_EQ(deliver({return_path(1)}, no_such_user("one@x.example")), 250);
    EXPECT_TRUE(suppression("one@x.example").has_value());
    EXPECT_FALSE(suppression("new@x.example").has_value());
    EXPECT_EQ(errors("new@x.example"), 0u);
}

TEST_F(IntakeTest, AReportThatIsFasterThanItsOutcomeFindsTheContact)
{
    EXPECT_EQ(deliver({return_path(1)}, no_such_user("one@x.example")), 250);
    EXPECT_TRUE(suppression("one@x.example").has_value());
}

TEST_F(IntakeTest, GivenRecipientsAreNoContacts)
{
    store::record rows(shop);
    rows.put(store::space::data, campaign::recipient_key(given, ordinal{1}),
             campaign::encode(campaign::given_recipient{"guest@x.example", "", "{}"}));
    db_->commit(std::move(rows), store::commit_class::control);
    EXPECT_EQ(deliver({return_path(1, given)}, no_such_user("guest@x.example")), 250);
    EXPECT_TRUE(suppression("guest@x.example").has_value());
    EXPECT_FALSE(suppression("one@x.example").has_value());
    EXPECT_THAT(events(1, given), ElementsAre("oob_bounce guest@x.example"));
}

TEST_F(IntakeTest, AComplaintIsFoundByTheTokenInside)
{
    was_delivered(1, "one@x.example");
    for (const auto* to : {"fbl@bounce.shop.example", "ABUSE@mail.host.example",
                           "postmaster@bounce.shop.example", "postmaster"})
    {
        EXPECT_EQ(intake_->check_recipient(to).code, 250) << to;
    }
    EXPECT_EQ(deliver({"fbl@bounce.shop.example"}, complaint(return_path(1))), 250);
    const auto s = suppression("one@x.example");
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->reason, suppression_reason::complaint);
    EXPECT_EQ(s->cls, "abuse");
    EXPECT_THAT(events(1), ElementsAre("complaint one@x.example", "delivered one@x.example"));
    EXPECT_EQ(came_back(news).complaints, 1u);
    // Again, now to the return path itself.
    EXPECT_EQ(deliver({return_path(1)}, complaint(return_path(1))), 250);
    EXPECT_EQ(came_back(news).complaints, 1u);
}

TEST_F(IntakeTest, AComplaintIsFoundByTheLinkInside)
{
    was_delivered(2, "two@x.example");
    const auto link = bounce::unsubscribe_link_token(bounce::recipient_token_key(master_, shop),
                                                     {shop, news, ordinal{2}});
    auto report = complaint("news@shop.example");
    report.insert(report.find("Subject: News"),
                  "List-Unsubscribe: <https://m.host.example/u/" + link + ">\r\n");
    EXPECT_EQ(deliver({"fbl@bounce.shop.example"}, report), 250);
    ASSERT_TRUE(suppression("two@x.example").has_value());
    EXPECT_EQ(suppression("two@x.example")->reason, suppression_reason::complaint);
}

TEST_F(IntakeTest, AComplaintWithoutASignatureOfOursChangesNothing)
{
    was_delivered(1, "one@x.example");
    auto forged = return_path(1);
    forged[10] = forged[10] == 'a' ? 'b' : 'a';
    EXPECT_EQ(deliver({"fbl@bounce.shop.example"}, complaint(forged)), 550);
    EXPECT_EQ(deliver({"fbl@bounce.shop.example"}, complaint("news@shop.example")), 550);
    EXPECT_FALSE(suppression("one@x.example").has_value());
    EXPECT_THAT(events(1), ElementsAre("delivered one@x.example"));
}

TEST_F(IntakeTest, NotSpamIsNoComplaint)
{
    was_delivered(1, "one@x.example");
    EXPECT_EQ(deliver({return_path(1)}, complaint(return_path(1), "not-spam")), 250);
    EXPECT_FALSE(suppression("one@x.example").has_value());
    EXPECT_EQ(count("complaint", "not-spam"), 1u);
}

TEST_F(IntakeTest, MailUnsubscribes)
{
    was_delivered(1, "one@x.example");
    ASSERT_EQ(intake_->check_recipient(unsubscribe_address(1)).code, 250);
    const auto away = crlf("From: one@x.example\nAuto-Submitted: auto-replied\n"
                           "Subject: Out of office\n\nI am away.\n");
    EXPECT_EQ(deliver({unsubscribe_address(1)}, away), 250);
    EXPECT_FALSE(suppression("one@x.example").has_value()) << "a machine's answer";
    const auto wish = crlf("From: one@x.example\nSubject: unsubscribe\n\n\n");
    EXPECT_EQ(deliver({unsubscribe_address(1)}, wish), 250);
    const auto s = suppression("one@x.example");
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->reason, suppression_reason::unsubscribed);
    EXPECT_EQ(count("unsubscribe"), 1u);
}

TEST_F(IntakeTest, NobodyElsesMailIsTaken)
{
    for (const auto* to :
         {"postmaster@victim.example", "abuse@victim.example", "somebody@victim.example",
          "somebody@bounce.shop.example", "", "@", "b-", "a@b@bounce.shop.example", "abuse"})
    {
        EXPECT_EQ(intake_->check_recipient(to).code, 550) << to;
    }
    EXPECT_EQ(intake_->check_recipient(std::string(5'000, 'b') + "@bounce.shop.example").code, 550);
    EXPECT_EQ(deliver({"postmaster@bounce.shop.example"}, crlf("Subject: hello\n\nhello\n")), 550);
    EXPECT_EQ(deliver({}, "nonsense"), 550);
}

TEST_F(IntakeTest, WhatIsNoFailureChangesNothing)
{
    was_delivered(1, "one@x.example");
    const auto away = crlf("From: one@x.example\nAuto-Submitted: auto-replied\n"
                           "Subject: Out of office\n\nI am away.\n");
    EXPECT_EQ(deliver({return_path(1)}, away), 250);
    EXPECT_EQ(deliver({return_path(1)}, ""), 250);
    EXPECT_THAT(events(1), ElementsAre("delivered one@x.example"));
    EXPECT_EQ(count("auto_reply"), 1u);
}

TEST_F(IntakeTest, AnUnknownCampaignOrTenantChangesNothing)
{
    EXPECT_EQ(deliver({return_path(1, campaign_id{99})}, no_such_user("one@x.example")), 250);
    EXPECT_FALSE(suppression("one@x.example").has_value());
    EXPECT_EQ(intake_->check_recipient(return_path(1, news, tenant_id{77})).code, 550);
}

TEST_F(IntakeTest, AFactWithoutItsEffectsYetHasThemAfterTheStart)
{
    was_delivered(1, "one@x.example");
    effects_->stop();
    EXPECT_EQ(deliver({return_path(1)}, no_such_user("one@x.example")), 250);
    EXPECT_FALSE(suppression("one@x.example").has_value());
    reopen();
    ASSERT_TRUE(effects_->wait_for(shop, 2, 10s));
    EXPECT_TRUE(suppression("one@x.example").has_value());
    EXPECT_EQ(errors("one@x.example"), 99u);
    EXPECT_EQ(deliver({return_path(1)}, no_such_user("one@x.example")), 250);
    EXPECT_EQ(errors("one@x.example"), 99u);
    EXPECT_EQ(came_back(news).oob_bounced, 1u);
}

TEST_F(IntakeTest, ReportsOfManyThreadsAreCountedOnceEach)
{
    for (std::uint32_t i = 1; i <= 2; ++i)
    {
        was_delivered(i, i == 1 ? "one@x.example" : "two@x.example");
    }
    std::vector<std::jthread> peers;
    for (int t = 0; t < 8; ++t)
    {
        peers.emplace_back(
            [&, t]
            {
                const std::uint32_t who = 1 + static_cast<std::uint32_t>(t % 2);
                EXPECT_EQ(deliver({return_path(who)}, mailbox_full("x@x.example")), 250);
            });
    }
    peers.clear();
    EXPECT_EQ(came_back(news).oob_bounced, 2u);
    EXPECT_EQ(errors("one@x.example"), 1u);
    EXPECT_EQ(errors("two@x.example"), 1u);
}

} // namespace
} // namespace hikyaku::feedback::test
