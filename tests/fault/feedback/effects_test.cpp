#include "child_process.h"
#include "fault_env.h"

#include "rows.h"

#include <hikyaku/bounce/reply_class.h>
#include <hikyaku/crm/suppression.h>
#include <hikyaku/feedback/effects.h>
#include <hikyaku/queue/active_queue.h>

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include <unistd.h>

namespace hikyaku::feedback
{
namespace
{

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const tenant_id shop{7};
constexpr std::uint32_t reports = 120;
constexpr std::uint32_t people = 10;
constexpr int exit_wrong = 4;
const campaign_id news{1};

/// What was said to be durable: it outlives every process.
struct promises
{
    std::array<std::atomic<bool>, reports> reported{};
    std::array<std::atomic<bool>, reports> in_force{};
    std::atomic<bool> done{false};
};

void require(bool holds, const std::string& what)
{
    if (!holds)
    {
        std::fprintf(stderr, "check: %s\n", what.c_str());
        std::fflush(stderr);
        ::_exit(exit_wrong);
    }
}

std::string address_of(std::uint32_t who)
{
    return "p" + std::to_string(who % people) + "@x.example";
}

/// One process: facts that mail told, each once, and their effects.
class taker
{
public:
    taker(rocksdb::Env& env, const std::string& dir, promises& p) : promises_(p)
    {
        store::options opts;
        opts.path = dir;
        opts.env = &env;
        opts.memtable_bytes = 512U << 10;
        opts.wal_bytes_max = 24U << 10;
        auto opened = store::database::open(opts);
        if (opened.has_error())
        {
            ::_exit(3);
        }
        db_ = std::move(*opened);
        require(!db_->missing(), "acknowledged data is said to be missing");
        log_ = std::make_unique<oplog::operation_log>(*db_, system_clock());
        queue_ = std::make_unique<queue::active_queue>(*db_);
        settings_ = std::make_unique<settings_book>(*db_, *log_);
        dead_ = std::make_unique<dead_addresses>(*db_, *log_, master_, system_clock(),
                                                 dead_address_options{});
        effects_ = std::make_unique<effects>(
            effects::dependencies{
                *db_, *log_, system_clock(), stamps_, *settings_, *dead_, [](tenant_id, campaign_id)
                { return std::optional(std::optional<campaign::breaker_override>()); },
                [](tenant_id, campaign_id, const campaign::returns&) { return false; }},
            effects_options{0ms});
    }
    void run()
    {
        if (db_->find_tenant(shop) == nullptr)
        {
            log_->begin_new(shop, oplog::system_actor(), "tenant.create").commit();
        }
        if (settings_->find(shop).value().bounce_threshold != people)
        {
            static_cast<void>(settings_->change(shop, oplog::system_actor(), [](tenant_settings& s)
                                                { s.bounce_threshold = people; }));
        }
        effects_->run();
        for (std::uint32_t i = 0; i < reports; ++i)
        {
            const auto seq = report(i);
            promises_.reported[i].store(true);
            if (seq != 0 && effects_->wait_for(shop, seq, 20s))
            {
                promises_.in_force[i].store(true);
            }
        }
        effects_->stop();
        db_.reset();
        promises_.done.store(true);
    }
    /// Every fact is there once and has had its effect at most once; what was promised is there.
    void check()
    {
        const auto rows = db_->find_tenant(shop);
        if (rows == nullptr)
        {
            return;
        }
        const auto mark = rows->find(folded_key()).value();
        const auto folded = mark ? decode_folded(*mark).value() : 0;
        std::map<std::string, std::uint32_t> expected;
        std::array<bool, reports> seen{};
        std::array<bool, reports> effective{};
        std::uint64_t counted = 0;
        for (auto it = rows->scan_prefix("F"); it.valid(); it.next())
        {
            std::uint64_t block = 0;
            for (const char c : it.key().substr(1))
            {
                block = (block << 8) | static_cast<std::uint8_t>(c);
            }
            const auto facts = queue::decode_facts(it.value());
            require(facts && facts->size() == 1, "a damaged block");
            const auto who = facts->front().who.value;
            require(who < reports && !seen[who], "a report that was told twice");
            seen[who] = true;
            effective[who] = block <= folded;
            counted += block <= folded ? 1 : 0;
            expected[facts->front().recipient] += block <= folded ? 1 : 0;
        }
        for (std::uint32_t i = 0; i < reports; ++i)
        {
            require(!promises_.reported[i] || seen[i], "a report was lost");
            require(!promises_.in_force[i] || effective[i], "an effect was lost");
        }
        for (const auto& [address, n] : expected)
        {
            const auto c = find_counter(*rows, address).value();
            require((c ? c->score : 0) == n, "counter of " + address);
            const auto s = rows->find(crm::suppression_key(address)).value();
            require(s.has_value() == (n >= people), "suppression of " + address);
        }
        const auto back = rows->find(campaign::returns_key(news)).value();
        require((back ? campaign::decode_returns(*back).value().oob_bounced : 0) == counted,
                "the campaign's count");
        require(!log_->find_break(shop).value().has_value(), "the operation log's chain");
    }

private:
    /// As intake does: told again, nothing happens.
    std::uint64_t report(std::uint32_t who)
    {
        const auto rows = db_->find_tenant(shop);
        const auto key = reported_key(news, ordinal{who});
        if (rows->find(key).value())
        {
            return 0;
        }
        queue::fact f;
        f.at = system_clock().wall();
        f.what = queue::disposition::oob_bounce;
        f.campaign = news;
        f.who = ordinal{who};
        f.recipient = address_of(who);
        f.contact = static_cast<std::uint8_t>(bounce::contact_effect::count);
        f.cls = bounce::to_string(bounce::reply_class::quota);
        store::record also(shop);
        also.put(store::space::data, key, encode(reported{true, false}));
        auto s = queue_->append(shop, {f}, std::move(also));
        db_->commit(std::move(s.rows), store::commit_class::outcome);
        effects_->on_settled(shop);
        return s.fact_seq;
    }

    promises& promises_;
    const crypto::master_key master_{crypto::sha256("an installation")};
    crm::change_stamps stamps_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<queue::active_queue> queue_;
    std::unique_ptr<settings_book> settings_;
    std::unique_ptr<dead_addresses> dead_;
    std::unique_ptr<effects> effects_;
};

class EffectsOverCrashes : public testing::Test
{
protected:
    EffectsOverCrashes()
        : root_(fs::temp_directory_path() / ("hk_fault_feedback_" + std::to_string(::getpid())))
    {
    }
    ~EffectsOverCrashes() override
    {
        std::error_code ignored; // a leftover temporary directory fails no test
        fs::remove_all(root_, ignored);
    }
    template <class F> test::child_end child(F f)
    {
        return test::run_child(
            [&]
            {
                const auto env = test::make_fault_env(root_ / "data", root_ / "shadow", *disk_);
                taker t(*env, root_ / "data", *promises_);
                f(t);
                return 0;
            },
            40s);
    }
    void run_history(std::uint64_t seed)
    {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        fs::remove_all(root_);
        fs::create_directories(root_);
        disk_->clear();
        new (&*promises_) promises;
        int lives = 0;
        while (!promises_->done && !HasFailure())
        {
            ASSERT_LT(++lives, 200) << "no progress";
            disk_->how.store(static_cast<test::fault>(1 + random() % 5));
            disk_->fail_at.store(1 + random() % 200);
            const auto end = child([](taker& t) { t.run(); });
            EXPECT_TRUE(!end.hung && (end.code == 0 || end.code == 3 || end.code == 74 ||
                                      end.code == 137 || end.signal == SIGABRT))
                << end.code << " " << end.signal << " " << end.errors;
            test::cut_power(root_ / "data", root_ / "shadow", *disk_,
                            static_cast<test::survival>(random() % 3), random());
            disk_->how.store(test::fault::none);
            const auto check = child([](taker& t) { t.check(); });
            EXPECT_TRUE(!check.hung && check.code == 0)
                << check.errors << "\nbefore: " << end.errors;
            test::cut_power(root_ / "data", root_ / "shadow", *disk_, test::survival::synced, 1);
        }
        lives_ += lives;
    }

    fs::path root_;
    test::shared_memory<test::disk_history> disk_;
    test::shared_memory<promises> promises_;
    int lives_ = 0;
};

TEST_F(EffectsOverCrashes, EachReportHasItsEffectOnce)
{
    // HK_FAULT_ALL=1: the long run. HK_FAULT_SEED: one history.
    const char* only = std::getenv("HK_FAULT_SEED");
    const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
    const std::uint64_t histories = only != nullptr                          ? first
                                    : std::getenv("HK_FAULT_ALL") != nullptr ? 200
                                                                             : 4;
    for (std::uint64_t seed = first; seed <= histories && !HasFailure(); ++seed)
    {
        run_history(seed);
    }
    std::printf("%llu histories, %d processes\n",
                static_cast<unsigned long long>(histories - first + 1), lives_);
    EXPECT_TRUE(HasFailure() || only != nullptr || lives_ > static_cast<int>(histories))
        << "none ever died";
}

} // namespace
} // namespace hikyaku::feedback
