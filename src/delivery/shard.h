#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "site.h"

#include <hikyaku/net/deadline_sweeper.h>
#include <hikyaku/net/task_group.h>
#include <hikyaku/net/tls_client_context.h>

namespace hikyaku::delivery
{

namespace asio = boost::asio;

class session;

/// An attempt that ended on a shard.
struct attempt
{
    queue::outcome o;
    session_id session = 0;
    /// Counts the shard's attempts: the session waits until this one is durable.
    std::uint64_t number = 0;
    bool completed = false;
    bool site_failure = false;
    /// As rules want them.
    smtp::enhanced_code enhanced;
    smtp::stage stage = smtp::stage::connect;
    /// The next try need not wait: it was this connection's matter.
    bool at_once = false;
};

/// How a session ended, with what it did not get to.
struct session_report
{
    session_id session = 0;
    std::vector<work> unsent;
    /// It never got as far as a first message: the failure is the site's.
    bool connect_failed = false;
    /// It got that far at least once.
    bool connected = false;
    /// All addresses were in forbidden networks.
    bool refused_address = false;
    std::string mx;
    smtp::session_end end;
    std::uint32_t connect_ms = 0;
};

/// What a shard tells the scheduler. Called on the shard's thread; must only hand over.
class shard_events
{
public:
    virtual ~shard_events() = default;
    /// The shard's outbox was empty and isn't any more.
    virtual void attempts_ready() = 0;
    /// A session waits for an attempt to be durable: what has gathered is wanted now.
    virtual void outcomes_wanted() = 0;
    virtual void session_wants(session_id id) = 0;
    /// The session got as far as its first message.
    virtual void session_connected(session_id id) = 0;
    virtual void session_over(session_report report) = 0;
    /// Leases that can't be used as loaded: to be handed out again.
    virtual void returned(std::vector<work> unsent) = 0;
};

/// One thread with its own event loop that runs sessions. Public methods are thread-safe unless
/// marked "shard thread".
class shard
{
public:
    shard(std::size_t index, const engine_options& options, const hooks& h, const clock& clock,
          const net::tls_client_context& tls, const seams& world, trace_hub& trace,
          shard_events& events);
    ~shard();
    void start();

    void open(session_id id, std::shared_ptr<const connection_plan> plan, std::vector<work> first);
    /// More work for a session; comes back through returned() when the session is gone.
    void give(session_id id, std::vector<work> more);
    /// The session finishes its transaction and ends; unsent work comes back.
    void retire(session_id id);
    /// The session gets no more work: it ends when it has sent what it has.
    void finish(session_id id);
    /// Sessions finish their transaction and end; unsent work comes back.
    void drain();
    /// Cuts what is still open.
    void cut();
    /// Waits until no session is left, then ends the thread. @pre drain() or cut() was called
    void join();
    /// Attempts up to this number are durable.
    void set_durable(std::uint64_t number);
    [[nodiscard]] std::vector<attempt> take_attempts();
    [[nodiscard]] std::size_t sessions() const noexcept { return open_.load(); }

    // Shard thread, for sessions.
    [[nodiscard]] std::uint64_t add_attempt(attempt a);
    [[nodiscard]] bool is_durable(std::uint64_t number) const noexcept
    {
        return number <= durable_;
    }
    void wait_durable(session& s, std::uint64_t number);
    void forget_waiter(session& s);
    [[nodiscard]] bool draining() const noexcept { return draining_; }
    [[nodiscard]] asio::io_context& context() noexcept { return context_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    [[nodiscard]] const engine_options& options() const noexcept { return options_; }
    [[nodiscard]] const hooks& to_campaigns() const noexcept { return hooks_; }
    [[nodiscard]] const clock& time() const noexcept { return clock_; }
    [[nodiscard]] std::unique_ptr<net::timer> make_timer() { return sleeper_.make_timer(context_); }
    [[nodiscard]] shard_events& events() noexcept { return events_; }
    [[nodiscard]] trace_hub& trace() noexcept { return trace_; }
    [[nodiscard]] const trace_hub& trace() const noexcept { return trace_; }
    [[nodiscard]] net::dialer& dialer(bool route) noexcept
    {
        return route ? *route_dialer_ : *dialer_;
    }
    void remove(session_id id);

private:
    void run();
    void on_open(session_id id, std::shared_ptr<const connection_plan> plan,
                 std::vector<work> first);

    const std::size_t index_;
    const engine_options& options_;
    const hooks& hooks_;
    const clock& clock_;
    trace_hub& trace_;
    shard_events& events_;
    net::sleeper& sleeper_;
    const std::unique_ptr<asio::io_context> own_context_;
    asio::io_context& context_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_;
    net::deadline_sweeper sweeper_;
    const net::network_list no_networks_;
    std::unique_ptr<net::dialer> dialer_;
    std::unique_ptr<net::dialer> route_dialer_;
    net::task_group tasks_;
    std::unordered_map<session_id, std::unique_ptr<session>> sessions_;
    std::multimap<std::uint64_t, session*> waiters_;
    std::uint64_t next_number_ = 0;
    std::uint64_t durable_ = 0;
    bool draining_ = false;
    std::atomic<std::size_t> open_{0};

    std::mutex outbox_mutex_;
    std::vector<attempt> outbox_;
    std::thread thread_;
};

} // namespace hikyaku::delivery
