#include "rig.h"

#include <filesystem>

#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/crm/services.h>
#include <hikyaku/feed/outcome_index.h>
#include <hikyaku/feedback/unsubscribe.h>
#include <hikyaku/jobs/jobs.h>

namespace hikyaku::feedback::test
{
namespace
{

const campaign_id by_address{50};
const std::string ip = "192.0.2.9";

/// `news` went to contacts, `by_address` to given recipients.
class UnsubscribeTest : public FeedbackTest
{
protected:
    void SetUp() override
    {
        FeedbackTest::SetUp();
        std::string name = (std::filesystem::temp_directory_path() / "hk-unsub-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
        work_ = std::make_unique<jobs::jobs>(
            *db_, *log_, clock_,
            jobs::jobs_options{directory_ / "jobs", 1, 16, std::chrono::hours{24}});
        crm_ = std::make_unique<crm::services>(*db_, *log_, clock_, directory_, *work_);
        const auto contacts_of = [](tenant_id t, campaign_id c) -> std::optional<bool>
        {
            if (t != shop || (c != news && c != by_address))
            {
                return std::nullopt;
            }
            return c == news;
        };
        outcomes_ = std::make_unique<feed::outcome_index>(
            *db_, feed::outcome_index_options{contacts_of, std::chrono::milliseconds{1}});
        unsubscriber_ = std::make_unique<unsubscriber>(
            unsubscriber::dependencies{*db_, *crm_, *outcomes_, contacts_of});
    }
    void close() override
    {
        unsubscriber_.reset();
        outcomes_.reset();
        crm_.reset();
        work_.reset();
        FeedbackTest::close();
        if (!directory_.empty())
        {
            std::filesystem::remove_all(directory_);
        }
    }

    crm::contact add_contact(std::string email)
    {
        return crm_->contacts
            .create(shop, oplog::system_actor(), {{crm::email_field, std::move(email)}})
            .value();
    }
    void add_given(ordinal who, std::string email)
    {
        store::record r(shop);
        r.put(store::space::data, campaign::recipient_key(by_address, who),
              campaign::encode(campaign::given_recipient{std::move(email), {}, "{}"}));
        db_->commit(std::move(r), store::commit_class::control);
    }
    void deliver(campaign_id c, ordinal who, std::string to)
    {
        auto f = delivered(std::move(to), c);
        f.who = who;
        settle({f});
        outcomes_->on_settled(shop);
        ASSERT_TRUE(outcomes_->catch_up(shop, 10s));
    }
    bool take_off(campaign_id c, ordinal who, unsubscribe_way way = unsubscribe_way::one_click,
                  tenant_id tenant = shop)
    {
        unsubscribe_wish wish;
        wish.tenant = tenant;
        wish.campaign = c;
        wish.who = who;
        wish.way = way;
        wish.ip = ip;
        const auto done = unsubscriber_->take_off(wish);
        return done.value();
    }
    [[nodiscard]] std::optional<crm::suppression> entry(const std::string& address) const
    {
        return crm_->suppressions.find(shop, address).value();
    }
    [[nodiscard]] std::size_t log_entries() const { return log_->list(shop, {}, 0, 100)->size(); }

    std::filesystem::path directory_;
    std::unique_ptr<jobs::jobs> work_;
    std::unique_ptr<crm::services> crm_;
    std::unique_ptr<feed::outcome_index> outcomes_;
    std::unique_ptr<unsubscriber> unsubscriber_;
};

TEST_F(UnsubscribeTest, AContactIsSuppressedAndWhoSaidSoIsKept)
{
    const auto c = add_contact("Taro@One.example");
    const auto before = crm_->stamps.stamp_address(shop, "taro@one.example");
    ASSERT_TRUE(take_off(news, c.number));
    const auto s = entry("taro@one.example");
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->reason, crm::suppression_reason::unsubscribed);
    EXPECT_EQ(s->source, "one_click 192.0.2.9");
    EXPECT_EQ(s->campaign, news);
    EXPECT_FALSE(s->expires.has_value());
    EXPECT_NE(crm_->stamps.stamp_address(shop, "taro@one.example"), before);
    const auto logged = log_->list(shop, {}, 0, 1)->front();
    EXPECT_EQ(logged.operation, "suppression.add");
    EXPECT_EQ(logged.who.name, "recipient");
    EXPECT_EQ(logged.who.ip, ip);
    EXPECT_EQ(logged.detail.find('@'), std::string::npos);
}

TEST_F(UnsubscribeTest, RepeatingItWritesNothingButIsSeen)
{
    const auto c = add_contact("taro@one.example");
    ASSERT_TRUE(take_off(news, c.number, unsubscribe_way::page));
    const auto first = entry("taro@one.example");
    const auto entries = log_entries();
    const auto stamp = crm_->stamps.stamp_address(shop, "taro@one.example");
    clock_.now += 1h;
    ASSERT_TRUE(take_off(news, c.number, unsubscribe_way::mail));
    EXPECT_EQ(entry("taro@one.example"), first);
    EXPECT_EQ(log_entries(), entries);
    EXPECT_NE(crm_->stamps.stamp_address(shop, "taro@one.example"), stamp);
}

TEST_F(UnsubscribeTest, ItOutranksABounceAndWhatExpiresButNotAComplaint)
{
    struct row
    {
        crm::suppression_reason had;
        bool expires;
        crm::suppression_reason has;
    };
    using enum crm::suppression_reason;
    const row rows[] = {{bounce, false, unsubscribed},
                        {manual, true, unsubscribed},
                        {complaint, false, complaint},
                        {unsubscribed, true, unsubscribed}};
    for (const auto& r : rows)
    {
        const std::string address = "a" + std::to_string(&r - rows) + "@one.example";
        const auto c = add_contact(address);
        crm::suppression s;
        s.address = address;
        s.reason = r.had;
        s.source = "before";
        s.expires = r.expires ? std::optional(clock_.now + 1h) : std::nullopt;
        ASSERT_TRUE(crm_->suppressions.add(shop, oplog::system_actor(), s).has_value());
        ASSERT_TRUE(take_off(news, c.number));
        EXPECT_EQ(entry(address)->reason, r.has) << address;
        EXPECT_FALSE(entry(address)->expires.has_value()) << address;
    }
}

TEST_F(UnsubscribeTest, TheAddressMailedAndThePresentOneAreBothTakenOff)
{
    auto c = add_contact("old@one.example");
    deliver(news, c.number, "Old@one.example");
    ASSERT_TRUE(crm_->contacts
                    .update(shop, oplog::system_actor(), c.number,
                            {{crm::email_field, std::string("new@two.example")}})
                    .has_value());
    ASSERT_TRUE(take_off(news, c.number));
    EXPECT_TRUE(entry("old@one.example").has_value());
    EXPECT_TRUE(entry("new@two.example").has_value());
}

TEST_F(UnsubscribeTest, ADeletedContactIsStillThePersonWhoGotTheMail)
{
    const auto c = add_contact("gone@one.example");
    deliver(news, c.number, "gone@one.example");
    const auto never = add_contact("never@one.example");
    for (const auto who : {c.number, never.number})
    {
        ASSERT_TRUE(crm_->contacts.remove(shop, oplog::system_actor(), who).has_value());
    }
    EXPECT_TRUE(take_off(news, c.number));
    EXPECT_TRUE(entry("gone@one.example").has_value());
    EXPECT_FALSE(take_off(news, never.number));
    EXPECT_FALSE(entry("never@one.example").has_value());
}

TEST_F(UnsubscribeTest, GivenRecipientsAreFoundInTheirCampaignOnly)
{
    const auto contact = add_contact("contact@one.example");
    add_given(contact.number, "Given@one.example");
    ASSERT_TRUE(take_off(by_address, contact.number));
    EXPECT_TRUE(entry("given@one.example").has_value());
    EXPECT_FALSE(entry("contact@one.example").has_value());
    EXPECT_FALSE(take_off(by_address, ordinal{99}));
}

TEST_F(UnsubscribeTest, NobodyIsFoundInOtherTenantsAndCampaigns)
{
    const auto c = add_contact("taro@one.example");
    EXPECT_FALSE(take_off(campaign_id{77}, c.number));
    EXPECT_FALSE(take_off(news, c.number, unsubscribe_way::one_click, other));
    EXPECT_FALSE(take_off(news, c.number, unsubscribe_way::one_click, tenant_id{12345}));
    EXPECT_FALSE(take_off(news, ordinal{0}));
    EXPECT_FALSE(entry("taro@one.example").has_value());
}

} // namespace
} // namespace hikyaku::feedback::test
