#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include <rocksdb/env.h>

#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/find_recipient.h>
#include <hikyaku/queue/keys.h>

namespace hikyaku::queue
{
namespace
{

const campaign_ref ref{tenant_id{7}, campaign_id{9}};
const wall_time noon = from_unix_ms(1'800'000'000'000);

/// A campaign whose recipients have ranks.
class RankTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open();
        store::record r(platform_tenant);
        r.create_family(ref.tenant);
        life_.state = campaign_state::expanding;
        life_.expires_at = noon + std::chrono::hours{72};
        db_->commit(std::move(r), store::commit_class::control);
        store::record c(ref.tenant);
        c.put(store::space::queue, campaign_key(row::lifecycle, ref), encode(life_));
        db_->commit(std::move(c), store::commit_class::control);
        queue_->open_campaign(ref, life_, expansion_);
    }
    void open()
    {
        queue_.reset();
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        queue_ = std::make_unique<active_queue>(*db_);
    }
    void restart(bool clean)
    {
        open();
        ASSERT_TRUE(queue_->load(clean).has_value());
        lanes_.clear();
    }
    /// `count` recipients of a domain, the first of rank 5, the next of rank 4, …, 0, 5, …
    void expand(domain_id domain, std::size_t count, bool complete)
    {
        std::vector<chunk_entry> page;
        std::vector<std::uint8_t> ranks;
        for (std::size_t i = 0; i < count; ++i)
        {
            const auto rank = static_cast<std::uint8_t>(5 - i % 6);
            rank_of_[next_] = rank;
            ranks.push_back(rank);
            page.push_back({ordinal{next_++}, domain});
        }
        expansion_.recipients += page.size();
        expansion_.complete = complete;
        expander e(db_->queue(), ref);
        store::record r(ref.tenant);
        const auto grown = e.add_page(page, expansion_, r, ranks);
        ASSERT_TRUE(grown.has_value());
        db_->commit(std::move(r), store::commit_class::bulk);
        queue_->grow(ref, expansion_, *grown);
    }
    std::vector<lease> take_all(wall_time now)
    {
        for (const auto lane : queue_->take_new_lanes())
        {
            lanes_.push_back(lane);
        }
        std::vector<lease> out;
        for (const auto lane : lanes_)
        {
            while (queue_->has_ready(lane, now) && queue_->take(lane, 64, now, out) > 0)
            {
            }
        }
        return out;
    }
    void commit(std::vector<settlement> settlements)
    {
        for (auto& s : settlements)
        {
            db_->commit(std::move(s.rows), store::commit_class::outcome);
        }
    }
    void settle(const std::vector<lease>& leases, disposition what, wall_time next_try = {})
    {
        std::vector<outcome> outcomes;
        for (const auto& l : leases)
        {
            outcome o;
            o.l = l;
            o.f.what = what;
            o.f.at = noon;
            o.f.attempt = l.state.attempts + 1;
            o.f.next_try = next_try;
            outcomes.push_back(std::move(o));
        }
        commit(queue_->settle(outcomes));
    }
    void expect_own_ranks(const std::vector<lease>& leases)
    {
        for (const auto& l : leases)
        {
            EXPECT_EQ(l.rank, rank_of_.at(l.who.value)) << l.who.value;
        }
    }

    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<active_queue> queue_;
    lifecycle life_;
    expansion_state expansion_;
    std::uint32_t next_ = 1;
    std::map<std::uint32_t, std::uint8_t> rank_of_;
    std::vector<lane_index> lanes_;
};

TEST_F(RankTest, TheBestRanksComeFirstAndOthersWaitForTheEndOfTheExpansion)
{
    expand(domain_id{1}, 120, false);
    const auto first = take_all(noon);
    EXPECT_EQ(first.size(), 20U);
    expect_own_ranks(first);
    expand(domain_id{2}, 30, true); // of a tail lane
    const auto rest = take_all(noon);
    EXPECT_EQ(rest.size(), 130U);
    expect_own_ranks(rest);
    std::set<std::uint32_t> seen;
    for (const auto* part : {&first, &rest})
    {
        for (const auto& l : *part)
        {
            EXPECT_TRUE(seen.insert(l.who.value).second);
        }
    }
    EXPECT_EQ(seen.size(), 150U);
    EXPECT_EQ(queue_->in_flight(ref), 150U);
}

TEST_F(RankTest, RetriesAreOneListAndKeepTheirRanks)
{
    expand(domain_id{1}, 90, true);
    const auto leases = take_all(noon);
    ASSERT_EQ(leases.size(), 90U);
    const std::vector<lease> delivered(leases.begin(), leases.begin() + 30);
    const std::vector<lease> deferred(leases.begin() + 30, leases.begin() + 60);
    const std::vector<lease> aside(leases.begin() + 60, leases.end());
    settle(delivered, disposition::delivered);
    settle(deferred, disposition::deferred, noon + std::chrono::minutes{5});
    commit(queue_->postpone(aside, noon + std::chrono::hours{1}));
    for (const auto& l : leases)
    {
        EXPECT_EQ(queue_->rank_of(queue_->retries_of(l.lane)), 0U);
    }
    for (const bool with_restart : {false, true})
    {
        if (with_restart)
        {
            restart(false);
        }
        EXPECT_EQ(queue_->pending(ref), 60U);
        EXPECT_TRUE(take_all(noon).empty());
        const auto again = take_all(noon + std::chrono::minutes{5});
        EXPECT_EQ(again.size(), 30U);
        expect_own_ranks(again);
        const auto late = take_all(noon + std::chrono::hours{1} + seconds{1});
        EXPECT_EQ(late.size(), 30U);
        expect_own_ranks(late);
        EXPECT_TRUE(std::is_sorted(late.begin(), late.end(),
                                   [](const lease& a, const lease& b) { return a.rank < b.rank; }));
        for (const auto* part : {&again, &late})
        {
            for (const auto& l : *part)
            {
                queue_->give_back(l);
            }
        }
        if (with_restart)
        {
            const auto last = take_all(noon + std::chrono::hours{2});
            EXPECT_EQ(last.size(), 60U);
            settle(last, disposition::delivered);
        }
        else
        {
            queue_.reset();
        }
    }
    EXPECT_EQ(queue_->pending(ref), 0U);
    EXPECT_EQ(queue_->counts(ref).of(disposition::delivered), 90U);
    restart(true);
    EXPECT_TRUE(take_all(noon + std::chrono::hours{3}).empty());
}

TEST_F(RankTest, ACrashLosesNobodyAndRepeatsOnlyWhatWasInFlight)
{
    expand(domain_id{1}, 600, true);
    const auto leases = take_all(noon);
    ASSERT_EQ(leases.size(), 600U);
    std::vector<lease> some;
    for (std::size_t i = 0; i < leases.size(); i += 2)
    {
        some.push_back(leases[i]);
    }
    settle(some, disposition::delivered);
    restart(false);
    const auto again = take_all(noon);
    EXPECT_EQ(again.size(), 300U);
    expect_own_ranks(again);
    EXPECT_TRUE(
        std::all_of(again.begin(), again.end(), [](const lease& l) { return l.maybe_repeat; }));
    settle(again, disposition::delivered);
    EXPECT_EQ(queue_->pending(ref), 0U);
}

TEST_F(RankTest, ARecipientIsFoundWhateverItsRank)
{
    expand(domain_id{1}, 90, true);
    expand(domain_id{2}, 12, true);
    const auto leases = take_all(noon);
    ASSERT_EQ(leases.size(), 102U);
    settle({leases[0]}, disposition::delivered);
    settle({leases[50]}, disposition::deferred, noon + std::chrono::minutes{5});
    for (std::uint32_t who = 1; who <= 102; ++who)
    {
        const auto found =
            find_recipient(db_->queue(), ref, domain_id{who <= 90 ? 1U : 2U}, ordinal{who});
        ASSERT_TRUE(found.has_value());
        ASSERT_TRUE(found->has_value()) << who;
        EXPECT_EQ((*found)->settled, leases[0].who.value == who);
        EXPECT_EQ((*found)->due != wall_time{}, leases[50].who.value == who);
    }
    EXPECT_FALSE(find_recipient(db_->queue(), ref, domain_id{1}, ordinal{95})->has_value());
}

} // namespace
} // namespace hikyaku::queue
