#include <hikyaku/base/bytes.h>
#include <hikyaku/jobs/jobs.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <rocksdb/env.h>

namespace hikyaku::jobs
{
namespace
{

constexpr auto patience = std::chrono::seconds{20};

/// Waits for a predicate; false when it stays false too long.
template <class F> bool wait_for(F done)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done())
    {
        if (std::chrono::steady_clock::now() > deadline)
        {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

class JobsTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        log_ = std::make_unique<oplog::operation_log>(*db_, system_clock());
        for (const tenant_id t : {tenant_, other_})
        {
            auto c = log_->begin_new(t, oplog::system_actor(), "tenant.create");
            c.commit();
        }
    }
    std::unique_ptr<jobs> make(jobs_options options = {})
    {
        options.dir = "/nowhere";
        return std::make_unique<jobs>(*db_, *log_, system_clock(), options);
    }
    /// Counts to parameters.total, one commit a step: the row "x<n>" is its work.
    outcome count(context& c)
    {
        const auto total =
            static_cast<std::uint64_t>(c.current().parameters.at("total").as_int64());
        std::uint64_t n = c.current().last.at.done;
        while (n < total)
        {
            if (c.should_stop())
            {
                return {verdict::stopped, "", {}};
            }
            auto change = log_->begin(c.tenant(), c.current().who, "count");
            const std::string key = "x" + std::to_string(n);
            repeated_ += db_->find_tenant(c.tenant())->find(key)->has_value() ? 1 : 0;
            change.data().put(store::space::data, key, "");
            ++n;
            c.save({{n, total}, {{"counted", n}}, "at " + std::to_string(n)}, change.data());
            change.commit();
            steps_ = n;
        }
        return {};
    }
    void add_count(jobs& j)
    {
        j.register_kind("count", [this](context& c) { return count(c); });
    }

    const tenant_id tenant_{9};
    const tenant_id other_{10};
    const oplog::actor who_{"key one", "admins", "192.0.2.1", "req_1"};
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<oplog::operation_log> log_;
    std::atomic<std::uint64_t> steps_{0};
    std::atomic<int> repeated_{0};
};

TEST_F(JobsTest, RunsToItsEndAndKeepsItsCounts)
{
    const auto j = make();
    add_count(*j);
    j->run();
    bool saw = false;
    const auto started = j->start(tenant_, who_, "count", {{"total", 3}},
                                  [&saw](const job& fresh, store::record& data)
                                  {
                                      saw = fresh.state == job_state::queued;
                                      data.put(store::space::data, "together", fresh.public_id());
                                  });
    ASSERT_TRUE(started.has_value());
    const std::string id = started->public_id();
    ASSERT_TRUE(wait_for([&] { return is_final(j->find(tenant_, id)->state); }));
    const auto done = j->find(tenant_, id);
    EXPECT_TRUE(saw);
    EXPECT_EQ(done->state, job_state::done);
    EXPECT_EQ(done->last.at, (progress{3, 3}));
    EXPECT_EQ(done->last.counts.at("counted").to_number<int>(), 3);
    EXPECT_EQ(done->who.name, "key one");
    EXPECT_TRUE(done->finished.has_value());
    EXPECT_EQ(db_->find_tenant(tenant_)->find("together")->value(), id);
    EXPECT_EQ(log_->list(tenant_, {}, 0, 1)->front().operation, "job.finish");
}

TEST_F(JobsTest, AnotherTenantNeverFindsIt)
{
    const auto j = make();
    add_count(*j);
    const std::string id = j->start(tenant_, who_, "count", {{"total", 1}})->public_id();
    EXPECT_EQ(j->find(other_, id).error().code, job_error::kind::not_found);
    EXPECT_EQ(j->cancel(other_, who_, id).error().code, job_error::kind::not_found);
    EXPECT_EQ(j->find(tenant_, "job_1").error().code, job_error::kind::not_found);
    EXPECT_EQ(j->find(tenant_id{77}, id).error().code, job_error::kind::not_found);
    EXPECT_TRUE(j->list(other_, 0, 10)->empty());
}

TEST_F(JobsTest, StopsForARestartAndGoesOnWithoutRepeating)
{
    constexpr std::int64_t total = 4'000;
    std::string id;
    {
        const auto j = make();
        add_count(*j);
        j->run();
        id = j->start(tenant_, who_, "count", {{"total", total}})->public_id();
        ASSERT_TRUE(wait_for([&] { return steps_ > 5; }));
        j->stop();
        EXPECT_EQ(j->find(tenant_, id)->state, job_state::running);
    }
    ASSERT_LT(steps_, static_cast<std::uint64_t>(total));
    const auto j = make();
    add_count(*j);
    j->run();
    ASSERT_TRUE(wait_for([&] { return is_final(j->find(tenant_, id)->state); }));
    EXPECT_EQ(j->find(tenant_, id)->state, job_state::done);
    EXPECT_EQ(steps_, static_cast<std::uint64_t>(total));
    EXPECT_EQ(repeated_, 0);
}

TEST_F(JobsTest, CancelEndsAWaitingJobAtOnceAndARunningOneSoon)
{
    const auto j = make();
    add_count(*j);
    const std::string waiting = j->start(tenant_, who_, "count", {{"total", 5}})->public_id();
    EXPECT_EQ(j->cancel(tenant_, who_, waiting)->state, job_state::cancelled);
    EXPECT_EQ(j->cancel(tenant_, who_, waiting).error().code, job_error::kind::finished);
    j->run();
    const std::string running =
        j->start(tenant_, who_, "count", {{"total", 1'000'000}})->public_id();
    ASSERT_TRUE(wait_for([&] { return steps_ > 2; }));
    ASSERT_TRUE(j->cancel(tenant_, who_, running).has_value());
    ASSERT_TRUE(wait_for([&] { return is_final(j->find(tenant_, running)->state); }));
    EXPECT_EQ(j->find(tenant_, running)->state, job_state::cancelled);
    EXPECT_TRUE(j->find(tenant_, running)->cancel_requested);
    EXPECT_TRUE(wait_for([&] { return j->active() == 0; }));
}

TEST_F(JobsTest, ACancelBeforeARestartIsNotForgotten)
{
    const auto j = make();
    add_count(*j);
    job row;
    row.id = 77;
    row.tenant = tenant_;
    row.kind = "count";
    row.parameters = {{"total", 5}};
    row.state = job_state::running;
    row.cancel_requested = true;
    auto change = log_->begin(tenant_, who_, "test");
    change.data().put(store::space::data, job_key(row.id), encode_job(row));
    change.commit();
    j->run();
    ASSERT_TRUE(wait_for([&] { return is_final(j->find(tenant_, row.public_id())->state); }));
    EXPECT_EQ(j->find(tenant_, row.public_id())->state, job_state::cancelled);
    EXPECT_EQ(steps_, 0U);
}

TEST_F(JobsTest, FailuresAndExceptionsEndTheJobOnly)
{
    const auto j = make();
    j->register_kind("fails", [](context&) { return outcome{verdict::failed, "No file.", {}}; });
    j->register_kind("throws", [](context&) -> outcome { throw std::runtime_error("boom"); });
    j->run();
    const std::string fails = j->start(tenant_, who_, "fails", {})->public_id();
    const std::string throws = j->start(tenant_, who_, "throws", {})->public_id();
    ASSERT_TRUE(wait_for([&] { return j->active() == 0; }));
    EXPECT_EQ(j->find(tenant_, fails)->state, job_state::failed);
    EXPECT_EQ(j->find(tenant_, fails)->failure_text, "No file.");
    EXPECT_EQ(j->find(tenant_, throws)->state, job_state::failed);
    EXPECT_EQ(j->find(tenant_, throws)->failure_text.find("boom"), std::string::npos);
}

TEST_F(JobsTest, RefusesUnknownKindsAndTooManyJobs)
{
    jobs_options options;
    options.queue_max = 2;
    const auto j = make(options);
    add_count(*j);
    EXPECT_EQ(j->start(tenant_, who_, "no", {}).error().code, job_error::kind::unknown_kind);
    EXPECT_TRUE(j->start(tenant_, who_, "count", {{"total", 1}}).has_value());
    EXPECT_TRUE(j->start(other_, who_, "count", {{"total", 1}}).has_value());
    EXPECT_EQ(j->start(tenant_, who_, "count", {}).error().code, job_error::kind::full);
}

TEST_F(JobsTest, ListsNewestFirstInPagesAndExpires)
{
    const auto j = make();
    add_count(*j);
    std::vector<std::uint64_t> ids;
    for (int i = 0; i < 5; ++i)
    {
        ids.push_back(j->start(tenant_, who_, "count", {{"total", 1}})->id);
    }
    const auto first = j->list(tenant_, 0, 2);
    ASSERT_EQ(first->size(), 2U);
    EXPECT_EQ((*first)[0].id, ids[4]);
    EXPECT_EQ((*first)[1].id, ids[3]);
    const auto rest = j->list(tenant_, ids[3], 10);
    ASSERT_EQ(rest->size(), 3U);
    EXPECT_EQ((*rest)[2].id, ids[0]);
    EXPECT_TRUE(j->list(tenant_, 0, 10, "other")->empty());
    ASSERT_TRUE(j->cancel(tenant_, who_, format_id("job", ids[0])).has_value());
    EXPECT_EQ(j->expire(tenant_, system_clock().wall()), 0U);
    EXPECT_EQ(j->expire(tenant_, system_clock().wall() + std::chrono::days{31}), 1U);
    EXPECT_EQ(j->list(tenant_, 0, 10)->size(), 4U);
}

TEST(JobRow, GoldenBytesAndDamage)
{
    job j;
    j.id = 5;
    j.tenant = tenant_id{9};
    j.kind = "k";
    j.who = {"n", "g", "i", "r"};
    j.state = job_state::failed;
    j.last = {{1, 2}, {{"a", 1}}, "z"};
    j.failure_text = "f";
    j.has_error_file = true;
    j.created = from_unix_ms(258);
    j.finished = from_unix_ms(259);
    const std::string golden =
        std::string("\x01\x04\x02\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\x01\x03", 19) +
        "\x01k\x02{}\x01n\x01g\x01i\x01r\x01\x02\x07{\"a\":1}\x01z\x01"
        "f";
    EXPECT_EQ(encode_job(j), golden);
    EXPECT_EQ(job_key(5), std::string("j\0\0\0\0\0\0\0\x05", 9));
    const auto back = decode_job(j.tenant, job_key(5), golden);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(encode_job(*back), golden);
    for (std::size_t n = 0; n < golden.size(); ++n)
    {
        EXPECT_FALSE(decode_job(j.tenant, job_key(5), golden.substr(0, n)).has_value()) << n;
    }
    std::string other = golden;
    other[0] = 2;
    EXPECT_FALSE(decode_job(j.tenant, job_key(5), other).has_value());
    other = golden;
    other[1] = 6;
    EXPECT_FALSE(decode_job(j.tenant, job_key(5), other).has_value());
}

} // namespace
} // namespace hikyaku::jobs
