#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/keys.h>

#include <gtest/gtest.h>

#include <random>
#include <set>

#include <rocksdb/env.h>

namespace hikyaku::queue
{
namespace
{

const campaign_ref ref{tenant_id{7}, campaign_id{1}};
const wall_time start = from_unix_ms(1'700'000'000'000);

class ActiveQueueTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open_store();
        store::record r(platform_tenant);
        r.create_family(ref.tenant);
        db_->commit(std::move(r), store::commit_class::control);
        life_.state = campaign_state::sending;
        life_.expires_at = start + std::chrono::hours{72};
        queue_->open_campaign(ref, life_, {});
        store::record c(ref.tenant);
        c.put(store::space::queue, campaign_key(row::lifecycle, ref), encode(life_));
        db_->commit(std::move(c), store::commit_class::control);
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
        queue_ = std::make_unique<active_queue>(*db_);
    }
    void restart(bool clean)
    {
        open_store();
        ASSERT_TRUE(queue_->load(clean).has_value());
        lanes_.clear();
    }
    /// `sizes[d]` recipients of domain d + 1, interleaved, in one page.
    void expand(const std::vector<std::size_t>& sizes, bool complete = true)
    {
        std::vector<chunk_entry> page;
        std::size_t longest = 0;
        for (const auto s : sizes)
        {
            longest = std::max(longest, s);
        }
        for (std::size_t i = 0; i < longest; ++i)
        {
            for (std::uint32_t d = 0; d < sizes.size(); ++d)
            {
                if (i < sizes[d])
                {
                    page.push_back({ordinal{next_++}, domain_id{d + 1}});
                }
            }
        }
        expansion_.recipients += page.size();
        expansion_.complete = complete;
        expander e(db_->queue(), ref);
        store::record r(ref.tenant);
        const auto grown = e.add_page(page, expansion_, r);
        ASSERT_TRUE(grown.has_value());
        db_->commit(std::move(r), store::commit_class::bulk);
        queue_->grow(ref, expansion_, *grown);
    }
    std::vector<lease> take_all(wall_time now, std::size_t at_most = 1'000'000)
    {
        for (const auto lane : queue_->take_new_lanes())
        {
            lanes_.push_back(lane);
        }
        std::vector<lease> out;
        for (const auto lane : lanes_)
        {
            while (out.size() < at_most && queue_->has_ready(lane, now) &&
                   queue_->take(lane, std::min<std::size_t>(64, at_most - out.size()), now, out) >
                       0)
            {
            }
        }
        return out;
    }
    void settle(const std::vector<lease>& leases, disposition what, wall_time at,
                wall_time next_try = {})
    {
        std::vector<outcome> outcomes;
        for (const auto& l : leases)
        {
            outcome o;
            o.l = l;
            o.f.what = what;
            o.f.at = at;
            o.f.attempt = l.state.attempts + 1;
            o.f.next_try = next_try;
            o.kept_bytes = what == disposition::unknown ? "bytes" : "";
            outcomes.push_back(std::move(o));
        }
        for (auto& s : queue_->settle(outcomes))
        {
            db_->commit(std::move(s.rows), store::commit_class::outcome);
        }
    }

    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<active_queue> queue_;
    lifecycle life_;
    expansion_state expansion_;
    std::vector<lane_index> lanes_;
    std::uint32_t next_ = 1;
};

TEST_F(ActiveQueueTest, EveryRecipientIsHandedOutOnceAndSettled)
{
    expand({1000, 700, 3, 1});
    expand({100, 0, 5});
    const auto all = take_all(start);
    EXPECT_EQ(all.size(), 1809U);
    std::set<std::uint32_t> seen;
    for (const auto& l : all)
    {
        EXPECT_TRUE(seen.insert(l.who.value).second);
    }
    EXPECT_TRUE(take_all(start).empty());
    settle(all, disposition::delivered, start);
    EXPECT_EQ(queue_->pending(ref), 0U);
    EXPECT_EQ(queue_->counts(ref).of(disposition::delivered), 1809U);
    restart(true);
    EXPECT_TRUE(take_all(start).empty());
    EXPECT_EQ(queue_->pending(ref), 0U);
}

TEST_F(ActiveQueueTest, LeasesGivenBackComeFirstAndAreNotWritten)
{
    expand({200});
    auto some = take_all(start, 10);
    for (const auto& l : some)
    {
        queue_->give_back(l);
    }
    EXPECT_EQ(queue_->in_flight(ref), 0U);
    const auto again = take_all(start);
    EXPECT_EQ(again.size(), 200U);
}

TEST_F(ActiveQueueTest, DeferredComeBackWhenDueAndUnknownKeepTheirBytes)
{
    expand({300});
    auto all = take_all(start);
    const std::vector<lease> first(all.begin(), all.begin() + 100);
    const std::vector<lease> second(all.begin() + 100, all.begin() + 101);
    const std::vector<lease> rest(all.begin() + 101, all.end());
    const auto due = start + std::chrono::minutes{5};
    settle(first, disposition::deferred, start, due);
    settle(second, disposition::unknown, start, due);
    settle(rest, disposition::delivered, start);
    EXPECT_EQ(queue_->counts(ref).deferred_now, 101U);
    EXPECT_EQ(queue_->counts(ref).unknown_now, 1U);
    EXPECT_TRUE(take_all(start).empty());
    const auto kept = kept_bytes_key(ref, second[0].who);
    EXPECT_EQ(db_->find_tenant(ref.tenant)->find(kept)->value(), "bytes");
    restart(false);
    EXPECT_TRUE(take_all(due - milliseconds{1}).empty());
    const auto retries = take_all(due);
    ASSERT_EQ(retries.size(), 101U);
    EXPECT_EQ(retries[0].state.attempts, 1U);
    EXPECT_EQ(retries[0].state.first_try, start);
    settle(retries, disposition::delivered, due);
    EXPECT_EQ(queue_->counts(ref).deferred_now, 0U);
    EXPECT_EQ(queue_->counts(ref).unknown_now, 0U);
    EXPECT_EQ(queue_->pending(ref), 0U);
    EXPECT_FALSE(db_->find_tenant(ref.tenant)->find(kept)->has_value());
}

TEST_F(ActiveQueueTest, HurryMakesRetriesDueAndANewDeferralIsFoundAgain)
{
    expand({600});
    settle(take_all(start), disposition::deferred, start, start + std::chrono::hours{4});
    queue_->hurry(ref);
    auto retries = take_all(start);
    EXPECT_EQ(retries.size(), 600U);
    settle(retries, disposition::deferred, start, start + std::chrono::minutes{1});
    retries = take_all(start + std::chrono::minutes{1});
    EXPECT_EQ(retries.size(), 600U);
}

TEST_F(ActiveQueueTest, PausedAndExpiredCampaignsHandOutNothing)
{
    expand({100});
    life_.state = campaign_state::paused;
    queue_->set_lifecycle(ref, life_);
    EXPECT_TRUE(take_all(start).empty());
    life_.state = campaign_state::sending;
    queue_->set_lifecycle(ref, life_);
    EXPECT_TRUE(take_all(life_.expires_at).empty());
    EXPECT_EQ(take_all(start, 5).size(), 5U);
}

TEST_F(ActiveQueueTest, CloseEndsWhatIsLeftInOneBatchAndKeepsUnknownApart)
{
    expand({300});
    auto some = take_all(start, 30);
    const std::vector<lease> sent(some.begin(), some.begin() + 20);
    const std::vector<lease> lost(some.begin() + 20, some.end());
    settle(sent, disposition::delivered, start);
    settle(lost, disposition::unknown, start, start + std::chrono::hours{1});
    auto s = queue_->close(ref, disposition::cancelled, start);
    const auto facts = decode_facts(*s.facts);
    db_->commit(std::move(s.rows), store::commit_class::outcome);
    EXPECT_EQ(queue_->counts(ref).of(disposition::cancelled), 270U);
    EXPECT_EQ(queue_->counts(ref).of(disposition::unknown), 10U);
    EXPECT_EQ(queue_->counts(ref).settled(), 300U);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->size(), 2U);
    restart(true);
    EXPECT_EQ(queue_->pending(ref), 0U);
    EXPECT_TRUE(take_all(start).empty());
}

TEST_F(ActiveQueueTest, PostponedRecipientsLetOthersPass)
{
    expand({10, 10, 10});
    const auto all = take_all(start);
    ASSERT_EQ(all.size(), 30U);
    auto moved = queue_->postpone(all, start + std::chrono::minutes{1});
    for (auto& s : moved)
    {
        EXPECT_EQ(s.facts, nullptr);
        db_->commit(std::move(s.rows), store::commit_class::outcome);
    }
    EXPECT_EQ(queue_->pending(ref), 30U);
    EXPECT_TRUE(take_all(start).empty());
    const auto back = take_all(start + std::chrono::minutes{1});
    ASSERT_EQ(back.size(), 30U);
    EXPECT_EQ(back[0].state.attempts, 0U);
}

// Random settle, give back, defer and crash: the sum holds at every step, nobody is lost, nobody
// who was settled comes back.
TEST_F(ActiveQueueTest, RandomHistoriesAddUpAcrossCrashes)
{
    std::mt19937 random(11);
    expand({2000, 300, 50, 7, 1});
    std::set<std::uint32_t> finished;
    wall_time now = start;
    for (int step = 0; step < 400; ++step)
    {
        auto leases = take_all(now, 1 + random() % 150);
        std::vector<lease> done;
        std::vector<lease> later;
        for (const auto& l : leases)
        {
            ASSERT_FALSE(finished.contains(l.who.value)) << "handed out after its end";
            switch (random() % 4)
            {
            case 0:
                queue_->give_back(l);
                break;
            case 1:
                later.push_back(l);
                break;
            default:
                done.push_back(l);
                finished.insert(l.who.value);
            }
        }
        settle(later, disposition::deferred, now, now + milliseconds{random() % 5000});
        settle(done, disposition::delivered, now);
        ASSERT_EQ(queue_->in_flight(ref), 0U);
        ASSERT_EQ(queue_->counts(ref).settled(), finished.size());
        ASSERT_EQ(queue_->pending(ref), expansion_.recipients - finished.size());
        now += milliseconds{random() % 2000};
        if (random() % 20 == 0)
        {
            (void)take_all(now, 40); // in flight when it dies
            restart(false);
        }
    }
    now += std::chrono::hours{1};
    const auto rest = take_all(now);
    EXPECT_EQ(rest.size() + finished.size(), expansion_.recipients);
}

} // namespace
} // namespace hikyaku::queue
