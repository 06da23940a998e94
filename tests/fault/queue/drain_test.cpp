#include "child_process.h"
#include "fault_env.h"

#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/keys.h>

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include <unistd.h>

namespace hikyaku::queue
{
namespace
{

namespace fs = std::filesystem;
using std::chrono::minutes;

constexpr std::uint32_t page_size = 200;
constexpr std::uint32_t recipients = 3 * page_size;
constexpr int exit_wrong = 4;
/// Far less than a lane holds and than a process has in flight: the margin is what bounds it.
constexpr std::uint64_t small_margins[] = {2, 16};
const campaign_ref ref{tenant_id{7}, campaign_id{1}};
const wall_time start = from_unix_ms(1'700'000'000'000);
const wall_time far_away = start + std::chrono::hours{24 * 365};

/// The receiving side, and what was said to be durable: it outlives every sender.
struct receiver
{
    /// Mail that arrived (or was refused for good), per recipient.
    std::array<std::atomic<std::uint32_t>, recipients> sent{};
    /// Arrived, and the outcome is not durable yet.
    std::array<std::atomic<bool>, recipients> open{};
    /// Final outcomes acknowledged as durable.
    std::array<std::atomic<std::uint32_t>, recipients> final{};
    std::atomic<std::uint32_t> repeats_unmarked{0};
    std::atomic<std::int64_t> now_ms{to_unix_ms(start)};
    std::atomic<bool> drained{false};
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

std::vector<chunk_entry> page(std::uint32_t number)
{
    std::vector<chunk_entry> out;
    for (std::uint32_t i = 0; i < page_size; ++i)
    {
        // Two domains with lanes of their own, and twenty rare ones in tail lanes.
        const std::uint32_t domain = i % 2 == 0 ? 1 : i % 5 != 0 ? 2 : 3 + i % 20;
        out.push_back({ordinal{number * page_size + i}, domain_id{domain}});
    }
    return out;
}

/// One process of the sender: opens, loads, expands what is missing, sends until all is settled.
class sender
{
public:
    sender(rocksdb::Env& env, const std::string& dir, receiver& r, std::uint64_t seed,
           std::uint64_t margin)
        : receiver_(r), random_(seed)
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
        queue_ = std::make_unique<active_queue>(*db_, margin);
        require(queue_->load(false).has_value(), "load failed");
        require(queue_->damaged_lanes() == 0, "damaged lanes");
    }
    void run()
    {
        begin();
        auto now = from_unix_ms(receiver_.now_ms.load());
        while (queue_->pending(ref) > 0 || !queue_->expansion(ref).complete)
        {
            expand_one();
            const auto leases = take(now, 12);
            if (leases.empty() && db_->backlog_bytes() > 0)
            {
                db_->commit(std::vector<store::record>{}, store::commit_class::bulk);
                continue;
            }
            if (leases.empty())
            {
                now += minutes{1};
                receiver_.now_ms.store(to_unix_ms(now));
            }
            send(leases, now);
        }
        db_.reset();
        receiver_.drained.store(true);
    }
    /// recipients = settled + pending, each of them once; nothing acknowledged is undone.
    void check()
    {
        if (queue_->find_lifecycle(ref) == nullptr)
        {
            for (const auto& n : receiver_.final)
            {
                require(n == 0, "the campaign is gone");
            }
            return;
        }
        const std::uint64_t expected = queue_->expansion(ref).recipients;
        const auto leases = take(far_away, recipients);
        std::set<std::uint32_t> pending;
        std::size_t retries = 0;
        for (const auto& l : leases)
        {
            require(pending.insert(l.who.value).second, "handed out twice in one process");
            retries += l.is_retry() ? 1 : 0;
        }
        const auto ends = final_facts();
        const auto counts = queue_->counts(ref);
        for (std::uint32_t i = 0; i < recipients; ++i)
        {
            const std::uint32_t facts = ends[i];
            const std::uint32_t here = (pending.contains(i) ? 1 : 0) + facts;
            const std::string who = "recipient " + std::to_string(i);
            require(here == (i < expected ? 1 : 0), who + " is lost or has two ends");
            require(receiver_.final[i] <= facts, who + ": an acknowledged end is lost");
        }
        require(queue_->pending(ref) == pending.size(), "the pending counter is wrong");
        require(counts.deferred_now == retries, "the counter of retries is wrong");
        require(counts.settled() + pending.size() == expected, "the sum is wrong");
    }

private:
    void begin()
    {
        if (db_->find_tenant(ref.tenant) == nullptr)
        {
            store::record r(platform_tenant);
            r.create_family(ref.tenant);
            db_->commit(std::move(r), store::commit_class::control);
        }
        if (queue_->find_lifecycle(ref) == nullptr)
        {
            lifecycle life;
            life.state = campaign_state::sending;
            life.expires_at = far_away + minutes{1};
            store::record c(ref.tenant);
            c.put(store::space::queue, campaign_key(row::lifecycle, ref), encode(life));
            db_->commit(std::move(c), store::commit_class::control);
            queue_->open_campaign(ref, life, {});
        }
    }
    void expand_one()
    {
        auto e = queue_->expansion(ref);
        if (e.complete)
        {
            return;
        }
        const auto entries = page(static_cast<std::uint32_t>(e.recipients / page_size));
        e.recipients += entries.size();
        e.complete = e.recipients == recipients;
        expander x(db_->queue(), ref);
        store::record r(ref.tenant);
        const auto grown = x.add_page(entries, e, r);
        require(grown.has_value(), "expansion failed");
        db_->commit(std::move(r), store::commit_class::bulk);
        queue_->grow(ref, e, *grown);
    }
    std::vector<lease> take(wall_time now, std::size_t at_most)
    {
        const auto fresh = queue_->take_new_lanes();
        lanes_.insert(lanes_.end(), fresh.begin(), fresh.end());
        std::shuffle(lanes_.begin(), lanes_.end(), random_);
        std::vector<lease> out;
        for (const auto lane : lanes_)
        {
            while (out.size() < at_most && queue_->has_ready(lane, now) &&
                   queue_->take(lane, at_most - out.size(), now, out) > 0)
            {
            }
        }
        return out;
    }
    void deliver(const lease& l)
    {
        const auto who = l.who.value;
        if (receiver_.sent[who]++ > 0 && !l.maybe_repeat)
        {
            ++receiver_.repeats_unmarked;
        }
        receiver_.open[who].store(true);
    }
    void send(const std::vector<lease>& leases, wall_time now)
    {
        std::vector<outcome> outcomes;
        std::vector<lease> postponed;
        std::vector<std::uint32_t> ended;
        for (const auto& l : leases)
        {
            const auto dice = random_() % 100;
            if (dice < 8)
            {
                queue_->give_back(l);
                continue;
            }
            if (dice < 14)
            {
                postponed.push_back(l);
                continue;
            }
            outcome o;
            o.l = l;
            o.f.at = now;
            o.f.attempt = l.state.attempts + 1;
            o.f.what = dice < 34   ? disposition::deferred
                       : dice < 44 ? disposition::unknown
                       : dice < 54 ? disposition::bounced
                                   : disposition::delivered;
            if (is_final(o.f.what))
            {
                deliver(l);
                ended.push_back(l.who.value);
            }
            else
            {
                o.f.next_try = now + minutes{1 + random_() % 5};
                o.kept_bytes = o.f.what == disposition::unknown ? "bytes" : "";
            }
            outcomes.push_back(std::move(o));
        }
        for (auto& s : queue_->postpone(postponed, now + minutes{2}))
        {
            db_->submit(std::move(s.rows), store::commit_class::outcome, {});
        }
        auto settled = queue_->settle(outcomes);
        require(settled.size() <= 1, "one tenant, one settlement");
        for (auto& s : settled)
        {
            db_->submit(std::move(s.rows), store::commit_class::outcome,
                        [this, ended]
                        {
                            for (const auto who : ended)
                            {
                                ++receiver_.final[who];
                                receiver_.open[who].store(false);
                            }
                        });
        }
    }
    std::array<std::uint32_t, recipients> final_facts()
    {
        std::array<std::uint32_t, recipients> ends{};
        const auto tenant = db_->find_tenant(ref.tenant);
        auto it = tenant->scan_prefix(std::string_view(&fact_kind, 1));
        for (; it.valid(); it.next())
        {
            const auto facts = decode_facts(it.value());
            require(facts.has_value(), "a damaged fact block");
            for (const auto& f : *facts)
            {
                require(f.who.value < recipients, "a fact of nobody");
                ends[f.who.value] += is_final(f.what) ? 1 : 0;
            }
        }
        require(it.status().has_value(), "facts can't be read");
        return ends;
    }

    receiver& receiver_;
    std::mt19937_64 random_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<active_queue> queue_;
    std::vector<lane_index> lanes_;
};

class QueueDrain : public testing::Test
{
protected:
    QueueDrain()
        : root_(fs::temp_directory_path() / ("hk_fault_queue_" + std::to_string(::getpid())))
    {
    }
    ~QueueDrain() override
    {
        std::error_code ignored; // a leftover temporary directory fails no test
        fs::remove_all(root_, ignored);
    }
    template <class F> test::child_end child(std::uint64_t seed, std::uint64_t margin, F f)
    {
        return test::run_child(
            [&]
            {
                const auto env = test::make_fault_env(root_ / "data", root_ / "shadow", *disk_);
                sender s(*env, root_ / "data", *receiver_, seed, margin);
                f(s);
                return 0;
            },
            std::chrono::seconds{40});
    }
    /// Sends a campaign through processes that all die, until it is drained.
    void run_history(std::uint64_t seed)
    {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        fs::remove_all(root_);
        fs::create_directories(root_);
        disk_->clear();
        new (&*receiver_) receiver;
        const std::uint64_t margin = small_margins[seed % std::size(small_margins)];
        std::uint64_t in_flight = 0;
        int lives = 0;
        while (!receiver_->drained && !HasFailure())
        {
            ASSERT_LT(++lives, 200) << "no progress";
            disk_->how.store(static_cast<test::fault>(1 + random() % 5));
            disk_->fail_at.store(1 + random() % 140);
            const auto end = child(random(), margin, [](sender& s) { s.run(); });
            EXPECT_TRUE(!end.hung && (end.code == 0 || end.code == 3 || end.code == 74 ||
                                      end.code == 137 || end.signal == SIGABRT))
                << end.code << " " << end.signal << " " << end.errors;
            for (auto& open : receiver_->open)
            {
                in_flight += open.exchange(false) ? 1 : 0;
            }
            test::cut_power(root_ / "data", root_ / "shadow", *disk_,
                            static_cast<test::survival>(random() % 3), random());
            disk_->how.store(test::fault::none);
            const auto check = child(random(), recipients, [](sender& s) { s.check(); });
            EXPECT_TRUE(!check.hung && check.code == 0)
                << check.errors << "\nbefore: " << end.errors;
            test::cut_power(root_ / "data", root_ / "shadow", *disk_, test::survival::synced, 1);
        }
        std::uint64_t repeats = 0;
        for (std::uint32_t i = 0; i < recipients; ++i)
        {
            EXPECT_GE(receiver_->sent[i], 1U) << i;
            EXPECT_LE(receiver_->final[i], 1U) << i;
            repeats += receiver_->sent[i] - 1;
        }
        EXPECT_LE(repeats, in_flight);
        EXPECT_EQ(receiver_->repeats_unmarked, 0U) << "repeats that the log would not name";
        total_repeats_ += repeats;
        total_in_flight_ += in_flight;
        total_lives_ += lives;
    }

    fs::path root_;
    test::shared_memory<test::disk_history> disk_;
    test::shared_memory<receiver> receiver_;
    std::uint64_t total_repeats_ = 0;
    std::uint64_t total_in_flight_ = 0;
    int total_lives_ = 0;
};

TEST_F(QueueDrain, EveryRecipientEndsOnceOverCrashes)
{
    // HK_FAULT_ALL=1: the long run. HK_FAULT_SEED: one history.
    const char* only = std::getenv("HK_FAULT_SEED");
    const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
    const std::uint64_t histories = only != nullptr                          ? first
                                    : std::getenv("HK_FAULT_ALL") != nullptr ? 300
                                                                             : 8;
    for (std::uint64_t seed = first; seed <= histories && !HasFailure(); ++seed)
    {
        run_history(seed);
    }
    std::printf("%llu histories, %d processes, %llu in flight at their ends, %llu sent again\n",
                static_cast<unsigned long long>(histories - first + 1), total_lives_,
                static_cast<unsigned long long>(total_in_flight_),
                static_cast<unsigned long long>(total_repeats_));
    EXPECT_TRUE(HasFailure() || only != nullptr || total_lives_ > static_cast<int>(histories))
        << "none ever died";
}

} // namespace
} // namespace hikyaku::queue
