#pragma once

#include <memory>
#include <string>
#include <vector>

#include "customers.h"
#include "memory_disk.h"
#include "peers.h"
#include "zones.h"

namespace hikyaku::sim
{

/// How a machine stops.
enum class outage
{
    /// Between two commits: what waits for the writer is lost.
    cut_between_commits,
    /// In the middle of a sync: some of the bytes may be there.
    cut_in_commit,
    /// After a sync, before anybody heard of it.
    cut_after_commit,
    /// In order.
    restart,
};
[[nodiscard]] const char* to_string(outage o) noexcept;

/// A source, s0, s1, …, with the address 192.0.2.<number + 1>.
struct source_model
{
    std::uint32_t weight = 1;
    std::optional<shaping::warm_up_plan> warm_up;
};

/// A rule for replies with some code.
struct rule_model
{
    std::string code;
    shaping::rule_action action;
};

/// An order of the operator, in force for a while.
struct order
{
    delivery::scope what;
    mono_time from{};
    mono_time to{};
};

struct world_options
{
    unsigned shards = 2;
    unsigned sessions_max = 100;
    unsigned batch = 16;
    milliseconds commit_min{0};
    milliseconds commit_max{5};
    milliseconds load_max{2};
    shaping::retry_policy retry;
    smtp::session_timeouts timeouts;
    milliseconds connect_timeout{10'000};
    /// Empty: one that has no address. All are in the pool "default", the first alone in "narrow".
    std::vector<source_model> sources;
    std::vector<rule_model> rules;
    std::optional<shaping::adaptation_policy> adaptation;
    std::map<std::string, shaping::limits_patch> providers;
    int offset_minutes = 0;
};

/// One simulated machine that sends, with everything around it. The engine, the queue, the store
/// and RocksDB are the real ones; time, network, DNS and disk are not. One thread; the same seed
/// gives the same run.
class world
{
public:
    world(std::uint64_t seed, bool verbose);
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    /// Before start().
    world_options options;
    [[nodiscard]] virtual_time& time() noexcept { return time_; }
    [[nodiscard]] seeded_random& random() noexcept { return random_; }
    [[nodiscard]] trace& log() noexcept { return trace_; }
    [[nodiscard]] peers& wire() noexcept { return peers_; }
    [[nodiscard]] zones& dns() noexcept { return zones_; }
    [[nodiscard]] customers& people() noexcept { return customers_; }
    [[nodiscard]] delivery::engine& engine() noexcept { return *engine_; }
    [[nodiscard]] store::database& db() noexcept { return *db_; }
    [[nodiscard]] bool is_up() const noexcept { return engine_ && !stopping_; }

    void start(bool clean);
    /// The machine is down for a while, then up again.
    void fail(outage how, milliseconds down);
    /// New shaping and sources, without the last source or with it.
    void reload(bool with_last_source);
    /// Asks the operator's console for a suspension and remembers it.
    void suspend(delivery::scope what, milliseconds duration);
    void resume(const delivery::scope& what);
    [[nodiscard]] const std::vector<order>& orders() const noexcept { return orders_; }
    [[nodiscard]] bool sources_changed() const noexcept { return sources_changed_; }
    /// In a running machine, at a time since the start of the run; later when it is down then.
    void at(milliseconds t, std::function<void()> what);
    /// Until all campaigns have ended, at most `until`. Stops at the first broken promise.
    void run(milliseconds until);

    /// A promise was broken.
    void report(std::string what);
    [[nodiscard]] const std::vector<std::string>& broken() const noexcept { return broken_; }
    /// When cuts happened; the life that ended by the n-th is in peers::life order.
    [[nodiscard]] const std::vector<unsigned>& cut_lives() const noexcept { return cut_lives_; }
    [[nodiscard]] bool restarted_after_cut() const noexcept { return restarted_after_cut_; }

private:
    [[nodiscard]] std::shared_ptr<shaping::shaping_table> make_shaping() const;
    [[nodiscard]] std::shared_ptr<shaping::source_table> make_sources() const;
    void spin();
    void schedule_work();
    void power_off(outage how);
    void stop_in_order();
    void end_sessions();
    void discard();

    virtual_time time_;
    seeded_random random_;
    trace trace_;
    peers peers_;
    zones zones_;
    customers customers_;
    seeded_random engine_random_;
    std::unique_ptr<memory_disk> disk_;
    std::vector<std::unique_ptr<asio::io_context>> loops_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<queue::domain_table> domains_;
    std::unique_ptr<net::blocking_pool> pool_;
    std::unique_ptr<store::disk_guard> guard_;
    std::unique_ptr<delivery::engine> engine_;
    unsigned life_ = 0;
    bool stopping_ = false;
    bool commit_planned_ = false;
    bool load_planned_ = false;
    std::vector<std::string> broken_;
    std::vector<unsigned> cut_lives_;
    bool restarted_after_cut_ = false;
    bool last_source_ = true;
    bool sources_changed_ = false;
    std::vector<order> orders_;
};

} // namespace hikyaku::sim
