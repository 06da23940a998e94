#include "plain_receiver.h"

#include <hikyaku/delivery/engine.h>
#include <hikyaku/queue/keys.h>

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include <rocksdb/env.h>

namespace hikyaku::delivery
{
namespace
{

const queue::campaign_ref ref{tenant_id{7}, campaign_id{1}};

/// The engine on an in-memory store, with hooks that know no campaign: recipient n of domain d is
/// r<n>@<d>.
class EngineTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open_store();
        store::record r(platform_tenant);
        r.create_family(ref.tenant);
        db_->commit(std::move(r), store::commit_class::control);
        life_.state = queue::campaign_state::sending;
        life_.expires_at = system_clock().wall() + std::chrono::hours{72};
    }
    void TearDown() override { stop(); }
    void open_store()
    {
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        domains_ = std::make_unique<queue::domain_table>();
        ASSERT_TRUE(domains_->load(db_->queue()).has_value());
    }
    void start(const std::map<std::string, std::uint16_t>& routes, unsigned shards = 2)
    {
        engine_options options;
        options.hostname = "sender.example";
        options.shards = shards;
        options.dns.servers = {};
        options.sources = sources_;
        for (const auto& [domain, port] : routes)
        {
            options.routes[domain] = {"127.0.0.1", port};
        }
        auto table = std::make_shared<shaping::shaping_table>();
        shaping::limits_patch limits;
        limits.message_rate = std::optional<shaping::rate>{};
        limits.connection_rate = std::optional<shaping::rate>{};
        limits.idle_max = milliseconds{200};
        limits.connect_failures_max = 1;
        limits.suspension_first = seconds{1};
        ASSERT_TRUE(table->set_default(limits).has_value());
        shaping::retry_policy retry;
        retry.steps = {seconds{1}};
        table->set_retry(*shaping::retry_schedule::make(retry));
        table_ = table;
        pool_ = std::make_unique<net::blocking_pool>(net::blocking_pool_options{2, 1024});
        disk_ = std::make_unique<store::disk_guard>("/tmp", 0, 0);
        engine_ = std::make_unique<engine>(
            std::move(options), table,
            engine::dependencies{*db_, *domains_, system_clock(), system_random(), *pool_, *disk_},
            make_hooks());
        ASSERT_TRUE(engine_->start(true).has_value());
    }
    void stop()
    {
        if (engine_)
        {
            engine_->stop(seconds{5});
            pool_->stop();
            engine_.reset();
        }
    }
    hooks make_hooks()
    {
        hooks h;
        h.load = [this](std::span<work> batch)
        {
            for (auto& w : batch)
            {
                w.recipient =
                    "r" + std::to_string(w.l.who.value) + "@" + domains_->name(w.l.domain);
                if (on_load_)
                {
                    on_load_(w);
                }
            }
        };
        h.render = [this](const work& w, std::size_t, rendered& out) -> result<void, failure>
        {
            if (on_render_ && !on_render_(w))
            {
                return failure{"3:4: divided by 0"};
            }
            out.mail_from = "bounce@sender.example";
            out.message = "Subject: x\r\n\r\nHello " + w.recipient + "\r\n.\r\n..dot\r\n";
            out.id_domain = "sender.example";
            return {};
        };
        h.still_valid = [this](const work& w) { return !still_valid_ || still_valid_(w); };
        h.settled = [this](const queue::settlement& s)
        {
            auto facts = queue::decode_facts(*s.facts);
            const std::lock_guard lock(mutex_);
            facts_.insert(facts_.end(), facts->begin(), facts->end());
            changed_.notify_all();
        };
        h.drained = [this](const queue::campaign_ref&)
        {
            const std::lock_guard lock(mutex_);
            ++drained_;
            changed_.notify_all();
        };
        return h;
    }
    void expand(const std::vector<std::pair<std::string, std::uint32_t>>& counts)
    {
        expand(ref, counts);
    }
    void expand_again(const std::vector<std::pair<std::string, std::uint32_t>>& counts)
    {
        expand({ref.tenant, campaign_id{2}}, counts);
    }
    void expand(const queue::campaign_ref& c,
                const std::vector<std::pair<std::string, std::uint32_t>>& counts)
    {
        std::vector<queue::chunk_entry> page;
        store::record platform(platform_tenant);
        std::uint32_t next = 1;
        for (const auto& [domain, count] : counts)
        {
            for (std::uint32_t i = 0; i < count; ++i)
            {
                page.push_back({ordinal{next++}, domains_->obtain(domain, platform)});
            }
        }
        queue::expansion_state e;
        e.recipients = page.size();
        e.complete = true;
        queue::expander expander(db_->queue(), c);
        store::record rows(c.tenant);
        rows.put(store::space::queue, queue::campaign_key(queue::row::lifecycle, c),
                 queue::encode(life_));
        const auto grown = expander.add_page(page, e, rows);
        ASSERT_TRUE(grown.has_value());
        std::vector<store::record> both;
        if (!platform.empty())
        {
            both.push_back(std::move(platform));
        }
        both.push_back(std::move(rows));
        db_->commit(std::move(both), store::commit_class::bulk);
        engine_->open_campaign(c, life_, {});
        engine_->grow(c, e, *grown);
    }
    template <class Predicate> [[nodiscard]] bool wait(Predicate p)
    {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, seconds{20}, p);
    }
    [[nodiscard]] std::size_t count(queue::disposition d)
    {
        return static_cast<std::size_t>(std::count_if(facts_.begin(), facts_.end(),
                                                      [d](const auto& f) { return f.what == d; }));
    }

    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<queue::domain_table> domains_;
    std::unique_ptr<net::blocking_pool> pool_;
    std::unique_ptr<store::disk_guard> disk_;
    std::unique_ptr<engine> engine_;
    queue::lifecycle life_;
    std::function<void(work&)> on_load_;
    std::function<bool(const work&)> on_render_;
    std::function<bool(const work&)> still_valid_;
    std::shared_ptr<const shaping::source_table> sources_;
    std::shared_ptr<const shaping::shaping_table> table_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<queue::fact> facts_;
    int drained_ = 0;
};

std::string accept_all(const std::string&, const std::string&)
{
    return "250 2.0.0 ok";
}

TEST_F(EngineTest, EveryRecipientOfOwnAndTailLanesIsDeliveredOnce)
{
    plain_receiver receiver(accept_all);
    start({{"*", receiver.port()}});
    std::vector<std::pair<std::string, std::uint32_t>> counts{{"one.example", 700},
                                                              {"two.example", 300}};
    for (int i = 0; i < 40; ++i)
    {
        counts.emplace_back("rare" + std::to_string(i) + ".example", 3);
    }
    expand(counts);
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    const auto accepted = receiver.accepted();
    EXPECT_EQ(accepted.size(), 1120U);
    for (const auto& [address, times] : accepted)
    {
        EXPECT_EQ(times, 1) << address;
    }
    EXPECT_EQ(count(queue::disposition::delivered), 1120U);
    EXPECT_EQ(engine_->view_campaign(ref)->counts.of(queue::disposition::delivered), 1120U);
}

TEST_F(EngineTest, DeferredComeBackBouncedEndAndSkippedAreCounted)
{
    std::atomic<int> tries{0};
    plain_receiver receiver(
        [&](const std::string& step, const std::string& rcpt) -> std::string
        {
            if (step == "rcpt" && rcpt.starts_with("r1@"))
            {
                return "550 5.1.1 no such user";
            }
            if (step == "dot" && rcpt.starts_with("r2@") && tries++ == 0)
            {
                return "451 4.7.1 later";
            }
            return "250 ok";
        });
    on_load_ = [](work& w)
    {
        if (w.l.who.value == 3)
        {
            w.what = fate::skip;
            w.skip_as = queue::disposition::suppressed;
            w.skip_class = "unsubscribed";
        }
    };
    on_render_ = [](const work& w) { return w.l.who.value != 4; };
    start({{"*", receiver.port()}});
    expand({{"one.example", 10}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    EXPECT_EQ(count(queue::disposition::delivered), 7U);
    EXPECT_EQ(count(queue::disposition::deferred), 1U);
    EXPECT_EQ(count(queue::disposition::bounced), 1U);
    EXPECT_EQ(count(queue::disposition::suppressed), 1U);
    EXPECT_EQ(count(queue::disposition::failed), 1U);
    for (const auto& f : facts_)
    {
        if (f.what == queue::disposition::bounced)
        {
            EXPECT_EQ(f.code, 550);
            EXPECT_EQ(f.enhanced, "5.1.1");
            EXPECT_EQ(f.cls, "bad_mailbox");
            EXPECT_EQ(f.contact, 2);
            EXPECT_EQ(f.recipient, "r1@one.example");
        }
    }
}

TEST_F(EngineTest, RepliesAreClassifiedForTheMessageAndForTheContact)
{
    std::map<std::string, int> tries; // the receiver serves one step at a time
    std::mutex tries_mutex;
    plain_receiver receiver(
        [&](const std::string& step, const std::string& rcpt) -> std::string
        {
            const std::lock_guard lock(tries_mutex);
            if (step == "rcpt" && rcpt.starts_with("r1@") && tries[rcpt]++ == 0)
            {
                return "550 5.7.1 Greylisted, come back later";
            }
            if (step == "rcpt" && rcpt.starts_with("r2@") && tries[rcpt]++ == 0)
            {
                return "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org";
            }
            if (step == "rcpt" && rcpt.starts_with("r3@"))
            {
                return "552 5.2.2 Mailbox full";
            }
            if (step == "dot" && rcpt.starts_with("r4@"))
            {
                return "554 5.7.1 This message looks like spam";
            }
            return "250 ok";
        });
    start({{"*", receiver.port()}});
    expand({{"one.example", 5}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    EXPECT_EQ(count(queue::disposition::delivered), 3U);
    EXPECT_EQ(count(queue::disposition::deferred), 2U);
    EXPECT_EQ(count(queue::disposition::bounced), 2U);
    std::map<std::string, std::string> seen;
    for (const auto& f : facts_)
    {
        if (f.what != queue::disposition::delivered)
        {
            seen[f.recipient] = f.cls + ' ' + std::to_string(f.contact);
        }
    }
    const std::map<std::string, std::string> wanted{{"r1@one.example", "greylist 0"},
                                                    {"r2@one.example", "spam_block 0"},
                                                    {"r3@one.example", "quota 1"},
                                                    {"r4@one.example", "spam_content 0"}};
    EXPECT_EQ(seen, wanted);
}

TEST_F(EngineTest, AConnectionLostAfterTheDotIsUnknownAndItsRetryIsTheSameBytes)
{
    std::atomic<int> drops{0};
    plain_receiver receiver([&](const std::string& step, const std::string&) -> std::string
                            { return step == "dot" && drops++ == 0 ? "" : "250 ok"; });
    on_load_ = [this](work& w)
    {
        const auto kept = db_->find_tenant(ref.tenant)->find(queue::kept_bytes_key(ref, w.l.who));
        w.kept_bytes = *kept ? **kept : "";
    };
    start({{"*", receiver.port()}});
    expand({{"one.example", 1}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    EXPECT_EQ(count(queue::disposition::unknown), 1U);
    EXPECT_EQ(count(queue::disposition::delivered), 1U);
    const auto bodies = receiver.bodies();
    ASSERT_EQ(bodies.at("r1@one.example").size(), 2U);
    EXPECT_EQ(bodies.at("r1@one.example")[0], bodies.at("r1@one.example")[1]);
    EXPECT_TRUE(facts_.back().dup_possible);
}

TEST_F(EngineTest, ARefusedBannerDefersTheSiteNotItsRecipients)
{
    plain_receiver receiver(accept_all, "554 go away");
    start({{"*", receiver.port()}});
    expand({{"one.example", 500}});
    ASSERT_TRUE(wait([this] { return count(queue::disposition::deferred) >= 1; }));
    const auto view = engine_->view();
    ASSERT_EQ(view.sites.size(), 1U);
    EXPECT_NE(view.sites[0].health, "up");
    // At most one recipient per connection that was tried.
    EXPECT_LE(count(queue::disposition::deferred), static_cast<std::size_t>(receiver.sessions()));
    EXPECT_EQ(engine_->view_campaign(ref)->pending, 500U);
}

TEST_F(EngineTest, ALateNoStopsTheMessageBeforeItsDot)
{
    plain_receiver receiver(accept_all);
    std::atomic<int> asked{0};
    on_load_ = [&](work& w)
    {
        if (asked > 0 && w.l.who.value == 5)
        {
            w.what = fate::skip;
            w.skip_as = queue::disposition::suppressed;
        }
    };
    // Valid when it is taken up, gone at the last look.
    still_valid_ = [&](const work& w) { return w.l.who.value != 5 || asked++ == 0; };
    start({{"*", receiver.port()}}, 1);
    expand({{"one.example", 20}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    EXPECT_FALSE(receiver.accepted().contains("r5@one.example"));
    EXPECT_EQ(count(queue::disposition::delivered), 19U);
    EXPECT_EQ(count(queue::disposition::suppressed), 1U);
}

TEST_F(EngineTest, CancelEndsTheRestAndStopSettlesWhatWasSent)
{
    std::atomic<int> delivered{0};
    plain_receiver receiver(
        [&](const std::string& step, const std::string&) -> std::string
        {
            if (step == "dot" && ++delivered == 50)
            {
                engine_->close_campaign(ref, queue::disposition::cancelled);
            }
            return "250 ok";
        });
    start({{"*", receiver.port()}});
    expand({{"one.example", 3000}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    const auto view = engine_->view_campaign(ref);
    EXPECT_EQ(view->counts.settled(), 3000U);
    EXPECT_GT(view->counts.of(queue::disposition::cancelled), 0U);
    EXPECT_EQ(view->counts.of(queue::disposition::delivered), receiver.accepted().size());
}

TEST_F(EngineTest, StoppingLosesNothingAndTheNextStartGoesOn)
{
    std::atomic<int> delivered{0};
    plain_receiver receiver(
        [&](const std::string& step, const std::string&) -> std::string
        {
            if (step == "dot")
            {
                ++delivered;
                const std::lock_guard lock(mutex_);
                changed_.notify_all();
            }
            return "250 ok";
        });
    start({{"*", receiver.port()}});
    expand({{"one.example", 2000}});
    ASSERT_TRUE(wait([&] { return delivered > 200; }));
    stop();
    db_.reset();
    open_store();
    facts_.clear();
    start({{"*", receiver.port()}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    const auto accepted = receiver.accepted();
    EXPECT_EQ(accepted.size(), 2000U);
    for (const auto& [address, times] : accepted)
    {
        EXPECT_EQ(times, 1) << address;
    }
}

std::vector<std::pair<std::string, std::uint32_t>> rare_domains(int count)
{
    std::vector<std::pair<std::string, std::uint32_t>> counts;
    for (int i = 0; i < count; ++i)
    {
        counts.emplace_back("rare" + std::to_string(i) + ".example", 2);
    }
    return counts;
}

TEST_F(EngineTest, WhatBeginsWhileNothingIsLeasedGoesOutAfterwards)
{
    plain_receiver receiver(accept_all);
    start({{"*", receiver.port()}});
    engine_->hold(true, "a test");
    auto counts = rare_domains(20);
    counts.emplace_back("one.example", 300);
    expand(counts);
    EXPECT_EQ(engine_->view().in_flight, 0U);
    engine_->hold(false, "");
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    EXPECT_EQ(count(queue::disposition::delivered), 340U);
}

TEST_F(EngineTest, ASuspendedCampaignGoesOnByItselfWhenTheTimeIsOver)
{
    plain_receiver receiver(accept_all);
    start({{"*", receiver.port()}});
    engine_->hold(true, "a test");
    auto counts = rare_domains(20);
    counts.emplace_back("one.example", 300);
    expand(counts);
    scope what;
    what.what = scope::kind::campaign;
    what.campaign = ref;
    ASSERT_TRUE(engine_->suspend(what, milliseconds{1500}, "a test"));
    engine_->hold(false, "");
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    EXPECT_EQ(count(queue::disposition::delivered), 340U);
}

shaping::source_table named_sources(int count)
{
    std::vector<shaping::source_rule> rules(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < rules.size(); ++i)
    {
        rules[i].name = "s" + std::to_string(i);
    }
    return *shaping::source_table::make(std::move(rules), {}, "sender.example");
}

TEST_F(EngineTest, ASourceThatGoesWhileItSendsLosesNobody)
{
    std::atomic<int> delivered{0};
    plain_receiver receiver(
        [&](const std::string& step, const std::string&) -> std::string
        {
            if (step == "dot" && ++delivered == 100)
            {
                engine_->reload(
                    table_, std::make_shared<const shaping::source_table>(named_sources(1)), {});
            }
            return "250 ok";
        });
    sources_ = std::make_shared<const shaping::source_table>(named_sources(8));
    start({{"*", receiver.port()}});
    expand({{"one.example", 1500}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    const auto accepted = receiver.accepted();
    EXPECT_EQ(accepted.size(), 1500U);
    for (const auto& [address, times] : accepted)
    {
        EXPECT_EQ(times, 1) << address;
    }
}

TEST_F(EngineTest, WhatWaitsForASiteThatIsGivenUpBounces)
{
    plain_receiver receiver(accept_all);
    start({{"*", receiver.port()}});
    expand({{"one.example", 1}});
    ASSERT_TRUE(wait([this] { return drained_ == 1; }));
    const auto view = engine_->view();
    ASSERT_EQ(view.sites.size(), 1U);
    engine_->hold(true, "a test");
    expand_again({{"one.example", 3000}});
    scope what;
    what.site = view.sites[0].site;
    ASSERT_TRUE(engine_->bounce(what, milliseconds{0}, "nobody there"));
    engine_->hold(false, "");
    ASSERT_TRUE(wait([this] { return drained_ == 2; }));
    EXPECT_EQ(count(queue::disposition::bounced), 3000U);
}

TEST_F(EngineTest, WithoutDnsTheDomainWaitsAndOneRecipientRecordsIt)
{
    start({});
    expand({{"one.example", 300}, {"rare.example", 2}});
    ASSERT_TRUE(wait([this] { return count(queue::disposition::deferred) >= 2; }));
    EXPECT_EQ(engine_->view_campaign(ref)->pending, 302U);
    EXPECT_EQ(facts_[0].stage, "dns");
}

} // namespace
} // namespace hikyaku::delivery
