#include <hikyaku/smtpd/server.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/net/tcp_dialer.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <pthread.h>
#include <sys/socket.h>

#include "core.h"
#include "peer_address.h"

namespace hikyaku::smtpd
{
namespace
{

constexpr int backlog = 128;
/// After accept() failed for want of descriptors or memory.
constexpr milliseconds accept_pause{100};
constexpr std::size_t deliveries_queued_max = 1024;

} // namespace

server::server(server_options options, mail_handler handler, const clock& clock_source)
    : impl_(std::make_unique<impl>(std::move(options), std::move(handler), clock_source))
{
}

server::~server() = default;

result<std::uint16_t, failure> server::start()
{
    return impl_->start();
}

void server::stop()
{
    impl_->stop();
}

void server::close_listener()
{
    impl_->close_listener();
}

result<void, failure> server::reload_certificate()
{
    return impl_->load_certificate();
}

counters server::read_counters() const
{
    return impl_->read_counters();
}

server::impl::impl(server_options options, mail_handler handler, const clock& clock_source)
    : options_(std::move(options)), handler_(std::move(handler)), clock_(clock_source),
      work_(context_.get_executor()), sweeper_(context_.get_executor(), clock_source),
      tasks_(context_.get_executor()), acceptor_(context_), drain_(context_),
      pool_({options_.threads, deliveries_queued_max}), budget_(options_.smtpd_bytes_max)
{
    HK_ASSERT(handler_.check_recipient && handler_.deliver);
}

server::impl::~impl()
{
    stop();
}

result<void, failure> server::impl::load_certificate()
{
    if (options_.certificate_file.empty())
    {
        return {};
    }
    auto loaded = net::tls_server_context::load(options_.certificate_file, options_.key_file);
    if (loaded.has_error())
    {
        return loaded.error();
    }
    const std::lock_guard lock(mutex_);
    tls_ = std::move(*loaded);
    return {};
}

std::shared_ptr<const net::tls_server_context> server::impl::tls_now() const
{
    const std::lock_guard lock(mutex_);
    return tls_;
}

counters server::impl::read_counters() const
{
    const std::lock_guard lock(mutex_);
    return counters_;
}

result<void, failure> server::impl::bind()
{
    error_code ec;
    const auto address = asio::ip::make_address(options_.address, ec);
    const tcp::endpoint where(address, options_.port);
    if (!ec)
    {
        acceptor_.open(where.protocol(), ec);
    }
    if (!ec)
    {
        acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    }
    if (!ec && address.is_v6())
    {
        acceptor_.set_option(asio::ip::v6_only(!address.is_unspecified()), ec);
    }
    if (!ec)
    {
        acceptor_.bind(where, ec);
    }
    if (!ec)
    {
        acceptor_.listen(backlog, ec);
    }
    if (ec)
    {
        return failure{"can't listen for SMTP on " + options_.address + " port " +
                       std::to_string(options_.port) + ": " + ec.message()};
    }
    return {};
}

result<std::uint16_t, failure> server::impl::start()
{
    HK_ASSERT(!started_);
    const auto certificate = load_certificate();
    if (certificate.has_error())
    {
        return certificate.error();
    }
    const auto bound = bind();
    if (bound.has_error())
    {
        return bound.error();
    }
    error_code ignored; // it is bound
    const std::uint16_t port = acceptor_.local_endpoint(ignored).port();
    started_ = true;
    tasks_.spawn("smtpd_accept", run_accept());
    thread_ = std::thread(
        [this]
        {
            pthread_setname_np(pthread_self(), "smtpd");
            context_.run();
        });
    return port;
}

void server::impl::close_listener()
{
    asio::post(context_,
               [this]
               {
                   error_code ignored;
                   acceptor_.close(ignored);
               });
}

void server::impl::stop()
{
    if (thread_.joinable())
    {
        asio::post(context_, [this] { asio::co_spawn(context_, run_stop(), asio::detached); });
        thread_.join();
    }
    pool_.stop();
}

/// Lets the sessions come to their end, and then the thread.
asio::awaitable<void> server::impl::run_stop()
{
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    drain_.expires_after(options_.drain_timeout);
    drain_.async_wait(
        [this](const error_code& cancelled)
        {
            for (auto* const s : streams_)
            {
                if (!cancelled)
                {
                    s->close();
                }
            }
        });
    co_await tasks_.async_wait();
    drain_.cancel();
    work_.reset();
}

asio::awaitable<void> server::impl::run_accept()
{
    while (acceptor_.is_open())
    {
        tcp::socket socket(context_);
        error_code ec;
        co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
        if (!ec)
        {
            admit(std::move(socket));
            continue;
        }
        if (!acceptor_.is_open())
        {
            break;
        }
        asio::steady_timer pause(context_, accept_pause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
}

void server::impl::admit(tcp::socket socket)
{
    error_code ec;
    const auto remote = socket.remote_endpoint(ec);
    if (ec)
    {
        return; // it is gone already
    }
    std::string key = to_count_key(to_plain(remote.address()));
    const auto found = sessions_of_.find(key);
    if (streams_.size() >= options_.sessions_max)
    {
        turn_away(socket, "421 4.3.2 Too many sessions: try again in a minute\r\n");
    }
    else if (found != sessions_of_.end() && found->second >= options_.sessions_per_address_max)
    {
        turn_away(socket, "421 4.7.0 Too many sessions from your address: close some\r\n");
    }
    else
    {
        // Counted here: the coroutine starts later, when others may have come.
        auto stream = net::make_accepted_stream(std::move(socket), sweeper_, tls_now());
        tasks_.spawn("smtpd_session",
                     run_session(std::make_unique<slot>(*this, std::move(key), std::move(stream))));
    }
}

void server::impl::turn_away(tcp::socket& socket, std::string_view reply)
{
    // Best effort: a new socket takes so few bytes.
    static_cast<void>(
        ::send(socket.native_handle(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    const std::lock_guard lock(mutex_);
    ++counters_.sessions_refused;
}

server::impl::slot::slot(impl& owner, std::string key, std::unique_ptr<net::stream> stream)
    : owner_(owner), key_(std::move(key)), stream_(std::move(stream))
{
    ++owner_.sessions_of_[key_];
    owner_.streams_.insert(stream_.get());
    const std::lock_guard lock(owner_.mutex_);
    ++owner_.counters_.sessions;
    owner_.counters_.open_sessions = owner_.streams_.size();
}

server::impl::slot::~slot()
{
    const auto found = owner_.sessions_of_.find(key_);
    HK_ASSERT(found != owner_.sessions_of_.end() && found->second > 0);
    if (--found->second == 0)
    {
        owner_.sessions_of_.erase(found);
    }
    owner_.streams_.erase(stream_.get());
    const std::lock_guard lock(owner_.mutex_);
    owner_.counters_.open_sessions = owner_.streams_.size();
}

} // namespace hikyaku::smtpd
