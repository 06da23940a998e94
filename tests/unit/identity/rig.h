#pragma once

#include <hikyaku/identity/api_keys.h>
#include <hikyaku/identity/sender_domains.h>
#include <hikyaku/identity/tenants.h>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include <rocksdb/env.h>

namespace hikyaku::identity
{

/// A clock that stands still until it is moved.
class still_clock final : public clock
{
public:
    [[nodiscard]] wall_time wall() const noexcept override { return from_unix_ms(ms_.load()); }
    [[nodiscard]] mono_time mono() const noexcept override
    {
        return mono_time{milliseconds{passed_.load()}};
    }
    void move(milliseconds by)
    {
        ms_ += by.count();
        passed_ += by.count();
    }
    /// Somebody sets the clock: no time has passed.
    void set_forward(milliseconds by) { ms_ += by.count(); }

private:
    /// 2026-11-23T00:00:00Z.
    std::atomic<std::int64_t> ms_{1'795'392'000'000};
    std::atomic<std::int64_t> passed_{0};
};

/// Everything of this module over a database in memory; reopen() is a restart.
class IdentityTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        reopen();
    }
    void reopen()
    {
        domains_.reset();
        keys_.reset();
        tenants_.reset();
        log_.reset();
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        log_ = std::make_unique<oplog::operation_log>(*db_, clock_);
        auto all =
            tenants::open({*db_, *log_, clock_, ids_, system_random()}, tenant_limits_, hook_);
        ASSERT_TRUE(all.has_value());
        tenants_ = std::move(*all);
        keys_ = std::make_unique<api_keys>(
            api_keys::dependencies{*db_, *log_, *tenants_, clock_, ids_, system_random()},
            key_limits_);
        domains_ = std::make_unique<sender_domains>(
            sender_domains::dependencies{*db_, *log_, master_, clock_, ids_}, domain_options_);
    }
    tenants::creation make_tenant(std::string_view name = "Shop")
    {
        auto made = tenants_->create(operator_, name, "admin@shop.example");
        EXPECT_TRUE(made.has_value());
        return std::move(*made);
    }
    std::size_t count_entries(tenant_id id, const std::string& operation)
    {
        oplog::operation_log::filter f;
        f.operation = operation;
        return log_->list(id, f, 0, 1000)->size();
    }

    const oplog::actor operator_{"operator", "platform", "127.0.0.1", "r1"};
    still_clock clock_;
    id_source ids_{clock_};
    crypto::master_key master_{crypto::sha256("a test's master key")};
    tenant_limits tenant_limits_;
    api_key_limits key_limits_;
    tenants::created_hook hook_;
    sender_domain_options domain_options_{.hostname = "mail.host.example",
                                          .return_path_domain = "",
                                          .spf_include = "",
                                          .source_addresses = {}};
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<tenants> tenants_;
    std::unique_ptr<api_keys> keys_;
    std::unique_ptr<sender_domains> domains_;
};

} // namespace hikyaku::identity
