#include "rig.h"

#include <gmock/gmock.h>

#include "rows.h"

#include <hikyaku/campaign/definition.h>

namespace hikyaku::feedback::test
{
namespace
{

using crm::suppression_reason;
using testing::HasSubstr;

using EffectsTest = FeedbackTest;

TEST_F(EffectsTest, ACertainFailureSuppressesAtOnce)
{
    const auto before = crm_->stamps.stamp_address(shop, "a@x.example");
    tell({unknown_user("A@x.example")});
    const auto s = suppression("a@x.example");
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->reason, suppression_reason::bounce);
    EXPECT_EQ(s->source, "550 5.1.1 User unknown");
    EXPECT_EQ(s->campaign, news);
    EXPECT_EQ(s->cls, "bad_mailbox");
    EXPECT_FALSE(s->expires.has_value());
    EXPECT_EQ(errors("a@x.example"), 99u);
    EXPECT_NE(crm_->stamps.stamp_address(shop, "a@x.example"), before)
        << "the send path must look again";
    const auto entry = log_->list(shop, {}, 0, 1)->front();
    EXPECT_EQ(entry.operation, "suppression.add");
    EXPECT_EQ(entry.who.name, "system");
    EXPECT_EQ(entry.detail, "1 after bounces, 0 after complaints");
}

TEST_F(EffectsTest, OthersCountToTheThresholdAndExpire)
{
    for (int i = 0; i < 4; ++i)
    {
        tell({full("b@x.example", campaign_id{100u + static_cast<unsigned>(i)})});
    }
    EXPECT_EQ(errors("b@x.example"), 4u);
    EXPECT_FALSE(suppression("b@x.example").has_value());
    tell({full("b@x.example", campaign_id{200})});
    const auto s = suppression("b@x.example");
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->cls, "quota");
    EXPECT_EQ(s->expires, clock_.now + std::chrono::hours{24 * 90});
}

TEST_F(EffectsTest, TheThresholdIsTheTenants)
{
    set([](tenant_settings& s) { s.bounce_threshold = 2; });
    set([](tenant_settings& s) { s.bounce_threshold = 100; }, other);
    tell({full("b@x.example"), full("b@x.example", sale)});
    EXPECT_TRUE(suppression("b@x.example").has_value());
    tell({unknown_user("b@x.example")}, other);
    EXPECT_FALSE(suppression("b@x.example", other).has_value()) << "99 is below 100";
    tell({full("b@x.example", sale)}, other);
    EXPECT_TRUE(suppression("b@x.example", other).has_value());
}

TEST_F(EffectsTest, WhatTheSenderCausedKeepsTheContact)
{
    for (const auto cls : {bounce::reply_class::spam_block, bounce::reply_class::spam_content,
                           bounce::reply_class::policy, bounce::reply_class::auth_failure})
    {
        for (unsigned i = 0; i < 20; ++i)
        {
            auto f = make(disposition::bounced, "c@x.example", contact_effect::keep, cls);
            f.campaign = campaign_id{300 + i};
            tell({f});
        }
    }
    EXPECT_EQ(errors("c@x.example"), 0u);
    EXPECT_FALSE(suppression("c@x.example").has_value());
    EXPECT_FALSE(is_dead("c@x.example"));
}

TEST_F(EffectsTest, ADeliverySetsTheCounterBack)
{
    tell({full("b@x.example", news), full("b@x.example", sale)});
    EXPECT_EQ(errors("b@x.example"), 2u);
    tell({delivered("B@X.example", campaign_id{50}), delivered("z@x.example")});
    EXPECT_EQ(errors("b@x.example"), 0u);
    tell({delivered("b@x.example", campaign_id{51})});
    EXPECT_FALSE(find_counter(*db_->find_tenant(shop), "b@x.example").value().has_value())
        << "nothing left to remember";
}

TEST_F(EffectsTest, ADeliveryThatBouncesLaterSetsNothingBack)
{
    for (unsigned i = 0; i < 5; ++i)
    {
        const campaign_id c{60 + i};
        tell({delivered("b@x.example", c)});
        tell({full("b@x.example", c, disposition::oob_bounce)});
    }
    EXPECT_EQ(errors("b@x.example"), 5u);
    EXPECT_TRUE(suppression("b@x.example").has_value());
}

TEST_F(EffectsTest, AnEndedSuppressionStartsTheCountAnew)
{
    set([](tenant_settings& s) { s.bounce_threshold = 2; });
    tell({full("b@x.example", news), full("b@x.example", sale)});
    ASSERT_TRUE(suppression("b@x.example").has_value());
    ASSERT_TRUE(crm_->suppressions.remove(shop, oplog::system_actor(), "b@x.example").has_value());
    tell({full("b@x.example", campaign_id{70})});
    EXPECT_EQ(errors("b@x.example"), 1u);
    EXPECT_FALSE(suppression("b@x.example").has_value());
}

TEST_F(EffectsTest, DeferredAttemptsCountNothingAndExpiryCountsOne)
{
    for (int i = 0; i < 30; ++i)
    {
        tell({make(disposition::deferred, "d@x.example", contact_effect::count,
                   bounce::reply_class::quota)});
    }
    EXPECT_EQ(errors("d@x.example"), 0u);
    tell({make(disposition::expired, "d@x.example", contact_effect::count,
               bounce::reply_class::quota)});
    EXPECT_EQ(errors("d@x.example"), 1u);
}

TEST_F(EffectsTest, AComplaintSuppressesAndOutranksABounce)
{
    auto f = make(disposition::complaint, "e@x.example", contact_effect::suppress);
    f.cls = "abuse";
    tell({delivered("e@x.example"), f});
    auto s = suppression("e@x.example");
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->reason, suppression_reason::complaint);
    EXPECT_FALSE(s->expires.has_value());
    tell({unknown_user("e@x.example")});
    EXPECT_EQ(suppression("e@x.example")->reason, suppression_reason::complaint);
    EXPECT_EQ(came_back(news).complaints, 1u);
}

TEST_F(EffectsTest, AManualEntryForEverIsNotShortened)
{
    crm::suppression s;
    s.address = "m@x.example";
    s.source = "api";
    ASSERT_TRUE(crm_->suppressions.add(shop, oplog::system_actor(), s).has_value());
    set([](tenant_settings& t) { t.certain_expires_after = std::chrono::hours{24}; });
    tell({unknown_user("m@x.example")});
    EXPECT_EQ(suppression("m@x.example")->reason, suppression_reason::manual);
}

TEST_F(EffectsTest, EachFactHasItsEffectOnceAcrossRestarts)
{
    set([](tenant_settings& s) { s.bounce_threshold = 50; });
    tell({full("b@x.example"), delivered("z@x.example")});
    restart();
    tell({full("b@x.example", sale)});
    EXPECT_EQ(errors("b@x.example"), 2u);
    EXPECT_EQ(came_back(news).delivered, 1u);
    // Facts that nobody told of: found at the start.
    effects_->stop();
    settle({full("b@x.example", campaign_id{80})});
    const auto seq = settle({full("b@x.example", campaign_id{81})});
    restart();
    ASSERT_TRUE(effects_->wait_for(shop, seq, 10s));
    EXPECT_EQ(errors("b@x.example"), 4u);
}

TEST_F(EffectsTest, TenantsDoNotSeeEachOther)
{
    tell({unknown_user("a@x.example")});
    EXPECT_FALSE(suppression("a@x.example", other).has_value());
    EXPECT_EQ(errors("a@x.example", other), 0u);
}

TEST_F(EffectsTest, OnlyProofPutsAnAddressOnTheInstallationsList)
{
    tell({unknown_user("gone@x.example"), full("full@x.example"), delivered("ok@x.example")});
    EXPECT_TRUE(is_dead("gone@x.example"));
    EXPECT_FALSE(is_dead("full@x.example"));
    EXPECT_FALSE(is_dead("ok@x.example"));
    EXPECT_EQ(dead_->size(), 1u);
    const auto found = dead_->find("Gone@x.example").value();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->cls, "bad_mailbox");
    EXPECT_THAT(found->tenants, testing::ElementsAre(shop));
    // No address is readable in the rows.
    for (auto at = db_->platform().scan("gd", "ge"); at.valid(); at.next())
    {
        EXPECT_THAT(std::string(at.key()) + std::string(at.value()),
                    testing::Not(HasSubstr("x.example")));
    }
    restart();
    EXPECT_EQ(dead_->size(), 1u);
    EXPECT_TRUE(is_dead("gone@x.example"));
}

TEST_F(EffectsTest, TheInstallationsListExpiresAndCanBeSwitchedOff)
{
    tell({unknown_user("gone@x.example")});
    auto o = dead_options_;
    o.enabled = false;
    dead_->set_options(o);
    EXPECT_FALSE(is_dead("gone@x.example"));
    o.enabled = true;
    o.tenants_min = 2;
    dead_->set_options(o);
    EXPECT_FALSE(is_dead("gone@x.example"));
    tell({unknown_user("gone@x.example")}, other);
    EXPECT_TRUE(is_dead("gone@x.example"));
    EXPECT_EQ(dead_->size(), 1u);
    clock_.now += o.expires_after;
    EXPECT_FALSE(is_dead("gone@x.example"));
    EXPECT_EQ(dead_->expire(clock_.now), 1u);
    EXPECT_EQ(dead_->size(), 0u);
}

TEST_F(EffectsTest, AMessageThatGetsThroughTakesItsAddressOffTheList)
{
    tell({unknown_user("gone@x.example")});
    set([](tenant_settings& s) { s.use_dead_addresses = false; }, other);
    tell({delivered("gone@x.example")}, other);
    EXPECT_FALSE(is_dead("gone@x.example"));
    EXPECT_EQ(dead_->size(), 0u);
}

TEST_F(EffectsTest, TheOperatorTakesAnAddressOff)
{
    tell({unknown_user("gone@x.example")});
    EXPECT_TRUE(dead_->remove(oplog::system_actor(), "GONE@x.example").value());
    EXPECT_FALSE(dead_->remove(oplog::system_actor(), "gone@x.example").value());
    EXPECT_FALSE(is_dead("gone@x.example"));
    EXPECT_EQ(log_->list(platform_tenant, {}, 0, 1)->front().operation, "dead_address.remove");
}

TEST_F(EffectsTest, ACampaignWithTooManyBadAddressesPausesItself)
{
    std::vector<queue::fact> facts;
    for (int i = 0; i < 180; ++i)
    {
        facts.push_back(delivered("ok" + std::to_string(i) + "@x.example"));
    }
    for (int i = 0; i < 20; ++i)
    {
        facts.push_back(unknown_user("bad" + std::to_string(i) + "@x.example"));
    }
    tell(facts);
    EXPECT_TRUE(paused_.empty()) << "10 % is the limit, not above it";
    tell({unknown_user("one@x.example")});
    ASSERT_EQ(paused_.size(), 1u);
    EXPECT_EQ(paused_[0].first, news);
    EXPECT_EQ(paused_[0].second.cause, campaign::breaker_cause::bounce_rate);
    EXPECT_EQ(paused_[0].second.detail,
              "10.44 % of 201 recipients had bad addresses (limit 10.00 % from 200 on)");
    tell({unknown_user("two@x.example")});
    EXPECT_EQ(paused_.size(), 1u) << "once, until somebody resumes it";
    // A crash between the row and the pause: told again at the start.
    restart();
    tell({delivered("ok@x.example")});
    EXPECT_EQ(paused_.size(), 2u);
}

TEST_F(EffectsTest, AResumedCampaignCountsAnew)
{
    breakers_[news] = campaign::breaker_override{.enabled = {},
                                                 .bounce_rate = 1'000,
                                                 .bounce_after = 2,
                                                 .complaint_rate = {},
                                                 .complaint_after = {}};
    tell({unknown_user("a@x.example"), unknown_user("b@x.example")});
    ASSERT_EQ(paused_.size(), 1u);
    auto r = came_back(news);
    clock_.now += 1s;
    campaign::restart_breaker(r, clock_.now);
    store::record rows(shop);
    rows.put(store::space::data, campaign::returns_key(news), campaign::encode(r));
    db_->commit(std::move(rows), store::commit_class::control);
    auto late = unknown_user("c@x.example");
    late.at -= 2s;
    tell({late, unknown_user("d@x.example")});
    EXPECT_EQ(paused_.size(), 1u) << "what happened before does not count";
    tell({unknown_user("e@x.example")});
    EXPECT_EQ(paused_.size(), 2u);
}

TEST_F(EffectsTest, ComplaintsPauseTooAndBothCanBeSwitchedOff)
{
    const auto complain = [&](unsigned who, campaign_id c)
    {
        auto f = make(disposition::complaint, "c" + std::to_string(who) + "@x.example",
                      contact_effect::suppress);
        f.cls = "abuse";
        f.campaign = c;
        return f;
    };
    for (const auto c : {news, sale})
    {
        std::vector<queue::fact> facts;
        for (int i = 0; i < 600; ++i)
        {
            facts.push_back(delivered("ok" + std::to_string(i) + "@x.example", c));
        }
        tell(facts);
    }
    breakers_[sale] = campaign::breaker_override{.enabled = false,
                                                 .bounce_rate = {},
                                                 .bounce_after = {},
                                                 .complaint_rate = {},
                                                 .complaint_after = {}};
    make_effects();
    run();
    tell({complain(1, news), complain(1, sale)});
    EXPECT_TRUE(paused_.empty());
    tell({complain(2, news), complain(2, sale), complain(3, sale)});
    ASSERT_EQ(paused_.size(), 1u);
    EXPECT_EQ(paused_[0].first, news);
    EXPECT_EQ(paused_[0].second.cause, campaign::breaker_cause::complaint_rate);
}

TEST_F(EffectsTest, BulkFactsAndSandboxesHaveNoEffect)
{
    auto many = make(disposition::cancelled, "");
    many.count = 10'000;
    auto sandboxed = delivered("s@x.example");
    sandboxed.cls = "sandbox";
    tell({many, sandboxed, make(disposition::bounced, "not an address", contact_effect::suppress)});
    EXPECT_EQ(came_back(news).delivered, 0u);
    EXPECT_EQ(came_back(news).bounced, 1u);
}

TEST_F(EffectsTest, ADamagedBlockIsSteppedOver)
{
    store::record rows(shop);
    rows.put(store::space::data, queue::fact_key(1), "\x7f nonsense");
    db_->commit(std::move(rows), store::commit_class::outcome);
    tell({unknown_user("a@x.example")});
    EXPECT_TRUE(suppression("a@x.example").has_value());
    EXPECT_EQ(effects_->stats().skipped, 1u);
}

TEST_F(EffectsTest, ATenantThatIsGoneKeepsNobodyWaiting)
{
    EXPECT_TRUE(effects_->wait_for(tenant_id{99}, 5, 10s));
}

TEST_F(EffectsTest, SettingsAreKept)
{
    set(
        [](tenant_settings& s)
        {
            s.bounce_threshold = 7;
            s.certain_expires_after = std::chrono::hours{24};
            s.other_expires_after.reset();
            s.use_dead_addresses = false;
            s.breaker.complaint_rate = 55;
        });
    const auto before = settings_->find(shop).value();
    restart();
    EXPECT_EQ(settings_->find(shop).value(), before);
    EXPECT_EQ(settings_->find(other).value(), tenant_settings{});
    EXPECT_EQ(log_->list(shop, {}, 0, 1)->front().operation, "settings.update");
}

TEST(FeedbackRows, GoldenBytes)
{
    const auto hex = [](std::string_view bytes)
    {
        std::string out;
        for (const char c : bytes)
        {
            constexpr char digits[] = "0123456789abcdef";
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        }
        return out;
    };
    error_counter c;
    c.score = 3;
    c.score_before = 2;
    c.delivered_in = campaign_id{5};
    c.suppressed = true;
    c.at = from_unix_ms(1);
    c.campaign = campaign_id{6};
    c.cls = "quota";
    EXPECT_EQ(hex(encode(c)), "01030200000000000000050102000000000000000605"
                              "71756f7461");
    EXPECT_EQ(decode_counter(encode(c)), c);
    EXPECT_EQ(hex(encode(reported{true, true})), "0103");
    EXPECT_EQ(hex(encode_folded(300)), "01ac02");
    EXPECT_EQ(hex(encode(tenant_settings{})), "01030500"
                                              "80b0f1fb1c"
                                              "e807"
                                              "c801"
                                              "1e"
                                              "f403");
    EXPECT_EQ(decode_settings(encode(tenant_settings{})), tenant_settings{});
    EXPECT_EQ(hex(counter_key("a")), "676361");
    EXPECT_EQ(hex(reported_key(campaign_id{1}, ordinal{2})), "676f000000000000000100000002");
    campaign::returns r;
    r.oob_bounced = 1;
    r.complaints = 2;
    r.since = from_unix_ms(3);
    r.delivered = 4;
    r.bounced = 5;
    r.bad = 6;
    r.complained = 7;
    r.cause = campaign::breaker_cause::complaint_rate;
    r.tripped = from_unix_ms(8);
    r.detail = "x";
    EXPECT_EQ(hex(campaign::encode(r)), "01010206040506070210"
                                        "0178");
    EXPECT_EQ(campaign::decode_returns(campaign::encode(r)), r);
    EXPECT_FALSE(campaign::decode_returns("").has_value());
    EXPECT_EQ(hex(campaign::returns_key(campaign_id{1})), "620000000000000001");
    campaign::definition d;
    d.breaker = campaign::breaker_override{.enabled = false,
                                           .bounce_rate = 500,
                                           .bounce_after = {},
                                           .complaint_rate = {},
                                           .complaint_after = 9};
    EXPECT_EQ(campaign::decode_definition(campaign::encode(d))->breaker, d.breaker);
    EXPECT_EQ(hex(campaign::encode(d)).substr(hex(campaign::encode(d)).size() - 8), "25f40309");
    EXPECT_FALSE(decode_counter("").has_value());
    EXPECT_FALSE(decode_settings("\x02").has_value());
    EXPECT_FALSE(decode_reported(encode(reported{}) + "x").has_value());
}

} // namespace
} // namespace hikyaku::feedback::test
