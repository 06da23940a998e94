#include <hikyaku/base/bytes.h>
#include <hikyaku/store/database.h>

#include <gtest/gtest.h>

#include <future>

#include <boost/system/system_error.hpp>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

namespace hikyaku::store
{
namespace
{

constexpr tenant_id one{7};
constexpr tenant_id two{8};

/// A wall clock that stands still until it is set.
class still_clock final : public clock
{
public:
    wall_time now = from_unix_ms(1'700'000'000'000);
    wall_time wall() const noexcept override { return now; }
    mono_time mono() const noexcept override { return {}; }
};

class Durability : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        opts_.path = "/data";
        opts_.env = env_.get();
        opts_.time = &clock_;
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
        db_->commit(std::move(r), commit_class::control);
    }
    static record row(tenant_id id, std::string_view key)
    {
        record r(id);
        r.put(space::data, key, "v");
        return r;
    }
    /// What a commit throws; ok when it does not.
    error_code commit(std::vector<record> records)
    {
        try
        {
            db_->commit(std::move(records), commit_class::control);
        }
        catch (const boost::system::system_error& e)
        {
            return e.code();
        }
        return {};
    }
    error_code commit(record r)
    {
        std::vector<record> records;
        records.push_back(std::move(r));
        return commit(std::move(records));
    }
    std::string read_file(const std::string& name)
    {
        std::string text;
        EXPECT_TRUE(rocksdb::ReadFileToString(env_.get(), "/data/" + name, &text).ok());
        return text;
    }
    void write_file(const std::string& name, const std::string& text)
    {
        ASSERT_TRUE(rocksdb::WriteStringToFile(env_.get(), text, "/data/" + name, true).ok());
    }
    /// Overwrites the journal head of a closed store's family.
    void damage_head(const std::string& family)
    {
        db_.reset();
        rocksdb::Options options;
        options.env = env_.get();
        std::vector<std::string> names;
        ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, "/data", &names).ok());
        std::vector<rocksdb::ColumnFamilyDescriptor> families;
        for (const auto& name : names)
        {
            families.emplace_back(name, rocksdb::ColumnFamilyOptions());
        }
        std::vector<rocksdb::ColumnFamilyHandle*> handles;
        rocksdb::DB* raw = nullptr;
        ASSERT_TRUE(rocksdb::DB::Open(options, "/data", families, &handles, &raw).ok());
        const std::unique_ptr<rocksdb::DB> db(raw);
        for (auto* handle : handles)
        {
            if (handle->GetName() == family)
            {
                ASSERT_TRUE(db->Put({}, handle, "J", "garbage").ok());
            }
        }
        for (auto* handle : handles)
        {
            ASSERT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
        }
    }

    std::unique_ptr<rocksdb::Env> env_;
    still_clock clock_;
    options opts_;
    std::unique_ptr<database> db_;
};

TEST_F(Durability, ACommitForADroppedTenantFailsAsAWhole)
{
    make_tenant(one);
    record drop(platform_tenant);
    drop.drop_family(one);
    EXPECT_FALSE(commit(std::move(drop)));
    EXPECT_EQ(db_->require_tenant(one).error(), errc::no_tenant);
    std::vector<record> both;
    both.push_back(row(platform_tenant, "Tx"));
    both.push_back(row(one, "x"));
    EXPECT_EQ(commit(std::move(both)), errc::no_tenant);
    EXPECT_FALSE(db_->platform().find("Tx")->has_value()) << "half of it was written";
    EXPECT_EQ(commit(row(one, "x")), errc::no_tenant);
    EXPECT_EQ(db_->backlog_bytes(), 0U);
}

TEST_F(Durability, WhatIsHandedOverWithADroppedTenantsRowsIsWrittenWithoutThem)
{
    make_tenant(one);
    make_tenant(two);
    record drop(platform_tenant);
    drop.drop_family(one);
    EXPECT_FALSE(commit(std::move(drop)));
    std::vector<record> both;
    both.push_back(row(one, "x"));
    both.push_back(row(two, "x"));
    std::promise<void> done;
    db_->submit(std::move(both), commit_class::outcome, [&done] { done.set_value(); });
    done.get_future().wait();
    EXPECT_TRUE(db_->find_tenant(two)->find("x")->has_value());
}

TEST_F(Durability, ADamagedHeadStopsItsTenantAndNobodyElse)
{
    make_tenant(one);
    make_tenant(two);
    EXPECT_FALSE(commit(row(one, "x")));
    damage_head("t00000007");
    for (int i = 0; i < 2; ++i)
    {
        reopen();
        EXPECT_EQ(db_->find_tenant(one), nullptr);
        EXPECT_EQ(db_->require_tenant(one).error(), errc::tenant_damaged);
        EXPECT_EQ(commit(row(one, "y")), errc::tenant_damaged);
        EXPECT_THROW(db_->submit(row(one, "y"), commit_class::outcome, {}),
                     boost::system::system_error);
        std::vector<record> both;
        both.push_back(row(two, "half"));
        both.push_back(row(one, "y"));
        EXPECT_EQ(commit(std::move(both)), errc::tenant_damaged);
        EXPECT_FALSE(db_->find_tenant(two)->find("half")->has_value());
        EXPECT_FALSE(commit(row(two, "x" + std::to_string(i))));
        EXPECT_EQ(db_->backlog_bytes(), 0U);
        std::string named;
        for (const auto& text : db_->damaged_tables())
        {
            named += text + "\n";
        }
        EXPECT_NE(named.find("tenant 7"), std::string::npos) << named;
    }
    EXPECT_EQ(db_->head(two).seq, 2U);
}

TEST_F(Durability, ADamagedHeadOfThePlatformIsNoStart)
{
    make_tenant(one);
    damage_head("platform");
    const auto opened = database::open(opts_);
    ASSERT_TRUE(opened.has_error());
    EXPECT_EQ(opened.error(), errc::open_failed);
}

TEST_F(Durability, TheWatermarkIsSealedAndAFlippedBitOfItHoldsDelivery)
{
    make_tenant(one);
    db_.reset();
    const std::string good = read_file("acked.seq");
    ASSERT_TRUE(good.starts_with("acked 2 ")) << good;
    ASSERT_EQ(good.back(), '\n');
    for (std::size_t bit = 0; bit < good.size() * 8; bit += 7)
    {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        write_file("acked.seq", bad);
        reopen();
        ASSERT_TRUE(db_->missing().has_value()) << "bit " << bit;
        EXPECT_EQ(db_->missing()->acknowledged, 0U) << "nobody knows what it was";
        EXPECT_GT(db_->missing()->found, 0U);
        db_.reset();
    }
    reopen();
    ASSERT_TRUE(db_->missing().has_value()) << "a restart is no acceptance";
    db_->accept_missing();
    reopen();
    EXPECT_FALSE(db_->missing().has_value());
}

TEST_F(Durability, AWatermarkOfTheFirstLayoutIsRead)
{
    make_tenant(one);
    db_.reset();
    write_file("acked.seq", "2\n");
    reopen();
    EXPECT_FALSE(db_->missing().has_value());
    make_tenant(two);
    db_.reset();
    EXPECT_TRUE(read_file("acked.seq").starts_with("acked 2 ")) << "it is replaced";
    write_file("acked.seq", "999\n");
    reopen();
    ASSERT_TRUE(db_->missing().has_value());
    EXPECT_EQ(db_->missing()->acknowledged, 999U);
}

TEST_F(Durability, AGapStaysOpenOverCommitsAndStartsUntilItIsAccepted)
{
    make_tenant(one);
    db_.reset();
    write_file("acked.seq", "40\n");
    reopen();
    ASSERT_TRUE(db_->missing().has_value());
    const auto found = db_->missing()->found;
    EXPECT_EQ(db_->missing()->acknowledged, 40U);
    EXPECT_LT(found, 40U);
    for (int i = 0; i < 60; ++i) // far past the gap
    {
        EXPECT_FALSE(commit(row(one, "k" + std::to_string(i))));
    }
    for (int i = 0; i < 3; ++i)
    {
        reopen();
        ASSERT_TRUE(db_->missing().has_value()) << "later commits must not hide it";
        EXPECT_EQ(db_->missing()->acknowledged, 40U);
        EXPECT_EQ(db_->missing()->found, found);
    }
    ASSERT_TRUE(read_file("acked.gap").starts_with("gap 2 40 "));
    db_->accept_missing();
    EXPECT_FALSE(db_->missing().has_value());
    EXPECT_TRUE(env_->FileExists("/data/acked.gap").IsNotFound());
    reopen();
    EXPECT_FALSE(db_->missing().has_value());
}

TEST_F(Durability, ADamagedGapIsAGapOfUnknownExtent)
{
    make_tenant(one);
    db_.reset();
    write_file("acked.seq", "40\n");
    reopen();
    db_.reset();
    const std::string good = read_file("acked.gap");
    for (std::size_t bit = 0; bit < good.size() * 8; bit += 13)
    {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        write_file("acked.gap", bad);
        reopen();
        ASSERT_TRUE(db_->missing().has_value()) << "bit " << bit;
        EXPECT_EQ(db_->missing()->acknowledged, 0U) << "bit " << bit;
        db_.reset();
    }
    write_file("acked.gap", "");
    reopen();
    ASSERT_TRUE(db_->missing().has_value());
    db_->accept_missing();
    reopen();
    EXPECT_FALSE(db_->missing().has_value());
}

TEST_F(Durability, TimeMarksPrecedeRecordsAndAreAtMostASecondApart)
{
    const auto mark = [this]
    {
        const auto row = db_->platform().find("W");
        return row->has_value()
                   ? from_unix_ms(static_cast<std::int64_t>(get_be<std::uint64_t>(**row)))
                   : wall_time{};
    };
    EXPECT_EQ(mark(), wall_time{}) << "nothing was committed yet";
    make_tenant(one);
    const auto first = clock_.now;
    EXPECT_EQ(mark(), first);
    EXPECT_EQ(db_->head(platform_tenant).seq, 2U) << "the mark and the tenant";
    clock_.now += milliseconds{999};
    EXPECT_FALSE(commit(row(one, "a")));
    EXPECT_EQ(mark(), first);
    clock_.now += milliseconds{1};
    const auto groups = db_->stats().groups;
    EXPECT_FALSE(commit(row(one, "b")));
    EXPECT_EQ(mark(), clock_.now);
    EXPECT_EQ(db_->stats().groups, groups + 1) << "it costs no commit of its own";
    EXPECT_EQ(db_->head(platform_tenant).seq, 3U);
    clock_.now += std::chrono::hours{1};
    EXPECT_FALSE(commit(std::vector<record>{}));
    EXPECT_EQ(db_->stats().groups, groups + 2);
    EXPECT_EQ(db_->head(platform_tenant).seq, 3U) << "an idle store writes none";
    const auto last = mark();
    reopen();
    EXPECT_EQ(db_->last_time_mark(), last);
    EXPECT_EQ(mark(), last);
    clock_.now = last - std::chrono::hours{5}; // the clock was set back: said at once
    EXPECT_FALSE(commit(row(one, "c")));
    EXPECT_EQ(mark(), clock_.now);
}

TEST_F(Durability, AWorldByHandHasNoMarksWithoutItsClock)
{
    opts_.by_hand = true;
    opts_.time = nullptr;
    reopen();
    make_tenant(one);
    EXPECT_FALSE(db_->platform().find("W")->has_value());
    opts_.time = &clock_;
    reopen();
    EXPECT_FALSE(commit(row(one, "a")));
    EXPECT_TRUE(db_->platform().find("W")->has_value());
}

} // namespace
} // namespace hikyaku::store
