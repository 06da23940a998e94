#include <hikyaku/store/database.h>
#include <hikyaku/store/disk_guard.h>

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <boost/system/system_error.hpp>
#include <rocksdb/env.h>

namespace hikyaku::store
{
namespace
{

class DatabaseTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        opts_.path = "/data";
        opts_.env = env_.get();
        reopen();
    }
    void reopen()
    {
        db_.reset();
        auto opened = database::open(opts_);
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        db_ = std::move(*opened);
    }
    void make_tenant(tenant_id id)
    {
        record r(platform_tenant);
        r.create_family(id);
        r.put(space::data, "T" + std::to_string(id.value), "tenant");
        db_->commit(std::move(r), commit_class::control);
    }

    std::unique_ptr<rocksdb::Env> env_;
    options opts_;
    std::unique_ptr<database> db_;
};

TEST_F(DatabaseTest, CommittedDataAndTheChainSurviveAReopen)
{
    make_tenant(tenant_id{7});
    record r(tenant_id{7});
    r.put(space::data, "c1", "one");
    r.put(space::data, "c2", "two");
    r.put(space::queue, std::string("C\0\0\0\7x", 6), "q");
    db_->commit(std::move(r), commit_class::control);
    const auto head = db_->head(tenant_id{7});
    EXPECT_EQ(head.seq, 1U);
    reopen();
    EXPECT_EQ(db_->head(tenant_id{7}).hash, head.hash);
    EXPECT_EQ(db_->head(tenant_id{7}).seq, 1U);
    const auto store = db_->find_tenant(tenant_id{7});
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->find("c2")->value(), "two");
    EXPECT_FALSE(store->find("c3")->has_value());
    EXPECT_EQ(db_->queue().find(std::string_view("C\0\0\0\7x", 6))->value(), "q");
}

TEST_F(DatabaseTest, RecordsOfOneSubmissionKeepTheirOrderAroundRangeDeletes)
{
    make_tenant(tenant_id{7});
    record r(tenant_id{7});
    r.put(space::data, "a1", "gone");
    r.erase_range(space::data, "a", "b");
    r.put(space::data, "a2", "stays");
    r.put(space::data, "a3", "first");
    r.put(space::data, "a3", "last");
    db_->commit(std::move(r), commit_class::control);
    const auto store = db_->find_tenant(tenant_id{7});
    EXPECT_FALSE(store->find("a1")->has_value());
    EXPECT_EQ(store->find("a2")->value(), "stays");
    EXPECT_EQ(store->find("a3")->value(), "last");
}

TEST_F(DatabaseTest, ManyThreadsAreGroupedAndNumberedWithoutGaps)
{
    make_tenant(tenant_id{7});
    constexpr int threads = 8;
    constexpr int each = 200;
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; ++t)
    {
        pool.emplace_back(
            [this, t]
            {
                for (int i = 0; i < each; ++i)
                {
                    record r(tenant_id{7});
                    r.put(space::data, "k" + std::to_string(t * each + i), "v");
                    db_->commit(std::move(r), commit_class::control);
                }
            });
    }
    for (auto& t : pool)
    {
        t.join();
    }
    EXPECT_EQ(db_->head(tenant_id{7}).seq, static_cast<std::uint64_t>(threads * each));
    EXPECT_LE(db_->stats().groups, db_->stats().records);
    auto it = db_->find_tenant(tenant_id{7})->scan_prefix("k");
    int found = 0;
    for (; it.valid(); it.next())
    {
        ++found;
    }
    EXPECT_EQ(found, threads * each);
}

TEST_F(DatabaseTest, ADroppedTenantIsGone)
{
    make_tenant(tenant_id{7});
    record r(platform_tenant);
    r.drop_family(tenant_id{7});
    db_->commit(std::move(r), commit_class::control);
    EXPECT_EQ(db_->find_tenant(tenant_id{7}), nullptr);
    record late(tenant_id{7});
    late.put(space::data, "x", "y");
    EXPECT_THROW(db_->commit(std::move(late), commit_class::control), boost::system::system_error);
    reopen();
    EXPECT_EQ(db_->find_tenant(tenant_id{7}), nullptr);
    EXPECT_FALSE(db_->missing().has_value());
}

TEST_F(DatabaseTest, DroppingATenantWhoseRowsCameLastDoesNotLookLikeALoss)
{
    make_tenant(tenant_id{7});
    store::record rows(tenant_id{7});
    rows.put(space::data, "x", "y");
    db_->commit(std::move(rows), commit_class::control);
    record r(platform_tenant);
    r.drop_family(tenant_id{7});
    db_->commit(std::move(r), commit_class::control);
    reopen();
    EXPECT_FALSE(db_->missing().has_value());
}

TEST_F(DatabaseTest, ScansAreBoundedAndFindTheLastKey)
{
    make_tenant(tenant_id{7});
    record r(tenant_id{7});
    for (const char* key : {"a", "b1", "b2", "b\xff", "c"})
    {
        r.put(space::data, key, key);
    }
    db_->commit(std::move(r), commit_class::control);
    const auto store = db_->find_tenant(tenant_id{7});
    std::string seen;
    for (auto it = store->scan_prefix("b"); it.valid(); it.next())
    {
        seen += it.value();
    }
    EXPECT_EQ(seen, "b1b2b\xff");
    EXPECT_EQ(store->last_key("b")->value(), "b\xff");
    EXPECT_FALSE(store->last_key("z")->has_value());
    std::vector<std::optional<std::string>> out;
    const std::string keys[] = {"a", "b3", "c"};
    ASSERT_TRUE(store->find_many(keys, out).has_value());
    EXPECT_TRUE(out[0] && !out[1] && out[2]);
}

TEST_F(DatabaseTest, AMissingTailIsNoticedAndCanBeAccepted)
{
    make_tenant(tenant_id{7});
    db_.reset();
    ASSERT_TRUE(rocksdb::WriteStringToFile(env_.get(), "999999\n", "/data/acked.seq", true).ok());
    reopen();
    ASSERT_TRUE(db_->missing().has_value());
    EXPECT_EQ(db_->missing()->acknowledged, 999999U);
    db_->accept_missing();
    reopen();
    EXPECT_FALSE(db_->missing().has_value());
}

TEST_F(DatabaseTest, AnotherVersionIsRefused)
{
    db_.reset();
    ASSERT_TRUE(rocksdb::WriteStringToFile(env_.get(), "hikyaku data directory, format 99\n",
                                           "/data/VERSION", true)
                    .ok());
    const auto opened = database::open(opts_);
    ASSERT_TRUE(opened.has_error());
    EXPECT_EQ(opened.error(), errc::other_version);
}

TEST(DatabaseOnDisk, ASecondProcessIsToldThatItIsLocked)
{
    const auto dir = std::filesystem::path(testing::TempDir()) / "hk_locked";
    std::filesystem::remove_all(dir);
    options opts;
    opts.path = dir;
    auto first = database::open(opts);
    ASSERT_TRUE(first.has_value());
    const auto second = database::open(opts);
    ASSERT_TRUE(second.has_error());
    EXPECT_EQ(second.error(), errc::locked);
    first->reset();
    std::filesystem::remove_all(dir);
}

TEST(DiskGuard, TurnsLowWithAMarginAndGivesUpItsBallast)
{
    const auto dir = std::filesystem::path(testing::TempDir()) / "hk_ballast";
    std::filesystem::create_directories(dir);
    std::uint64_t free = 1000;
    disk_guard guard(dir, 100, 50, [&free](const std::string&) { return free; });
    EXPECT_TRUE(std::filesystem::exists(dir / "ballast"));
    EXPECT_FALSE(guard.low());
    free = 99;
    guard.poll();
    EXPECT_TRUE(guard.low());
    EXPECT_TRUE(std::filesystem::exists(dir / "ballast"));
    free = 20;
    guard.poll();
    EXPECT_FALSE(std::filesystem::exists(dir / "ballast"));
    free = 110;
    guard.poll();
    EXPECT_TRUE(guard.low());
    free = 126;
    guard.poll();
    EXPECT_FALSE(guard.low());
    std::filesystem::remove_all(dir);
}

TEST(Record, WalksWhatWasWrittenAndStopsAtDamage)
{
    record r(tenant_id{3});
    r.put(space::data, "k", "v");
    r.erase(space::data, "k");
    operation op;
    operation_reader in(r.bytes());
    ASSERT_TRUE(in.next(op));
    EXPECT_EQ(op.kind, operation_kind::put);
    EXPECT_EQ(op.value, "v");
    ASSERT_TRUE(in.next(op));
    EXPECT_FALSE(in.next(op));
    EXPECT_TRUE(in.ok());
    operation_reader cut(r.bytes().substr(0, r.bytes().size() - 1));
    while (cut.next(op))
    {
    }
    EXPECT_FALSE(cut.ok());
    EXPECT_EQ(prefix_end(std::string_view("a\xff\xff", 3)), "b");
}

} // namespace
} // namespace hikyaku::store
