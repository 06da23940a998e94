#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/smtp/server_io.h>

namespace hikyaku::smtpd
{

/// Code 250 accepts. `text` may begin with an enhanced code; see smtp::server_reply.
using reply_text = smtp::server_reply;

/// A message that has come in completely.
struct inbound_mail
{
    /// Address of the peer: "192.0.2.1", "2001:db8::1".
    std::string peer;
    /// What it called itself: visible ASCII, of its own choice.
    std::string helo;
    /// Without angle brackets; empty for the null sender.
    std::string mail_from;
    /// Without angle brackets; each was accepted by check_recipient, no one twice, at least one.
    std::vector<std::string> recipients;
    /// Our Received field, then what came: CRLF line ends, dots unstuffed, no NUL.
    std::string message;
    bool tls = false;
};

/// Who the mail is for.
struct mail_handler
{
    /// RCPT TO without angle brackets. Quick: sessions wait on the server's thread.
    std::function<reply_text(std::string_view recipient)> check_recipient;
    /// Blocks until the message's effects are durable; called on threads of the server's pool. An
    /// exception is answered 451.
    std::function<reply_text(const inbound_mail&)> deliver;
};

struct server_options
{
    /// A literal IPv4 or IPv6 address; "::" takes IPv4 too.
    std::string address = "127.0.0.1";
    /// 0: a free port; start() tells which.
    std::uint16_t port = 0;
    /// Name in banner, EHLO and Received.
    std::string host_name;
    /// PEM chain and key: STARTTLS is offered, TLS 1.2 and later. Both or none.
    std::string certificate_file;
    std::string key_file;
    smtp::server_limits limits;
    /// More are told 421 and closed.
    std::size_t sessions_max = 200;
    /// Of one IPv4 address, or IPv6 /64.
    std::size_t sessions_per_address_max = 50;
    /// Of messages in memory, all sessions together; more are told 452.
    std::size_t smtpd_bytes_max = 32u << 20;
    /// Threads that run deliver.
    std::size_t threads = 4;
    /// At stop(): peers get this long to take what is said to them; then connections are cut.
    milliseconds drain_timeout{10'000};
};

/// Since the start.
struct counters
{
    std::uint64_t sessions = 0;
    std::uint64_t sessions_tls = 0;
    /// Over sessions_max or sessions_per_address_max.
    std::uint64_t sessions_refused = 0;
    /// By smtp::server_end.
    std::array<std::uint64_t, smtp::server_ends_max> ends{};
    /// Answered 2xx.
    std::uint64_t messages = 0;
    std::uint64_t message_bytes = 0;
    /// Replies 4xx and 5xx to anything.
    std::uint64_t refusals = 0;
    /// Now.
    std::size_t open_sessions = 0;
};

/// Takes mail in over SMTP, for recipients that the handler knows, and passes none on. One I/O
/// thread, and a pool for deliver.
///
/// States: made → started → stopped; start and stop are called by one owner thread.
class server
{
public:
    server(server_options options, mail_handler handler, const clock& clock_source);
    /// Stops.
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Binds, and starts the threads.
    /// @returns the port
    /// @error address in use, bad certificate: a sentence
    [[nodiscard]] result<std::uint16_t, failure> start();

    /// Stops listening, lets messages that are being delivered be answered, tells the peers 421
    /// within a second, joins the threads. Blocks. Idempotent.
    void stop();
    /// Takes new connections no more: the first step of a shutdown. Any thread.
    void close_listener();

    /// Reads certificate and key again (SIGHUP); new sessions use them. Any thread.
    /// @error names the file; the old ones stay in use
    [[nodiscard]] result<void, failure> reload_certificate();

    /// Any thread.
    [[nodiscard]] counters read_counters() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::smtpd
