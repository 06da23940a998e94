#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <hikyaku/bounce/reply_class.h>
#include <hikyaku/crm/services.h>
#include <hikyaku/feedback/dead_addresses.h>
#include <hikyaku/feedback/effects.h>
#include <hikyaku/feedback/error_counter.h>
#include <hikyaku/feedback/tenant_settings.h>
#include <hikyaku/queue/active_queue.h>

#include <rocksdb/env.h>

namespace hikyaku::feedback::test
{

using namespace std::chrono_literals;
using bounce::contact_effect;
using queue::disposition;

inline const tenant_id shop{7};
inline const tenant_id other{8};
inline const campaign_id news{42};
inline const campaign_id sale{43};

/// Wall time by hand.
class hand_clock final : public clock
{
public:
    [[nodiscard]] wall_time wall() const noexcept override { return now; }
    [[nodiscard]] mono_time mono() const noexcept override
    {
        return mono_time{now.time_since_epoch()};
    }
    wall_time now = from_unix_ms(1'795'489'200'000); // 2026-11-24T03:00:00Z
};

/// A store in memory with two tenants, and the effects of the facts that a test tells.
class FeedbackTest : public testing::Test
{
protected:
    void SetUp() override
    {
        std::string name = (std::filesystem::temp_directory_path() / "hk-fb-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open();
        for (const auto t : {shop, other})
        {
            auto c = log_->begin_new(t, oplog::system_actor(), "tenant.create");
            c.commit();
        }
        run();
    }
    void TearDown() override
    {
        close();
        std::filesystem::remove_all(directory_);
    }
    virtual void close()
    {
        effects_.reset();
        dead_.reset();
        settings_.reset();
        crm_.reset();
        jobs_.reset();
        queue_.reset();
        log_.reset();
        db_.reset();
    }
    void open()
    {
        close();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        log_ = std::make_unique<oplog::operation_log>(*db_, clock_);
        queue_ = std::make_unique<queue::active_queue>(*db_);
        jobs_ = std::make_unique<jobs::jobs>(*db_, *log_, clock_,
                                             jobs::jobs_options{.dir = directory_ / "jobs"});
        crm_ = std::make_unique<crm::services>(*db_, *log_, clock_, directory_, *jobs_);
        settings_ = std::make_unique<settings_book>(*db_, *log_);
        dead_ = std::make_unique<dead_addresses>(*db_, *log_, master_, clock_, dead_options_);
        make_effects();
    }
    void make_effects()
    {
        effects_.reset();
        effects::dependencies deps{*db_, *log_, clock_, crm_->stamps, *settings_, *dead_, {}, {}};
        deps.breaker_of =
            [this](tenant_id,
                   campaign_id c) -> std::optional<std::optional<campaign::breaker_override>>
        {
            const auto own = breakers_.find(c);
            return own != breakers_.end()
                       ? std::optional(own->second)
                       : std::optional(std::optional<campaign::breaker_override>());
        };
        deps.pause = [this](tenant_id, campaign_id c, const campaign::returns& why)
        {
            paused_.emplace_back(c, why);
            return true;
        };
        effects_ = std::make_unique<effects>(std::move(deps), effects_options{1ms});
    }
    void run() { effects_->run(); }
    /// Opens the store anew: what is seen then came from its rows.
    void restart()
    {
        open();
        run();
    }

    [[nodiscard]] queue::fact make(disposition what, std::string to,
                                   contact_effect contact = contact_effect::keep,
                                   bounce::reply_class cls = bounce::reply_class::accepted) const
    {
        queue::fact f;
        f.at = clock_.now;
        f.what = what;
        f.campaign = news;
        f.who = ordinal{1};
        f.recipient = std::move(to);
        f.attempt = 1;
        f.contact = static_cast<std::uint8_t>(contact);
        f.cls = bounce::to_string(cls);
        return f;
    }
    [[nodiscard]] queue::fact delivered(std::string to, campaign_id c = news) const
    {
        auto f = make(disposition::delivered, std::move(to));
        f.code = 250;
        f.campaign = c;
        return f;
    }
    [[nodiscard]] queue::fact unknown_user(std::string to, campaign_id c = news) const
    {
        auto f = make(disposition::bounced, std::move(to), contact_effect::suppress,
                      bounce::reply_class::bad_mailbox);
        f.code = 550;
        f.enhanced = "5.1.1";
        f.reply = "User unknown";
        f.campaign = c;
        return f;
    }
    [[nodiscard]] queue::fact full(std::string to, campaign_id c = news,
                                   disposition what = disposition::bounced) const
    {
        auto f = make(what, std::move(to), contact_effect::count, bounce::reply_class::quota);
        f.code = 552;
        f.enhanced = "5.2.2";
        f.campaign = c;
        return f;
    }
    /// One block. @returns its number
    std::uint64_t settle(const std::vector<queue::fact>& facts, tenant_id tenant = shop)
    {
        return append(tenant, facts, store::record(tenant));
    }
    /// As the engine does.
    std::uint64_t append(tenant_id tenant, const std::vector<queue::fact>& facts,
                         store::record rows)
    {
        const std::lock_guard lock(appending_);
        auto s = queue_->append(tenant, facts, std::move(rows));
        db_->commit(std::move(s.rows), store::commit_class::outcome);
        effects_->on_settled(tenant);
        on_append(tenant);
        return s.fact_seq;
    }
    virtual void on_append(tenant_id) {}
    /// One block, and its effects.
    void tell(const std::vector<queue::fact>& facts, tenant_id tenant = shop)
    {
        ASSERT_TRUE(effects_->wait_for(tenant, settle(facts, tenant), 10s));
    }
    void set(const std::function<void(tenant_settings&)>& edit, tenant_id tenant = shop)
    {
        ASSERT_TRUE(settings_->change(tenant, oplog::system_actor(), edit).has_value());
    }

    [[nodiscard]] std::optional<crm::suppression> suppression(const std::string& address,
                                                              tenant_id tenant = shop) const
    {
        return crm_->suppressions.find(tenant, address).value();
    }
    [[nodiscard]] std::uint32_t errors(const std::string& normalized, tenant_id tenant = shop) const
    {
        const auto c = find_counter(*db_->find_tenant(tenant), normalized).value();
        return c ? c->score : 0;
    }
    [[nodiscard]] campaign::returns came_back(campaign_id c, tenant_id tenant = shop) const
    {
        const auto row = db_->find_tenant(tenant)->find(campaign::returns_key(c)).value();
        return row ? campaign::decode_returns(*row).value() : campaign::returns{};
    }
    [[nodiscard]] bool is_dead(const std::string& normalized) const
    {
        std::vector<bool> out;
        const std::vector<std::string> asked{normalized};
        dead_->find_many(asked, out);
        return out.at(0);
    }

    hand_clock clock_;
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<queue::active_queue> queue_;
    std::mutex appending_;
    std::filesystem::path directory_;
    std::unique_ptr<jobs::jobs> jobs_;
    std::unique_ptr<crm::services> crm_;
    crypto::master_key master_{crypto::sha256("an installation")};
    dead_address_options dead_options_;
    std::unique_ptr<settings_book> settings_;
    std::unique_ptr<dead_addresses> dead_;
    std::map<campaign_id, std::optional<campaign::breaker_override>> breakers_;
    std::vector<std::pair<campaign_id, campaign::returns>> paused_;
    std::unique_ptr<effects> effects_;
};

} // namespace hikyaku::feedback::test
