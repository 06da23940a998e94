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
#include <hikyaku/queue/find_recipient.h>
#include <hikyaku/shaping/due_heap.h>
#include <hikyaku/shaping/match_counters.h>
#include <hikyaku/shaping/quota.h>
#include <hikyaku/shaping/rule_effects.h>
#include <hikyaku/shaping/source_table.h>
#include <hikyaku/shaping/suspension_table.h>

namespace hikyaku::delivery
{

/// As in adaptation subjects, the log and the API.
[[nodiscard]] std::string tenant_text(tenant_id id);
[[nodiscard]] std::string campaign_text(campaign_id id);

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
    [[nodiscard]] std::uint64_t append_facts(tenant_id tenant,
                                             const std::vector<queue::fact>& facts,
                                             store::record rows, std::function<void()> done);
    void hold(bool on, std::string because);
    void reload(std::shared_ptr<const shaping::shaping_table> shaping,
                std::shared_ptr<const shaping::source_table> sources,
                std::vector<std::string> dns_servers,
                std::shared_ptr<const bounce::classifier> classifier);
    void reload_tenant(tenant_id tenant);
    [[nodiscard]] bool suspend(const scope& what, milliseconds duration, const std::string& why);
    [[nodiscard]] bool resume(const scope& what);
    [[nodiscard]] bool retry(const scope& what);
    [[nodiscard]] bool bounce(const scope& what, milliseconds duration, const std::string& why);
    [[nodiscard]] engine_view view();
    [[nodiscard]] std::optional<campaign_view> view_campaign(const queue::campaign_ref& c) const;
    [[nodiscard]] explanation explain(const queue::campaign_ref& c, const std::string& domain,
                                      const queue::recipient_place& place);
    [[nodiscard]] std::vector<forecast_line>
    forecast(const std::vector<std::pair<std::string, std::uint64_t>>& recipients_by_domain,
             const std::string& pool);
    [[nodiscard]] std::vector<session_view> sessions() const;
    [[nodiscard]] trace_hub& trace() noexcept { return trace_; }

    // Shard threads.
    void attempts_ready() override;
    void outcomes_wanted() override;
    void session_wants(session_id id) override;
    void session_connected(session_id id) override;
    void session_over(session_report report) override;
    void returned(std::vector<work> unsent) override;

private:
    struct session_entry
    {
        path* where = nullptr;
        std::size_t shard = 0;
        bool is_idle = false;
        /// It was told to end, so that its place becomes free.
        bool ending = false;
        /// The site's health has been told how the connection went.
        bool answered = false;
        /// Transactional work that was squeezed in and has not been reported.
        unsigned urgent = 0;
        std::uint64_t messages = 0;
        /// Recipients handed to it, and how many of them count towards the warm-up cap of `day`.
        std::size_t given = 0;
        std::size_t given_today = 0;
        shaping::day_number day = 0;
        mono_time opened{};
        std::list<session_id>::iterator idle_place;
    };
    struct tenant_entry
    {
        tenant_terms terms;
        std::optional<shaping::tenant_quota> quota;
        /// As in adaptation subjects.
        std::string name;
    };
    /// How recipients end without having been tried.
    struct disposal
    {
        queue::disposition what = queue::disposition::bounced;
        std::string enhanced;
        std::string reply;
        std::string cls;
        std::string stage;
        /// Of the domain that the leases were taken for; 0: none. Then `site` has them.
        domain_id domain;
        std::string site;
        bounce::contact_effect contact = bounce::contact_effect::keep;
    };
    static constexpr milliseconds tick_every{100};
    /// Settlements handed to the writer and not durable yet: more outcomes gather meanwhile, so
    /// that a commit carries many.
    static constexpr unsigned settlements_in_flight_max = 2;
    /// Outcomes gather for so long, unless enough sessions wait for one to be durable.
    static constexpr milliseconds gather_max{5};
    /// One busy session in so many waiting ends the gathering: with few sessions each is waited for
    /// by its peer, with many the processors have other work meanwhile.
    static constexpr std::size_t quorum_share = 3;
    /// Leases of one tail lane outside of it; beyond that the lane waits.
    static constexpr std::size_t tail_out_max = 512;
    /// Retries that wait for one source at one site.
    static constexpr std::size_t sticky_max = 512;
    /// Retries put aside in one search for a batch: the scheduler has others to serve.
    static constexpr std::size_t put_aside_max = 256;
    /// Leases put aside come back after this at the latest: what held them may end before.
    static constexpr milliseconds put_aside_for_max{600'000};
    /// Tries that need not wait, as a rule said that it was the connection's matter.
    static constexpr unsigned at_once_attempts_max = 8;
    /// Transactional recipients squeezed into one busy session.
    static constexpr unsigned urgent_per_session_max = 2;
    /// How long an MX host is left out that a rule said to pass over.
    static constexpr milliseconds skip_mx_for{600'000};
    static constexpr milliseconds pool_rest{10};
    static constexpr milliseconds clock_jump_min{5'000};
    static constexpr milliseconds no_expiry_after_jump{600'000};

    // scheduler.cpp
    void run();
    void tick();
    void watch_clock();
    void expire_campaigns();
    void try_to_close(const queue::campaign_ref& c);
    void catch_up();
    void make_places();
    void list(site& s);
    [[nodiscard]] bool only_waits(const site& s) const;
    void pump_listed();
    void check_drained(const queue::campaign_ref& c);
    [[nodiscard]] bool may_lease() const;
    [[nodiscard]] shaping::instant now() const;

    // scheduler_lanes.cpp: lanes find their sites
    void place_new_lanes();
    void wake_lane(queue::lane_index lane);
    [[nodiscard]] std::optional<wall_time> lane_held_until(queue::lane_index lane);
    void watch_due(queue::lane_index lane);
    void hold_lane(queue::lane_index lane, wall_time until);
    void enter_site(site& s, queue::lane_index lane);
    void leave_site(queue::lane_index lane);
    void pump_tail(queue::lane_index lane);
    domain_entry& domain_of(domain_id id);
    void forget_old_refusal(domain_entry& d);
    void resolve(domain_entry& d);
    void on_resolved(domain_id id, std::shared_ptr<const dns::mx_answer> answer);
    void attach(domain_entry& d);
    void release_waiting(domain_entry& d);
    void defer_domain(domain_entry& d, const dns::mx_answer& answer);
    void dispose(domain_entry& d);
    [[nodiscard]] static disposal disposal_of(const domain_entry& d);
    void load_for_disposal(std::vector<queue::lease> leases, disposal how);
    void leave_tail(const queue::lease& l);
    void refill_tails(const std::vector<queue::lease>& gone);
    void reclaim(const queue::campaign_ref& c);
    [[nodiscard]] std::optional<dns::mx_answer> route_answer(const std::string& domain,
                                                             std::uint16_t& port) const;

    // scheduler_sites.cpp: sites, their paths and stands
    site& obtain_site(domain_entry& d);
    path& obtain_path(site& s, std::size_t source);
    stand& stand_of(site& s, const queue::campaign_ref& c);
    const shaping::pool_rule& pool_of(const queue::campaign_ref& c);
    void renew_path(path& p);
    void renew_plan(path& p);
    void pump(site& s);
    void hand_on_place();
    void wait_for_place(site& s);
    void pump_provider(site& ended);
    [[nodiscard]] bool serve_stand(site& s, stand& st);
    [[nodiscard]] bool serve(path& p, stand* st);
    [[nodiscard]] bool squeeze_in(site& s, stand& st);
    [[nodiscard]] bool can_take(path& p, bool urgent);
    void end_spent_sessions(path& p);
    void end_idle_session(session_id id);
    void rouse(session_entry& e);
    [[nodiscard]] bool may_open(const path& p, bool urgent) const;
    [[nodiscard]] bool has_tokens(path& p);
    [[nodiscard]] std::optional<std::uint64_t> warm_up_cap_of(const path& p) const;
    [[nodiscard]] shaping::day_number today() const;
    [[nodiscard]] std::size_t broadcast_sessions_max() const;
    [[nodiscard]] std::optional<wall_time> site_held_until(const site& s) const;
    void postpone_parked(site& s, wall_time until);
    void retire_sessions(path& p);
    void bounce_ready(site& s);
    void retire(path& p);
    site* find_site(const std::string& name);

    // scheduler_batch.cpp: which recipients come next
    [[nodiscard]] bool take_batch(path& p, stand* st, bool urgent_only, std::size_t count,
                                  std::vector<queue::lease>& out);
    void fill_from(path& p, stand& st, bool urgent_only, std::size_t count,
                   std::vector<queue::lease>& out);
    [[nodiscard]] std::uint64_t take_tokens(path& p, std::uint64_t n);
    void return_tokens(path& p, std::uint64_t n);
    void return_rate_tokens(path& p, std::uint64_t n);
    /// Leases to put aside, by the time at which they come back.
    using put_aside = std::map<wall_time, std::vector<queue::lease>>;
    void take_sticky(path& p, std::size_t count, std::vector<queue::lease>& out);
    void dispatch(path& p, stand& st, queue::lease l, std::vector<queue::lease>& out,
                  put_aside& later);
    struct flow_hold
    {
        wall_time until{};
        /// At all sites, so that nothing need be put aside for the sake of others.
        bool everywhere = false;
    };
    [[nodiscard]] std::optional<flow_hold> flow_held(tenant_id tenant, const site& s);
    [[nodiscard]] std::optional<wall_time> campaign_held_until(const queue::campaign_ref& c) const;
    [[nodiscard]] std::optional<wall_time> held_until(shaping::suspension_kind kind,
                                                      const std::string& name) const;
    void hold_flow(stand& st, const flow_key& flow, const flow_hold& hold);
    void hold_parked(stand& st, const queue::campaign_ref& c, wall_time until);
    tenant_entry& tenant_of(tenant_id id);
    [[nodiscard]] shaping::local_date date_of(const tenant_entry& t) const;
    void return_permit(const queue::lease& l);
    void give_back(const queue::lease& l);

    // scheduler_sessions.cpp: sessions get work
    void open_session(path& p, std::vector<queue::lease> leases);
    void load_for(session_id id, std::vector<queue::lease> leases,
                  std::shared_ptr<const connection_plan> new_plan);
    void after_load(std::vector<work> not_sent);
    void on_session_wants(session_id id);
    void on_session_connected(session_id id);
    void on_session_over(session_report report);
    void on_connect_failed(path& p, session_report& report);
    void return_unsent(path& p, session_entry& e, std::size_t unsent);
    void postpone_if_dead(site& s);
    void give_back_all(std::vector<work>& unsent);

    // scheduler_rules.cpp: what replies change
    void note_attempt(attempt& a);
    [[nodiscard]] shaping::rule_decision match_rules(path& p, const queue::campaign_ref& c,
                                                     int code, const smtp::enhanced_code& enhanced,
                                                     smtp::stage stage, const std::string& text);
    bool skip_host(path& p, const std::string& host);
    void on_events(std::vector<shaping::adaptation_event>& events);
    void on_suspended(const shaping::adaptation_event& e);
    void step_adaptations();
    // scheduler_rows.cpp: what of it survives a restart
    [[nodiscard]] result<void> load_adaptations();
    void save_adaptations();
    [[nodiscard]] result<void, failure> adopt_sources(const shaping::source_table& next);
    void make_quota(tenant_id id, tenant_entry& t);

    // scheduler_operate.cpp: orders
    [[nodiscard]] std::vector<queue::campaign_ref> campaigns_of(const scope& what) const;
    void reload_sources(const shaping::source_table& next);
    void forget_path(path& p);
    [[nodiscard]] static shaping::adaptation_subject subject_of(const scope& what);

    // scheduler_settle.cpp: outcomes become rows
    void gather();
    void collect_all();
    void collect(std::size_t shard);
    void add_outcome(queue::outcome o, bool at_once = false);
    void set_next_try(queue::outcome& o, bool at_once);
    void settle_now();
    void settle_permits(std::vector<queue::settlement>& settlements);
    void submit(std::vector<queue::settlement> settlements,
                const std::set<queue::campaign_ref>& touched,
                std::vector<std::pair<std::size_t, std::uint64_t>> durable = {});
    void submit_postponed(const std::vector<queue::lease>& leases, wall_time due);
    void on_durable(const std::set<queue::campaign_ref>& touched);
    [[nodiscard]] queue::outcome make_outcome(const work& w, queue::disposition what) const;

    // scheduler_view.cpp: for people
    [[nodiscard]] site_view view_site(const site& s);
    [[nodiscard]] path_view view_path(const path& p);
    void count_lanes(std::map<const site*, site_view*>& into);
    void explain_waiting(explanation& out, const queue::campaign_ref& c,
                         const queue::lifecycle& life);
    void explain_site(explanation& out, site& s, const queue::campaign_ref& c);
    void explain_path(explanation& out, path& p);
    void forecast_site(forecast_line& line, site* s, const shaping::pool_rule& pool);

    const engine_options& options_;
    std::shared_ptr<const shaping::shaping_table> shaping_;
    /// Never null. Shared with plans, whose sessions outlive a reload.
    std::shared_ptr<const bounce::classifier> classifier_;
    engine::dependencies deps_;
    const hooks& hooks_;
    net::tls_client_context tls_;
    const std::unique_ptr<asio::io_context> own_context_;
    asio::io_context& context_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_;
    std::unique_ptr<net::timer> timer_;
    std::unique_ptr<net::timer> gather_timer_;
    bool gathering_ = false;
    std::atomic<bool> wanted_{false};
    /// Sessions that began to wait for an outcome since the last collection, and how many of them
    /// end the gathering.
    std::atomic<std::size_t> waiting_{0};
    std::atomic<std::size_t> quorum_{1};
    std::unique_ptr<resolver::mx_resolver> resolver_;
    queue::active_queue queue_;
    std::vector<std::unique_ptr<shard>> shards_;
    std::size_t next_shard_ = 0;

    std::shared_ptr<const shaping::source_table> sources_;
    std::unordered_map<std::string, std::unique_ptr<site>> sites_;
    std::map<std::string, std::set<site*, by_place>> provider_sites_;
    std::map<std::pair<std::string, shaping::source_number>, provider_share> providers_;
    std::map<queue::campaign_ref, std::string> pools_;
    std::unordered_map<tenant_id, tenant_entry> tenants_;
    shaping::suspension_table suspensions_;
    shaping::match_counters matches_;
    std::set<path*, by_place> adapted_;
    std::set<path*, by_place> unsaved_;
    bool suspensions_unsaved_ = false;
    /// Stored adaptations of paths that have not come up yet, by (site, number of the source).
    std::map<std::pair<std::string, shaping::source_number>, std::string> stored_;
    std::vector<shaping::numbered_source> numbers_;
    shaping::warm_up_counter warm_up_;
    std::deque<shaping::adaptation_event> history_;
    std::uint64_t adaptations_ = 0;
    /// Lanes that a suspension or a quota keeps back.
    std::unordered_map<queue::lane_index, wall_time> holds_;
    /// Lanes that something came back to, or that could not be dealt out: looked at by the next
    /// tick.
    std::set<queue::lane_index> rewake_;
    /// Domains whose recipients are to bounce as soon as leasing goes on.
    std::set<domain_id> undisposed_;
    trace_hub trace_;
    mono_time started_{};
    std::unordered_map<domain_id, std::unique_ptr<domain_entry>> domains_;
    std::unordered_map<session_id, session_entry> sessions_;
    session_id next_session_ = 1;
    /// Sessions that are ending; those that have nothing to do.
    std::size_t ending_ = 0;
    std::size_t idle_ = 0;
    /// Sites that wait for one of sessions_max, in turn.
    std::deque<site*> wait_for_place_;
    /// Sites that may have work.
    std::set<site*, by_place> listed_;
    site* first_listed_ = nullptr;
    /// The pool that loads was full: nothing is leased before this.
    mono_time pool_rests_until_{};
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
    wall_time last_wall_{};
    mono_time last_mono_{};
    mono_time no_expiry_until_{};
    double lag_ms_ = 0;
    mono_time tick_due_{};
    std::thread thread_;
};

} // namespace hikyaku::delivery
