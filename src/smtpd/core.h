#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <hikyaku/net/blocking_pool.h>
#include <hikyaku/net/deadline_sweeper.h>
#include <hikyaku/net/stream.h>
#include <hikyaku/net/task_group.h>
#include <hikyaku/net/tls_server_context.h>
#include <hikyaku/smtp/server_session.h>
#include <hikyaku/smtpd/server.h>

namespace hikyaku::smtpd
{

namespace asio = boost::asio;
using asio::ip::tcp;

/// The listener and its sessions. Everything is on the thread of `context_` but what says
/// otherwise.
class server::impl
{
public:
    impl(server_options options, mail_handler handler, const clock& clock_source);
    ~impl();
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    // server.cpp: the owner's thread
    [[nodiscard]] result<std::uint16_t, failure> start();
    void stop();
    void close_listener();
    [[nodiscard]] result<void, failure> load_certificate();
    [[nodiscard]] counters read_counters() const;

private:
    class slot;

    // server.cpp
    [[nodiscard]] result<void, failure> bind();
    [[nodiscard]] asio::awaitable<void> run_accept();
    void admit(tcp::socket socket);
    void turn_away(tcp::socket& socket, std::string_view reply);
    [[nodiscard]] asio::awaitable<void> run_stop();
    [[nodiscard]] std::shared_ptr<const net::tls_server_context> tls_now() const;

    // session_driver.cpp
    [[nodiscard]] asio::awaitable<void> run_session(std::unique_ptr<slot> place);
    [[nodiscard]] asio::awaitable<smtp::server_event> perform(const smtp::server_action& action,
                                                              net::stream& stream,
                                                              smtp::server_session& session,
                                                              std::span<char> buffer);
    [[nodiscard]] asio::awaitable<smtp::server_event> pause(net::stream& stream,
                                                            milliseconds timeout);
    [[nodiscard]] asio::awaitable<smtp::server_event>
    read(net::stream& stream, std::span<char> buffer, milliseconds timeout);
    [[nodiscard]] asio::awaitable<smtp::server_event> deliver(inbound_mail mail);
    [[nodiscard]] asio::awaitable<void> linger(net::stream& stream, std::span<char> buffer);
    [[nodiscard]] smtp::server_reply check(std::string_view recipient) const;
    [[nodiscard]] inbound_mail take_mail(const net::stream& stream, smtp::server_session& session);
    void count_end(const net::stream& stream, const smtp::server_session& session);
    void log_end(const net::stream& stream, const smtp::server_session& session);

    const server_options options_;
    const mail_handler handler_;
    const clock& clock_;

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    net::deadline_sweeper sweeper_;
    net::task_group tasks_;
    tcp::acceptor acceptor_;
    asio::steady_timer drain_;
    net::blocking_pool pool_;
    smtp::message_budget budget_;
    bool stopping_ = false;
    std::set<net::stream*> streams_;
    std::map<std::string, std::size_t> sessions_of_; // by to_count_key()
    std::uint64_t received_ = 0;
    wall_time log_window_{};
    unsigned logged_ = 0;

    mutable std::mutex mutex_; // of the two below
    std::shared_ptr<const net::tls_server_context> tls_;
    counters counters_;

    bool started_ = false;
    std::thread thread_;
};

/// A session's stream, among those that stop() cuts, and its place among the counted.
class server::impl::slot
{
public:
    slot(impl& owner, std::string key, std::unique_ptr<net::stream> stream);
    ~slot();
    slot(const slot&) = delete;
    slot& operator=(const slot&) = delete;

    [[nodiscard]] net::stream& stream() const noexcept { return *stream_; }

private:
    impl& owner_;
    std::string key_;
    std::unique_ptr<net::stream> stream_;
};

} // namespace hikyaku::smtpd
