#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "shard.h"
#include "site.h"

#include <hikyaku/delivery/engine.h>
#include <hikyaku/shaping/due_heap.h>

namespace hikyaku::delivery
{

/// Owns lanes, limits, leases and the resolver: decides who is tried where and when. Everything
/// runs on one thread; other threads post to context().
class scheduler final : public shard_events
{
public:
    scheduler(const engine_options& options, std::shared_ptr<const shaping::shaping_table> shaping,
              engine::dependencies deps, const hooks& h);
    ~scheduler() override;

    [[nodiscard]] asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] result<void> start(bool clean);
    /// Any thread; returns when everything is settled and durable, or was cut.
    void stop(milliseconds deadline);
    // Its steps; any thread.
    void begin_stop();
    void cut();
    [[nodiscard]] bool quiet() const;
    void end_stop();

    // Scheduler thread from here on.
    void open_campaign(const queue::campaign_ref& c, const queue::lifecycle& l,
                       const queue::expansion_state& e);
    void set_lifecycle(const queue::campaign_ref& c, const queue::lifecycle& l);
    void grow(const queue::campaign_ref& c, const queue::expansion_state& e,
              const std::vector<queue::lane_growth>& lanes);
    void close_campaign(const queue::campaign_ref& c, queue::disposition how);
    void forget(const queue::campaign_ref& c);
    void hurry(const queue::campaign_ref& c);
    void hold(bool on, std::string because);
    [[nodiscard]] bool suspend_site(const std::string& key, milliseconds duration);
    void reload(std::shared_ptr<const shaping::shaping_table> shaping,
                std::vector<std::string> dns_servers);
    [[nodiscard]] engine_view view() const;
    [[nodiscard]] std::optional<campaign_view> view_campaign(const queue::campaign_ref& c) const;

    // Shard threads.
    void attempts_ready(std::size_t shard) override;
    void session_wants(session_id id) override;
    void session_connected(session_id id) override;
    void session_over(session_report report) override;
    void returned(std::vector<work> unsent) override;

private:
    struct session_entry
    {
        site* where = nullptr;
        std::size_t shard = 0;
        bool is_idle = false;
        /// The site's health has been told how the connection went.
        bool answered = false;
        std::list<session_id>::iterator idle_place;
    };
    static constexpr milliseconds tick_every{100};
    /// Settlements handed to the writer and not durable yet: more outcomes gather meanwhile, so
    /// that a commit carries many.
    static constexpr unsigned settlements_in_flight_max = 2;
    /// Leases of one tail lane outside of it; beyond that the lane waits.
    static constexpr std::size_t tail_out_max = 512;
    static constexpr milliseconds clock_jump_min{5'000};
    static constexpr milliseconds no_expiry_after_jump{600'000};

    // scheduler.cpp
    void run();
    void tick();
    void watch_clock();
    void expire_campaigns();
    void try_to_close(const queue::campaign_ref& c);
    void check_drained(const queue::campaign_ref& c);
    [[nodiscard]] bool may_lease() const;

    // scheduler_lanes.cpp: lanes find their sites
    void place_new_lanes();
    void wake_lane(queue::lane_index lane);
    void watch_due(queue::lane_index lane);
    void pump_tail(queue::lane_index lane);
    domain_entry& domain_of(domain_id id);
    void resolve(domain_entry& d);
    void on_resolved(domain_id id, std::shared_ptr<const dns::mx_answer> answer);
    void attach(domain_entry& d);
    void release_waiting(domain_entry& d);
    void defer_domain(domain_entry& d, const dns::mx_answer& answer);
    void dispose(domain_entry& d);
    void load_for_disposal(domain_entry& d, std::vector<queue::lease> leases);
    void leave_tail(const queue::lease& l);
    void reclaim(const queue::campaign_ref& c);
    [[nodiscard]] std::optional<dns::mx_answer> route_answer(const std::string& domain,
                                                             std::uint16_t& port) const;

    // scheduler_sites.cpp: sites get sessions, sessions get work
    site& obtain_site(domain_entry& d);
    void pump(site& s);
    [[nodiscard]] bool take_batch(site& s, std::vector<queue::lease>& out);
    void serve_idle(site& s);
    void hand_on_place();
    void open_session(site& s, std::vector<queue::lease> leases);
    void load_for(session_id id, std::vector<queue::lease> leases,
                  std::shared_ptr<const connection_plan> new_plan);
    void after_load(std::vector<work> not_sent);
    void on_session_wants(session_id id);
    void on_session_connected(session_id id);
    void on_session_over(session_report report);
    void on_connect_failed(site& s, session_report& report);
    void postpone_parked(site& s);
    void give_back_all(std::vector<work>& unsent);

    // scheduler_settle.cpp: outcomes become rows
    void collect(std::size_t shard);
    void add_outcome(queue::outcome o);
    void set_next_try(queue::outcome& o);
    void note_attempt(const attempt& a);
    void settle_now();
    void submit(std::vector<queue::settlement> settlements,
                const std::set<queue::campaign_ref>& touched,
                std::vector<std::pair<std::size_t, std::uint64_t>> durable = {});
    void submit_postponed(const std::vector<queue::lease>& leases, wall_time due);
    void on_durable(const std::set<queue::campaign_ref>& touched);
    [[nodiscard]] queue::outcome make_outcome(const work& w, queue::disposition what) const;

    const engine_options& options_;
    std::shared_ptr<const shaping::shaping_table> shaping_;
    engine::dependencies deps_;
    const hooks& hooks_;
    net::tls_client_context tls_;
    const std::unique_ptr<asio::io_context> own_context_;
    asio::io_context& context_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_;
    std::unique_ptr<net::timer> timer_;
    std::unique_ptr<resolver::mx_resolver> resolver_;
    queue::active_queue queue_;
    std::vector<std::unique_ptr<shard>> shards_;
    std::size_t next_shard_ = 0;

    std::unordered_map<std::string, std::unique_ptr<site>> sites_;
    std::unordered_map<domain_id, std::unique_ptr<domain_entry>> domains_;
    std::unordered_map<session_id, session_entry> sessions_;
    session_id next_session_ = 1;
    /// Sites that wait for one of sessions_max, in turn.
    std::deque<site*> wait_for_place_;
    shaping::due_heap<wall_time> due_;
    std::unordered_map<queue::lane_index, std::size_t> tail_out_;
    std::set<domain_id> waiting_domains_;
    std::set<queue::campaign_ref> drained_;
    /// Settlements of a campaign that are not durable yet.
    std::map<queue::campaign_ref, unsigned> unsettled_;
    std::map<queue::campaign_ref, queue::disposition> closing_;

    std::vector<queue::outcome> outcomes_;
    std::map<std::size_t, std::uint64_t> reached_; // shard → highest attempt in outcomes_
    unsigned settlements_in_flight_ = 0;
    std::atomic<std::size_t> loading_{0};
    std::mutex stop_mutex_;
    std::condition_variable progress_; // of stopping: a session or a load has ended

    std::uint64_t dispositions_[queue::dispositions_max] = {};
    duration_histogram transactions_;
    bool held_ = false;
    std::string held_because_;
    bool stopping_ = false;
    mono_time started_{};
    wall_time last_wall_{};
    mono_time last_mono_{};
    mono_time no_expiry_until_{};
    double lag_ms_ = 0;
    mono_time tick_due_{};
    std::thread thread_;
};

} // namespace hikyaku::delivery
