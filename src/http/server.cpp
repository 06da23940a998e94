#include <hikyaku/http/server.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <exception>
#include <future>
#include <thread>
#include <utility>

#include <unistd.h>

#include "core.h"
#include "listen_socket.h"
#include "session.h"
#include "spool_file.h"
#include "tls_context.h"

namespace hikyaku::http
{
namespace
{

constexpr auto token = asio::as_tuple(asio::use_awaitable);
/// How late a deadline may be noticed.
constexpr milliseconds sweep_period{100};
/// After accept failed for want of descriptors or memory.
constexpr milliseconds accept_pause{100};

/// Whether a connection more is allowed; counts it.
bool admit_connection(listener& at, const std::string& address)
{
    const auto& limits = at.options.limits;
    if (at.connections >= limits.connections_max)
    {
        return false;
    }
    if (!address.empty())
    {
        auto& count = at.per_address[address];
        if (count >= limits.connections_per_ip_max)
        {
            return false;
        }
        ++count;
    }
    ++at.connections;
    return true;
}

void forget_connection(listener& at, const std::string& address)
{
    --at.connections;
    const auto counted = at.per_address.find(address);
    if (counted != at.per_address.end() && --counted->second == 0)
    {
        at.per_address.erase(counted);
    }
}

void log_escaped(std::string_view event, const std::exception_ptr& thrown)
{
    try
    {
        std::rethrow_exception(thrown);
    }
    catch (const std::exception& e)
    {
        log::error(event, {{"what", e.what()}});
    }
    catch (...)
    {
        log::error(event, {{"what", "not a std::exception"}});
    }
}

/// The completion of a session's coroutine: the connection is forgotten.
struct end_session
{
    core& shared;
    /// Shared with core::sessions; keeps the session alive while its coroutine runs.
    std::shared_ptr<session> ended;

    void operator()(const std::exception_ptr& thrown) const
    {
        if (thrown)
        {
            log_escaped("http_session_exception", thrown);
        }
        forget_connection(ended->from(), ended->peer_address());
        shared.sessions.erase(ended);
        shared.open.store(shared.sessions.size());
    }
};

/// The completion of the accept and sweep loops, which must not throw.
struct end_loop
{
    void operator()(const std::exception_ptr& thrown) const
    {
        if (thrown)
        {
            log_escaped("http_loop_exception", thrown);
        }
        HK_ASSERT(!thrown);
    }
};

void begin_session(core& shared, listener& at, transport::socket connected)
{
    auto peer = identify_peer(connected.native_handle());
    if (shared.stopping || !admit_connection(at, peer.address))
    {
        return;
    }
    send_at_once(connected.native_handle());
    auto made = std::make_shared<session>(shared, at, std::move(connected), std::move(peer));
    shared.sessions.insert(made);
    shared.open.store(shared.sessions.size());
    asio::co_spawn(shared.io, made->run(), end_session{shared, made});
}

asio::awaitable<void> run_accepts(core& shared, listener& at)
{
    asio::steady_timer pause(shared.io);
    bool complained = false;
    while (at.accepts.is_open())
    {
        transport::socket connected(shared.io);
        const auto [error] = co_await at.accepts.async_accept(connected, token);
        if (!error)
        {
            complained = false;
            begin_session(shared, at, std::move(connected));
            continue;
        }
        if (error == asio::error::operation_aborted)
        {
            continue;
        }
        if (!complained)
        {
            log::warning("http_accept_failed",
                         {{"listener", at.options.name}, {"reason", error.message()}});
            complained = true;
        }
        pause.expires_after(accept_pause);
        const auto [ignored] = co_await pause.async_wait(token);
        static_cast<void>(ignored);
    }
}

} // namespace

class server::impl
{
public:
    explicit impl(server_options options) : core_(std::move(options)), sweep_timer_(core_.io) {}

    void add_listener(listener_options where, const service& what)
    {
        HK_ASSERT(!thread_.joinable() && !stopped_);
        listeners_.push_back(std::make_unique<listener>(core_.io, std::move(where), what));
    }

    result<std::vector<bound_endpoint>, failure> start();
    void stop();
    void close_listeners();
    result<void, failure> reload_certificates();
    [[nodiscard]] std::size_t connections() const noexcept { return core_.open.load(); }

private:
    [[nodiscard]] std::optional<failure> open(listener& l);
    [[nodiscard]] std::optional<failure> check_spool() const;
    /// Runs `action` on the I/O thread and waits for it.
    void run_on_io(std::function<void()> action);
    void close_accepts();
    [[nodiscard]] asio::awaitable<void> run_sweeps();
    void sweep(mono_time now);

    core core_;
    std::vector<std::unique_ptr<listener>> listeners_;
    asio::steady_timer sweep_timer_;
    mono_time drain_deadline_ = mono_time::max();
    std::thread thread_;
    bool stopped_ = false;
};

std::optional<failure> server::impl::open(listener& l)
{
    const auto& options = l.options;
    if (options.certificate_file.empty() != options.key_file.empty())
    {
        return failure{"listener " + options.name + " needs both a certificate and a key file"};
    }
    if (!options.certificate_file.empty())
    {
        auto context = make_server_context(options.certificate_file, options.key_file);
        if (context.has_error())
        {
            return context.error();
        }
        l.tls = std::move(*context);
    }
    auto opened = open_listening(options);
    if (opened.has_error())
    {
        return opened.error();
    }
    error_code error;
    l.accepts.assign(asio::generic::stream_protocol(opened->family, 0), opened->descriptor, error);
    if (error)
    {
        ::close(opened->descriptor);
        return failure{"listener " + options.name + ": " + error.message()};
    }
    l.where = std::move(opened->where);
    return std::nullopt;
}

std::optional<failure> server::impl::check_spool() const
{
    const auto& directory = core_.options.spool_dir;
    std::error_code error;
    if (!directory.empty() && !std::filesystem::is_directory(directory, error))
    {
        return failure{"the spool directory " + directory.string() + " is not a directory"};
    }
    return std::nullopt;
}

result<std::vector<bound_endpoint>, failure> server::impl::start()
{
    HK_ASSERT(!thread_.joinable() && !stopped_);
    if (auto failed = check_spool())
    {
        return *failed;
    }
    std::vector<bound_endpoint> endpoints;
    for (auto& l : listeners_)
    {
        if (auto failed = open(*l))
        {
            close_accepts();
            return *failed;
        }
        endpoints.push_back(l->where);
    }
    if (!core_.options.spool_dir.empty())
    {
        spool_file::remove_leftovers(core_.options.spool_dir);
    }
    for (auto& l : listeners_)
    {
        asio::co_spawn(core_.io, run_accepts(core_, *l), end_loop());
    }
    asio::co_spawn(core_.io, run_sweeps(), end_loop());
    thread_ = std::thread([this] { core_.io.run(); });
    return endpoints;
}

void server::impl::close_accepts()
{
    for (auto& l : listeners_)
    {
        if (!l->accepts.is_open())
        {
            continue;
        }
        error_code ignored;
        l->accepts.close(ignored);
        if (!l->where.unix_socket.empty())
        {
            std::error_code gone;
            std::filesystem::remove(l->where.unix_socket, gone);
        }
    }
}

void server::impl::run_on_io(std::function<void()> action)
{
    // Shared: set_value may still touch the promise when the waiter has gone on.
    const auto done = std::make_shared<std::promise<void>>();
    auto ended = done->get_future();
    asio::post(core_.io,
               [done, action = std::move(action)]
               {
                   action();
                   done->set_value();
               });
    ended.wait();
}

void server::impl::close_listeners()
{
    if (thread_.joinable())
    {
        run_on_io([this] { close_accepts(); });
    }
}

result<void, failure> server::impl::reload_certificates()
{
    std::vector<std::pair<listener*, std::shared_ptr<asio::ssl::context>>> fresh;
    for (auto& l : listeners_)
    {
        if (l->options.certificate_file.empty())
        {
            continue;
        }
        auto context = make_server_context(l->options.certificate_file, l->options.key_file);
        if (context.has_error())
        {
            return context.error();
        }
        fresh.emplace_back(l.get(), std::move(*context));
    }
    const auto exchange_all = [&]
    {
        for (auto& [at, context] : fresh)
        {
            at->tls = std::move(context);
        }
    };
    if (thread_.joinable())
    {
        run_on_io(exchange_all);
    }
    return {};
}

void server::impl::stop()
{
    if (stopped_)
    {
        return;
    }
    stopped_ = true;
    if (thread_.joinable())
    {
        run_on_io(
            [this]
            {
                core_.stopping = true;
                drain_deadline_ = std::chrono::steady_clock::now() + core_.options.drain_timeout;
                close_accepts();
                for (const auto& s : core_.sessions)
                {
                    s->begin_stop();
                }
                sweep_timer_.cancel();
            });
        // The loop ends by itself when the last session has ended.
        thread_.join();
    }
    core_.workers.stop();
    core_.streams.stop();
    core_.files.stop();
}

void server::impl::sweep(mono_time now)
{
    const bool too_late = core_.stopping && now >= drain_deadline_;
    for (const auto& s : core_.sessions)
    {
        if (too_late)
        {
            s->cut();
        }
        else
        {
            s->expire(now);
        }
    }
}

asio::awaitable<void> server::impl::run_sweeps()
{
    while (!core_.stopping || !core_.sessions.empty())
    {
        sweep_timer_.expires_after(sweep_period);
        const auto [ignored] = co_await sweep_timer_.async_wait(token);
        static_cast<void>(ignored);
        sweep(std::chrono::steady_clock::now());
    }
}

server::server(server_options options) : impl_(std::make_unique<impl>(std::move(options))) {}

server::~server()
{
    stop();
}

void server::add_listener(listener_options where, const service& what)
{
    impl_->add_listener(std::move(where), what);
}

result<std::vector<bound_endpoint>, failure> server::start()
{
    return impl_->start();
}

void server::stop()
{
    impl_->stop();
}

void server::close_listeners()
{
    impl_->close_listeners();
}

result<void, failure> server::reload_certificates()
{
    return impl_->reload_certificates();
}

std::size_t server::connections() const noexcept
{
    return impl_->connections();
}

} // namespace hikyaku::http
