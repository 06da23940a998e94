#include <hikyaku/base/bytes.h>
#include <hikyaku/base/json.h>
#include <hikyaku/feed/delivery_log.h>
#include <hikyaku/feed/rates.h>

#include <gtest/gtest.h>

#include <future>
#include <set>
#include <thread>

#include <rocksdb/env.h>

#include "facts.h"

namespace hikyaku::feed
{
namespace
{

const tenant_id first{7};
const tenant_id second{8};

class DeliveryLogTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open_store();
        store::record r(platform_tenant);
        r.create_family(first);
        r.create_family(second);
        db_->commit(std::move(r), store::commit_class::control);
    }
    void open_store()
    {
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
    }
    std::unique_ptr<delivery_log> make_log(milliseconds interval = milliseconds{20})
    {
        delivery_log_options options;
        options.path = path_;
        options.cursor_interval = interval;
        options.waiting_bytes_max = waiting_max_;
        options.counters = &counters_;
        return std::make_unique<delivery_log>(*db_, options);
    }
    /// Commits a block of `count` facts; tells the log when it is durable, as the sink does.
    void settle(delivery_log* log, tenant_id tenant, std::uint64_t seq, std::uint32_t count)
    {
        queue::fact_block_writer writer;
        for (std::uint32_t i = 0; i < count; ++i)
        {
            writer.add(test::delivered(static_cast<std::uint32_t>(seq) * 1'000 + i));
        }
        auto block = std::make_shared<const std::string>(writer.finish());
        store::record r(tenant);
        r.put(store::space::data, queue::fact_key(seq), *block);
        if (log == nullptr)
        {
            db_->commit(std::move(r), store::commit_class::outcome);
            return;
        }
        db_->submit(std::move(r), store::commit_class::outcome,
                    [=] { log->on_settled(tenant, seq, block); });
    }
    void wait_durable()
    {
        store::record r(first);
        r.put(store::space::data, "z", "barrier");
        db_->commit(std::move(r), store::commit_class::bulk);
    }
    [[nodiscard]] std::vector<std::string> seqs(tenant_id tenant) const
    {
        std::vector<std::string> out;
        for (const auto& line : test::lines_of(path_))
        {
            const auto parsed = parse_json(line);
            EXPECT_TRUE(parsed.has_value()) << line;
            const auto& object = parsed->as_object();
            if (object.at("tenant").as_string() == format_id("tnt", tenant.value))
            {
                out.emplace_back(object.at("seq").as_string());
            }
        }
        return out;
    }
    [[nodiscard]] std::uint64_t cursor_of(tenant_id tenant) const
    {
        const auto row = db_->platform().find(log_cursor_key(tenant));
        EXPECT_TRUE(row.has_value());
        return *row ? get_be<std::uint64_t>(std::string_view(**row).substr(1)) : 0;
    }
    void set_cursor(tenant_id tenant, std::uint64_t seq)
    {
        store::record r(platform_tenant);
        std::string value(1, '\x01');
        put_be(value, seq);
        r.put(store::space::data, log_cursor_key(tenant), value);
        db_->commit(std::move(r), store::commit_class::control);
    }

    test::temporary_directory dir_;
    std::string path_ = dir_ / "delivery.log";
    std::size_t waiting_max_ = 16u << 20;
    rates counters_;
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
};

using strings = std::vector<std::string>;

TEST_F(DeliveryLogTest, WritesBlocksOfATenantInOrder)
{
    const auto log = make_log();
    for (std::uint64_t seq = 1; seq <= 3; ++seq)
    {
        settle(log.get(), first, seq, 2);
        settle(log.get(), second, seq, 1);
    }
    wait_durable();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), (strings{"1.0", "1.1", "2.0", "2.1", "3.0", "3.1"}));
    EXPECT_EQ(seqs(second), (strings{"1.0", "2.0", "3.0"}));
    EXPECT_EQ(cursor_of(first), 3U);
    EXPECT_EQ(cursor_of(second), 3U);
    EXPECT_EQ(log->stats().lines, 9U);
    EXPECT_EQ(log->stats().blocks_read_back, 0U);
    EXPECT_EQ(log->stats().waiting_bytes, 0U);
    EXPECT_EQ(counters_.read(test::noon + seconds{1}).total[1], 9U);
}

TEST_F(DeliveryLogTest, CursorKeyIsGolden)
{
    EXPECT_EQ(log_cursor_key(tenant_id{0x01020304}), std::string("L\x01\x02\x03\x04"));
}

TEST_F(DeliveryLogTest, StaleCursorWritesTheSameSeqAgain)
{
    {
        const auto log = make_log();
        for (std::uint64_t seq = 1; seq <= 4; ++seq)
        {
            settle(log.get(), first, seq, 2);
        }
        wait_durable();
        ASSERT_TRUE(log->flush());
    }
    const auto before = test::lines_of(path_);
    ASSERT_EQ(before.size(), 8U);
    set_cursor(first, 2); // as if the process had died before it saved the cursor
    open_store();
    const auto log = make_log();
    ASSERT_TRUE(log->flush());
    auto expected = before;
    expected.insert(expected.end(), before.begin() + 4, before.end());
    EXPECT_EQ(test::lines_of(path_), expected);
    EXPECT_EQ(cursor_of(first), 4U);
    EXPECT_EQ(log->stats().blocks_read_back, 2U);
    settle(log.get(), first, 5, 1);
    wait_durable();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first).back(), "5.0");
}

TEST_F(DeliveryLogTest, FactsNobodyToldOfAreWrittenAtStart)
{
    settle(nullptr, first, 1, 3);
    settle(nullptr, first, 2, 1);
    const auto log = make_log();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), (strings{"1.0", "1.1", "1.2", "2.0"}));
}

TEST_F(DeliveryLogTest, DestructorWritesWhatWaitsAndSavesTheCursor)
{
    {
        const auto log = make_log(std::chrono::hours{1});
        for (std::uint64_t seq = 1; seq <= 50; ++seq)
        {
            settle(log.get(), first, seq, 1);
        }
        wait_durable();
    }
    EXPECT_EQ(seqs(first).size(), 50U);
    EXPECT_EQ(cursor_of(first), 50U);
}

TEST_F(DeliveryLogTest, BlocksThatDoNotFitAreReadBackInOrder)
{
    waiting_max_ = 1; // nothing fits
    const auto log = make_log();
    strings expected;
    for (std::uint64_t seq = 1; seq <= 200; ++seq)
    {
        settle(log.get(), first, seq, 1);
        expected.push_back(std::to_string(seq) + ".0");
    }
    wait_durable();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), expected);
    EXPECT_EQ(log->stats().blocks_read_back, 200U);
}

TEST_F(DeliveryLogTest, GapsRepeatsAndMissingBytesAreFilledFromTheStore)
{
    const auto log = make_log();
    for (std::uint64_t seq = 1; seq <= 6; ++seq)
    {
        settle(nullptr, first, seq, 1);
    }
    const auto store = db_->find_tenant(first);
    const auto block = store->find(queue::fact_key(3));
    log->on_settled(first, 3, std::make_shared<const std::string>(**block));
    log->on_settled(first, 2, std::make_shared<const std::string>(**block));
    log->on_settled(first, 6, nullptr);
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), (strings{"1.0", "2.0", "3.0", "4.0", "5.0", "6.0"}));
}

TEST_F(DeliveryLogTest, NothingIsReadBackThatIsNotKnownToBeDurable)
{
    const auto log = make_log();
    settle(nullptr, first, 1, 1);
    settle(nullptr, first, 2, 1);
    log->on_settled(first, 1, nullptr);
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), (strings{"1.0"}));
}

TEST_F(DeliveryLogTest, DamagedAndErasedBlocksAreSkippedAndCounted)
{
    settle(nullptr, first, 3, 1); // 1 and 2 were taken by retention
    store::record r(first);
    r.put(store::space::data, queue::fact_key(4), "\x01\x05 not a block");
    db_->commit(std::move(r), store::commit_class::control);
    settle(nullptr, first, 5, 1);
    const auto log = make_log();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), (strings{"3.0", "5.0"}));
    EXPECT_EQ(log->stats().blocks_skipped, 3U);
    EXPECT_EQ(cursor_of(first), 5U);
}

TEST_F(DeliveryLogTest, CursorAheadOfACutStoreIsTakenBackAtOnce)
{
    settle(nullptr, first, 1, 1);
    set_cursor(first, 9);
    const auto log = make_log(std::chrono::hours{1});
    EXPECT_EQ(cursor_of(first), 1U);
    settle(log.get(), first, 2, 1);
    wait_durable();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), (strings{"2.0"}));
}

TEST_F(DeliveryLogTest, DamagedCursorIsRefused)
{
    store::record r(platform_tenant);
    r.put(store::space::data, log_cursor_key(first), "\x02short");
    db_->commit(std::move(r), store::commit_class::control);
    EXPECT_THROW((void)make_log(), std::runtime_error);
}

TEST_F(DeliveryLogTest, UnwritablePathIsRefused)
{
    path_ = dir_ / "missing/delivery.log";
    EXPECT_THROW((void)make_log(), std::runtime_error);
}

TEST_F(DeliveryLogTest, DroppedTenantLosesItsCursor)
{
    const auto log = make_log();
    settle(log.get(), first, 1, 1);
    wait_durable();
    ASSERT_TRUE(log->flush());
    store::record r(platform_tenant);
    r.drop_family(first);
    db_->commit(std::move(r), store::commit_class::control);
    log->on_settled(first, 2, nullptr);
    ASSERT_TRUE(log->flush());
    const auto row = db_->platform().find(log_cursor_key(first));
    ASSERT_TRUE(row.has_value());
    EXPECT_FALSE(row->has_value());
}

TEST_F(DeliveryLogTest, ReopenFollowsLogrotate)
{
    const auto log = make_log();
    settle(log.get(), first, 1, 1);
    wait_durable();
    ASSERT_TRUE(log->flush());
    std::filesystem::rename(path_, path_ + ".1");
    settle(log.get(), first, 2, 1);
    wait_durable();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(test::lines_of(path_ + ".1").size(), 2U); // still the old file
    log->reopen();
    ASSERT_TRUE(log->flush());
    settle(log.get(), first, 3, 1);
    wait_durable();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(test::lines_of(path_ + ".1").size(), 2U);
    EXPECT_EQ(seqs(first), (strings{"3.0"}));
}

TEST_F(DeliveryLogTest, UnfinishedLineOfACrashIsCutOff)
{
    std::ofstream(path_) << "{\"seq\":\"0.0\",\"tenant\":\"x\"}\n{\"seq\":\"1.0\",\"ten";
    settle(nullptr, first, 1, 1);
    const auto log = make_log();
    ASSERT_TRUE(log->flush());
    const auto lines = test::lines_of(path_);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_TRUE(lines[0].starts_with("{\"seq\":\"0.0\""));
    EXPECT_TRUE(parse_json(lines[1]).has_value());
}

TEST_F(DeliveryLogTest, FullDiskLosesNothing)
{
    std::filesystem::create_symlink("/dev/full", path_);
    const auto log = make_log();
    for (std::uint64_t seq = 1; seq <= 3; ++seq)
    {
        settle(log.get(), first, seq, 1);
    }
    wait_durable();
    EXPECT_FALSE(log->flush());
    EXPECT_GE(log->stats().write_failures, 1U);
    EXPECT_EQ(cursor_of(first), 0U);
    std::filesystem::remove(path_);
    settle(log.get(), first, 4, 1);
    wait_durable();
    ASSERT_TRUE(log->flush());
    EXPECT_EQ(seqs(first), (strings{"1.0", "2.0", "3.0", "4.0"}));
    EXPECT_EQ(cursor_of(first), 4U);
}

TEST_F(DeliveryLogTest, TenantsZoneIsUsed)
{
    delivery_log_options options;
    options.path = path_;
    options.offset_minutes = [](tenant_id t) { return t == first ? -330 : 0; };
    delivery_log log(*db_, options);
    settle(&log, first, 1, 1);
    settle(&log, second, 1, 1);
    wait_durable();
    ASSERT_TRUE(log.flush());
    std::set<std::string> times;
    for (const auto& line : test::lines_of(path_))
    {
        times.emplace(parse_json(line)->as_object().at("ts").as_string());
    }
    EXPECT_EQ(times, (std::set<std::string>{"2026-11-23T21:30:00.123-05:30",
                                            "2026-11-24T03:00:00.123+00:00"}));
}

// Many blocks in several threads, a small limit, rotations in between: every line exactly once.
TEST_F(DeliveryLogTest, NothingIsLostOrRepeatedUnderLoad)
{
    waiting_max_ = 2'000;
    const auto log = make_log(milliseconds{1});
    constexpr std::uint64_t blocks = 300;
    auto other = std::async(std::launch::async,
                            [&]
                            {
                                for (std::uint64_t seq = 1; seq <= blocks; ++seq)
                                {
                                    settle(log.get(), second, seq, 3);
                                }
                            });
    strings expected;
    int rotated = 0;
    for (std::uint64_t seq = 1; seq <= blocks; ++seq)
    {
        settle(log.get(), first, seq, 1);
        expected.push_back(std::to_string(seq) + ".0");
        if (seq % 100 == 0)
        {
            std::filesystem::rename(path_, path_ + "." + std::to_string(++rotated));
            log->reopen();
            (void)log->flush();
        }
    }
    other.get();
    wait_durable();
    ASSERT_TRUE(log->flush());
    strings found;
    std::size_t others = 0;
    const auto last = path_;
    for (int i = 1; i <= rotated + 1; ++i)
    {
        path_ = i <= rotated ? last + "." + std::to_string(i) : last;
        const auto part = seqs(first);
        found.insert(found.end(), part.begin(), part.end());
        others += seqs(second).size();
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(others, blocks * 3);
}

} // namespace
} // namespace hikyaku::feed
