#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/keys.h>

#include <gtest/gtest.h>

#include <set>

#include <rocksdb/env.h>

namespace hikyaku::queue
{
namespace
{

const campaign_ref ref{tenant_id{7}, campaign_id{1}};
const wall_time start = from_unix_ms(1'700'000'000'000);
constexpr std::uint64_t margin = 10;

/// One lane of a campaign whose queue may run ten recipients ahead of its durable row.
class RepeatMargin : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open_store();
        store::record r(platform_tenant);
        r.create_family(ref.tenant);
        db_->commit(std::move(r), store::commit_class::control);
        lifecycle life;
        life.state = campaign_state::sending;
        life.expires_at = start + std::chrono::hours{72};
        expansion_state e;
        e.recipients = 200;
        e.complete = true;
        std::vector<chunk_entry> page;
        for (std::uint32_t i = 0; i < e.recipients; ++i)
        {
            page.push_back({ordinal{i}, domain_id{1}});
        }
        expander x(db_->queue(), ref);
        store::record rows(ref.tenant);
        rows.put(store::space::queue, campaign_key(row::lifecycle, ref), encode(life));
        const auto grown = x.add_page(page, e, rows);
        db_->commit(std::move(rows), store::commit_class::bulk);
        queue_->open_campaign(ref, life, e);
        queue_->grow(ref, e, *grown);
        lane_ = queue_->take_new_lanes().at(0);
    }
    void open_store()
    {
        queue_.reset();
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        queue_ = std::make_unique<active_queue>(*db_, margin);
    }
    void restart(bool clean)
    {
        open_store();
        ASSERT_TRUE(queue_->load(clean).has_value());
        lane_ = queue_->take_new_lanes().at(0);
    }
    std::vector<lease> take(std::size_t count)
    {
        std::vector<lease> out;
        (void)queue_->take(lane_, count, start, out);
        return out;
    }
    std::vector<settlement> settle(std::vector<lease> leases)
    {
        std::vector<outcome> outcomes;
        for (const auto& l : leases)
        {
            outcome o;
            o.l = l;
            o.f.what = disposition::delivered;
            o.f.at = start;
            o.f.attempt = 1;
            outcomes.push_back(std::move(o));
        }
        return queue_->settle(outcomes);
    }
    void commit(std::vector<settlement> settlements)
    {
        for (auto& s : settlements)
        {
            db_->commit(std::move(s.rows), store::commit_class::outcome);
        }
    }

    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<active_queue> queue_;
    lane_index lane_ = 0;
};

TEST_F(RepeatMargin, ALaneRunsNoFurtherAheadOfItsDurableRow)
{
    const auto first = take(100);
    EXPECT_EQ(first.size(), margin);
    EXPECT_TRUE(take(1).empty());
    EXPECT_FALSE(queue_->has_ready(lane_, start)) << "nothing was written that could help";
    EXPECT_GT(queue_->next_wake(lane_, start), start) << "it is looked at again";
    auto folded = settle({first[0], first[1]});
    EXPECT_TRUE(take(1).empty()) << "what is folded is not durable";
    EXPECT_TRUE(queue_->has_ready(lane_, start)) << "it may have become so";
    commit(std::move(folded));
    EXPECT_EQ(take(100).size(), margin) << "the row that is durable covers all ten";
    queue_->give_back(first[2]);
    EXPECT_EQ(take(100).size(), 1U) << "what was handed out before counts once";
}

TEST_F(RepeatMargin, AfterACrashAllThatWereInFlightAreMarkedAndNoMoreThanTheMargin)
{
    commit(settle(take(4))); // durable: four leased, four settled
    const auto lost = take(100);
    EXPECT_EQ(lost.size(), margin);
    (void)settle(lost); // delivered, and never durable
    restart(false);
    std::set<std::uint32_t> marked;
    std::uint64_t unmarked = 0;
    for (int round = 0; round < 60; ++round)
    {
        const auto leases = take(7);
        for (const auto& l : leases)
        {
            if (l.maybe_repeat)
            {
                marked.insert(l.who.value);
            }
            else
            {
                ++unmarked;
            }
        }
        commit(settle(leases));
    }
    for (const auto& l : lost)
    {
        EXPECT_TRUE(marked.contains(l.who.value)) << l.who.value;
    }
    EXPECT_EQ(marked.size(), margin);
    EXPECT_EQ(unmarked, 200 - 4 - margin);
}

TEST_F(RepeatMargin, AfterACleanStopNobodyIsMarked)
{
    commit(settle(take(4)));
    restart(true);
    for (const auto& l : take(margin))
    {
        EXPECT_FALSE(l.maybe_repeat);
    }
}

TEST_F(RepeatMargin, RetriesThatWereDueBeforeTheCrashAreMarkedThoughTheClockWentBack)
{
    const auto leases = take(3);
    commit(queue_->postpone(leases, start + std::chrono::hours{1}));
    restart(false);
    std::vector<lease> out;
    // The store's marks carry the machine's time, which is later than these retries.
    (void)queue_->take(lane_, 100, start + std::chrono::hours{2}, out);
    const auto retries =
        std::count_if(out.begin(), out.end(), [](const lease& l) { return l.is_retry(); });
    EXPECT_EQ(retries, 3);
    for (const auto& l : out)
    {
        EXPECT_TRUE(l.maybe_repeat || !l.is_retry());
    }
}

TEST_F(RepeatMargin, WhatIsRememberedOfSettledRetriesIsDroppedWhenTheirRowsAreGone)
{
    // Retries in many rounds with a backlog that never empties would pile up otherwise; here the
    // rows go, one round after the other, and each is handed out once.
    std::set<std::uint32_t> seen;
    for (int round = 0; round < 20; ++round)
    {
        const auto leases = take(margin);
        ASSERT_EQ(leases.size(), margin);
        commit(queue_->postpone(leases, start + std::chrono::minutes{1}));
        std::vector<lease> due;
        (void)queue_->take(lane_, margin, start + std::chrono::minutes{2}, due);
        for (const auto& l : due)
        {
            EXPECT_TRUE(l.is_retry());
            EXPECT_TRUE(seen.insert(l.who.value).second) << "handed out twice";
        }
        commit(settle(due));
    }
    EXPECT_EQ(seen.size(), 200U);
    EXPECT_EQ(queue_->pending(ref), 0U);
}

} // namespace
} // namespace hikyaku::queue
