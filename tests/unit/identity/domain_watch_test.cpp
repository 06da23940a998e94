#include "good_zone.h"
#include "rig.h"

#include <hikyaku/identity/domain_watch.h>

namespace hikyaku::identity
{
namespace
{

/// A domain with keys, its zone, and two servers that may differ.
class DomainWatchTest : public IdentityTest
{
protected:
    void SetUp() override
    {
        domain_options_.source_addresses = {"192.0.2.1"};
        IdentityTest::SetUp();
        tenant_ = make_tenant().row.id;
        auto made = domains_->add(operator_, tenant_, "shop.co.jp", false);
        ASSERT_TRUE(made.has_value());
        domain_ = *made;
        zone_ = zone_with(domain_);
        second_ = zone_;
        make_watch();
    }
    void make_watch()
    {
        domain_watch_options options;
        options.hostname = "mail.host.example";
        options.sources = {{"one", *dns::parse_ip("192.0.2.1"), "mail.host.example"}};
        dns_access dns;
        dns.ask =
            [this](const dns_access::questions& q, milliseconds, const dns_access::stop_predicate&)
        {
            ++asked_;
            return answer(zone_, q);
        };
        dns.ask_each_server =
            [this](const dns_access::questions& q, milliseconds, const dns_access::stop_predicate&)
        {
            ++key_rounds_;
            return std::vector{answer(zone_, q), answer(second_, q)};
        };
        watch_ = std::make_unique<domain_watch>(
            domain_watch::dependencies{*db_, *domains_, clock_, std::move(dns)},
            std::move(options));
        watch_->on_switched([this](tenant_id, const std::string& d) { switched_.push_back(d); });
    }
    static dns::test::spf_zone zone_with(const sender_domain& d, const zone_gaps& gaps = {})
    {
        std::vector<std::pair<std::string, std::string>> keys;
        for (const auto& key : d.keys)
        {
            keys.emplace_back(key.selector, key.dns_text);
        }
        return make_zone(gaps, keys);
    }
    static dns_access::answers answer(const dns::test::spf_zone& zone,
                                      const dns_access::questions& questions)
    {
        dns_access::answers out;
        for (const auto& q : questions)
        {
            out.push_back(zone.find(q));
            out.back().ttl = seconds{60};
        }
        return out;
    }
    [[nodiscard]] sender_domain now() const { return **domains_->find(tenant_, domain_.id); }
    [[nodiscard]] std::string states() const
    {
        std::string out;
        for (const auto& key : now().keys)
        {
            out += std::string(out.empty() ? "" : " ") + key.selector + "=" + to_string(key.state);
        }
        return out;
    }

    tenant_id tenant_;
    sender_domain domain_;
    dns::test::spf_zone zone_;
    dns::test::spf_zone second_;
    int asked_ = 0;
    int key_rounds_ = 0;
    std::vector<std::string> switched_;
    std::unique_ptr<domain_watch> watch_;
};

TEST_F(DomainWatchTest, ACheckIsKeptAndSurvivesARestart)
{
    const auto done = watch_->check(operator_, tenant_, domain_.id);
    ASSERT_TRUE(done.has_value()) << done.error().text;
    EXPECT_TRUE(done->checks.dkim && done->checks.spf && done->checks.return_path &&
                done->checks.dmarc);
    EXPECT_EQ(done->checks.checked, clock_.wall());
    EXPECT_EQ(count_entries(tenant_, "domain.check"), 1U);
    watch_.reset();
    reopen();
    EXPECT_EQ(now().checks, done->checks);
    make_watch();
    EXPECT_EQ(watch_->check(operator_, tenant_, domain_.id + 1).error().kind,
              problem_kind::not_found);
}

TEST_F(DomainWatchTest, AStartIsClearedOrNamesWhatFails)
{
    auto cleared = watch_->clear_start(operator_, tenant_, "shop.co.jp", false);
    ASSERT_TRUE(cleared.has_value());
    EXPECT_TRUE(cleared->failing.empty());
    // Fresh and good: not asked again. Later: asked, and refused.
    const int before = asked_;
    zone_ = zone_with(domain_, {.dkim = true, .dmarc = true});
    EXPECT_TRUE(watch_->clear_start(operator_, tenant_, "shop.co.jp", false)->failing.empty());
    EXPECT_EQ(asked_, before);
    clock_.move(domain_watch::fresh_for + milliseconds{1});
    cleared = watch_->clear_start(operator_, tenant_, "shop.co.jp", false);
    ASSERT_EQ(cleared->failing.size(), 2U);
    EXPECT_EQ(cleared->failing[0].what, check_kind::dkim);
    EXPECT_EQ(to_text(*cleared->failing[0].record),
              "TXT hk1r._domainkey.shop.co.jp \"" + domain_.keys[0].dns_text + "\"");
    // A failure is never taken as fresh: what was repaired counts at once.
    zone_ = zone_with(domain_);
    EXPECT_TRUE(watch_->clear_start(operator_, tenant_, "shop.co.jp", false)->failing.empty());
    EXPECT_EQ(watch_->clear_start(operator_, tenant_, "rival.example", false).error().kind,
              problem_kind::not_found);
}

TEST_F(DomainWatchTest, WithoutEnforcementNothingIsAsked)
{
    watch_->set_enforced(false);
    EXPECT_TRUE(watch_->clear_start(operator_, tenant_, "shop.co.jp", false)->failing.empty());
    watch_->set_enforced(true);
    EXPECT_TRUE(watch_->clear_start(operator_, tenant_, "shop.co.jp", true)->failing.empty());
    EXPECT_EQ(asked_, 0);
}

TEST_F(DomainWatchTest, NoAnswerDoesNotRefuseAndKeepsTheLastResult)
{
    ASSERT_TRUE(watch_->check(operator_, tenant_, domain_.id).has_value());
    zone_.broken("hk1r._domainkey.shop.co.jp", dns::record_type::txt);
    clock_.move(std::chrono::hours{70});
    auto cleared = watch_->clear_start(operator_, tenant_, "shop.co.jp", false);
    EXPECT_TRUE(cleared->failing.empty());
    EXPECT_TRUE(now().checks.dkim);
    clock_.move(std::chrono::hours{3});
    cleared = watch_->clear_start(operator_, tenant_, "shop.co.jp", false);
    EXPECT_TRUE(cleared->failing.empty());
    EXPECT_FALSE(now().checks.dkim);
}

TEST_F(DomainWatchTest, EveryDomainIsCheckedOnceADay)
{
    watch_->poll();
    EXPECT_TRUE(now().checks.checked.has_value());
    const auto first = *now().checks.checked;
    clock_.move(std::chrono::hours{20});
    watch_->poll();
    EXPECT_EQ(*now().checks.checked, first);
    clock_.move(std::chrono::hours{4});
    watch_->poll();
    EXPECT_NE(*now().checks.checked, first);
    // What fails is looked at again within the hour.
    zone_ = zone_with(domain_, {.dmarc = true});
    ASSERT_TRUE(watch_->check(operator_, tenant_, domain_.id).has_value());
    const auto failed = *now().checks.checked;
    zone_ = zone_with(domain_);
    clock_.move(std::chrono::hours{1});
    watch_->poll();
    EXPECT_NE(*now().checks.checked, failed);
    EXPECT_TRUE(now().checks.dmarc);
}

TEST_F(DomainWatchTest, ARotationWaitsForEveryServerThenSwitchesAndErases)
{
    const auto old = *domains_->load_identities(tenant_, "shop.co.jp");
    const auto rotated = domains_->rotate(operator_, tenant_, domain_.id);
    ASSERT_TRUE(rotated.has_value()) << rotated.error().text;
    EXPECT_EQ(states(), "hk1r=active hk2r=pending");
    EXPECT_EQ(domains_->records_of(now()).size(), 6U);
    EXPECT_EQ(domains_->rotate(operator_, tenant_, domain_.id).error().kind,
              problem_kind::conflict);
    watch_->poll();
    EXPECT_EQ(states(), "hk1r=active hk2r=pending");
    zone_ = zone_with(*rotated);
    watch_->poll();
    clock_.move(seconds{61});
    watch_->poll(); // the second server does not show it
    EXPECT_EQ(states(), "hk1r=active hk2r=pending");
    second_ = zone_;
    watch_->poll();
    watch_.reset();
    reopen(); // what was seen is durable
    make_watch();
    clock_.move(seconds{59});
    watch_->poll();
    EXPECT_EQ(states(), "hk1r=active hk2r=pending");
    EXPECT_EQ((**domains_->load_identities(tenant_, "shop.co.jp"))[0].selector, "hk1r");
    clock_.move(seconds{1});
    watch_->poll();
    EXPECT_EQ(states(), "hk1r=retiring hk2r=active");
    EXPECT_EQ(switched_, std::vector<std::string>{"shop.co.jp"});
    const auto now_signs = *domains_->load_identities(tenant_, "shop.co.jp");
    ASSERT_EQ(now_signs->size(), 1U);
    EXPECT_EQ((*now_signs)[0].selector, "hk2r");
    EXPECT_EQ((*old)[0].selector, "hk1r"); // whoever signs with it still can
    clock_.move(std::chrono::hours{7 * 24});
    watch_->poll();
    EXPECT_EQ(states(), "hk1r=gone hk2r=active");
    EXPECT_TRUE(now().keys[0].sealed_private_key.empty());
    EXPECT_EQ(domains_->records_of(now()).size(), 5U);
    EXPECT_EQ(switched_.size(), 1U);
    EXPECT_EQ(domains_->rotate(operator_, tenant_, domain_.id)->keys.back().selector, "hk3r");
    EXPECT_GE(count_entries(tenant_, "domain.keys"), 3U);
    EXPECT_EQ(count_entries(tenant_, "domain.rotate"), 2U);
}

TEST_F(DomainWatchTest, AClockThatIsSetErasesNothingForTenMinutes)
{
    const auto rotated = *domains_->rotate(operator_, tenant_, domain_.id);
    zone_ = zone_with(rotated);
    second_ = zone_;
    watch_->poll();
    clock_.move(seconds{60});
    watch_->poll();
    EXPECT_EQ(states(), "hk1r=retiring hk2r=active");
    clock_.set_forward(std::chrono::hours{24 * 30});
    watch_->poll();
    clock_.move(seconds{599});
    watch_->poll();
    EXPECT_EQ(states(), "hk1r=retiring hk2r=active");
    clock_.move(seconds{1});
    watch_->poll();
    EXPECT_EQ(states(), "hk1r=gone hk2r=active");
}

TEST_F(DomainWatchTest, AKeyThatNobodyPublishesIsLookedForSeldom)
{
    ASSERT_TRUE(domains_->rotate(operator_, tenant_, domain_.id).has_value());
    watch_->poll();
    EXPECT_EQ(key_rounds_, 1);
    clock_.move(std::chrono::hours{25});
    for (int i = 0; i < 48; ++i)
    {
        watch_->poll();
    }
    EXPECT_EQ(key_rounds_, 3);
    // Somebody who asks gets an answer at once.
    ASSERT_TRUE(watch_->check(operator_, tenant_, domain_.id).has_value());
    EXPECT_EQ(key_rounds_, 4);
}

TEST_F(DomainWatchTest, StoppingEndsTheThreadAndChecks)
{
    watch_->run();
    watch_->stop();
    EXPECT_EQ(watch_->check(operator_, tenant_, domain_.id).error().kind,
              problem_kind::unavailable);
}

} // namespace
} // namespace hikyaku::identity
