#include <hikyaku/oplog/operation_log.h>

#include <gtest/gtest.h>

#include <thread>

#include <boost/system/system_error.hpp>
#include <rocksdb/env.h>

namespace hikyaku::oplog
{
namespace
{

class OperationLogTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        reopen();
        auto c = log_->begin_new(tenant_, {"operator", "platform", "127.0.0.1", "r1", {}},
                                 "tenant.create");
        c.commit();
    }
    void reopen()
    {
        log_.reset();
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        log_ = std::make_unique<operation_log>(*db_, system_clock());
    }

    const tenant_id tenant_{9};
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<operation_log> log_;
};

TEST_F(OperationLogTest, EveryChangeHasItsEntryAndTheChainHolds)
{
    for (int i = 0; i < 600; ++i)
    {
        auto c =
            log_->begin(tenant_, {"key one", "admins", "192.0.2.1", "r", {}}, "contact.create");
        c.data().put(store::space::data, "c" + std::to_string(i), "row");
        c.set_object("con_" + std::to_string(i));
        c.commit();
    }
    reopen();
    log_->note(tenant_, system_actor(), "campaign.expire", "cmp_1", "12 recipients");
    EXPECT_FALSE(log_->find_break(tenant_)->has_value());
    const auto newest = log_->list(tenant_, {}, 0, 3);
    ASSERT_TRUE(newest.has_value());
    ASSERT_EQ(newest->size(), 3U);
    EXPECT_EQ((*newest)[0].operation, "campaign.expire");
    EXPECT_EQ((*newest)[1].object, "con_599");
    EXPECT_EQ((*newest)[1].who.ip, "192.0.2.1");
    operation_log::filter f;
    f.operation = "tenant.";
    EXPECT_EQ(log_->list(tenant_, f, 0, 10)->size(), 1U);
    EXPECT_EQ(log_->list(tenant_, {}, 0, 1000)->size(), 602U);
}

TEST_F(OperationLogTest, AnUncommittedChangeLeavesNothing)
{
    {
        auto c = log_->begin(tenant_, system_actor(), "contact.create");
        c.data().put(store::space::data, "c1", "row");
    }
    EXPECT_FALSE(db_->find_tenant(tenant_)->find("c1")->has_value());
    EXPECT_EQ(log_->list(tenant_, {}, 0, 10)->size(), 1U);
}

TEST_F(OperationLogTest, TamperingIsFoundAtItsPlace)
{
    for (int i = 0; i < 5; ++i)
    {
        log_->note(tenant_, system_actor(), "x", "", std::to_string(i));
    }
    std::string key = "O";
    key += std::string("\0\0\0\0\0\0\0\3", 8);
    std::string value = **db_->find_tenant(tenant_)->find(key);
    value[value.size() - 33] ^= 1;
    store::record forged(tenant_);
    forged.put(store::space::data, key, value);
    db_->commit(std::move(forged), store::commit_class::control);
    EXPECT_EQ(log_->find_break(tenant_)->value(), 3U);
    store::record removed(tenant_);
    removed.erase(store::space::data, key);
    db_->commit(std::move(removed), store::commit_class::control);
    EXPECT_EQ(log_->find_break(tenant_)->value(), 3U);
}

TEST_F(OperationLogTest, ChangesOfOneTenantComeOneAfterTheOther)
{
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
    {
        threads.emplace_back(
            [this]
            {
                for (int i = 0; i < 50; ++i)
                {
                    auto c = log_->begin(tenant_, system_actor(), "count");
                    const auto old = db_->find_tenant(tenant_)->find("n");
                    const int n = *old ? std::stoi(**old) : 0;
                    c.data().put(store::space::data, "n", std::to_string(n + 1));
                    c.commit();
                }
            });
    }
    for (auto& t : threads)
    {
        t.join();
    }
    EXPECT_EQ(db_->find_tenant(tenant_)->find("n")->value(), "200");
}

TEST_F(OperationLogTest, ATenantThatIsDroppedMeanwhileFailsTheChange)
{
    const auto code_of = [](const auto& f) -> error_code
    {
        try
        {
            f();
        }
        catch (const boost::system::system_error& e)
        {
            return e.code();
        }
        return {};
    };
    bool published = false;
    auto c = log_->begin(tenant_, system_actor(), "contact.create");
    c.data().put(store::space::data, "c9", "value");
    store::record drop(platform_tenant);
    drop.drop_family(tenant_);
    db_->commit(std::move(drop), store::commit_class::control);
    EXPECT_EQ(code_of([&] { c.commit([&] { published = true; }); }), store::errc::no_tenant);
    EXPECT_FALSE(published);
    {
        const auto gone = std::move(c); // lets the gate go
    }
    EXPECT_EQ(code_of([&] { (void)log_->begin(tenant_, system_actor(), "x"); }),
              store::errc::no_tenant);
    EXPECT_EQ(code_of([&] { log_->note(tenant_, system_actor(), "x", "", ""); }),
              store::errc::no_tenant);
    EXPECT_EQ(code_of([&] { log_->note(platform_tenant, system_actor(), "x", "", ""); }),
              error_code{});
}

} // namespace
} // namespace hikyaku::oplog
