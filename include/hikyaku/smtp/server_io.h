#pragma once

#include <hikyaku/base/assert.h>
#include <hikyaku/base/time.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::smtp
{

/// What the one who owns the mail says to a recipient or a message. `text` may begin with an
/// enhanced code ("5.1.1 No such address"); without one a fitting code is put before it.
struct server_reply
{
    /// 2xx accepts; 4xx, 5xx. Any other is taken for 451.
    int code = 250;
    std::string text;
};

/// Limits of one inbound session. Beyond them the peer is told what to do.
struct server_limits
{
    /// Of one message; more are 452 4.5.3.
    std::size_t recipients_max = 100;
    /// Of one message, dots unstuffed; larger ones are 552 5.3.4. Told by SIZE.
    std::size_t message_bytes_max = 10u << 20;
    /// Replies 5xx to commands; then 421.
    unsigned errors_max = 10;
    /// Commands that do nothing (NOOP, VRFY, HELP, RSET, EHLO, …) between two messages; then 421.
    unsigned idle_commands_max = 100;
    /// For a command to come, and between two reads of a message (RFC 5321 section 4.5.3.2.7).
    milliseconds idle_timeout = std::chrono::minutes{5};
    /// From the connection to its end, whatever the peer does.
    milliseconds session_timeout = std::chrono::minutes{15};
    milliseconds tls_timeout = seconds{60};
    /// For the peer to take our replies.
    milliseconds write_timeout = seconds{60};
    /// Before the banner; a peer that speaks in it is no SMTP client.
    milliseconds greet_pause{100};

    /// Of a command with its CRLF (RFC 5321 section 4.5.3.1.4 has 512, extensions add to it).
    static constexpr std::size_t command_bytes_max = 2048;
    /// What is skipped of a command line that is too long; then the connection is closed.
    static constexpr std::size_t skipped_bytes_max = 64 * 1024;
    /// Of a line of a message, without CRLF. RFC 5321 has 998; real bounces have longer ones.
    static constexpr std::size_t line_bytes_max = 64 * 1024;
};

struct server_options
{
    /// Our name: banner, EHLO, and the domain of a bare <postmaster>. @pre is_safe_host_name()
    std::string host_name;
    /// STARTTLS is offered.
    bool offer_tls = false;
    server_limits limits;
};

/// Bytes that the messages of all sessions of one thread may hold together. Not thread-safe.
class message_budget
{
public:
    explicit message_budget(std::size_t bytes_max) noexcept : left_(bytes_max) {}

    /// False: there is not so much left; nothing is taken.
    [[nodiscard]] bool take(std::size_t bytes) noexcept
    {
        const bool enough = bytes <= left_;
        left_ -= enough ? bytes : 0;
        return enough;
    }
    void give(std::size_t bytes) noexcept { left_ += bytes; }
    [[nodiscard]] std::size_t left() const noexcept { return left_; }

private:
    std::size_t left_;
};

/// A message that has come in completely, and its envelope.
struct inbound_transaction
{
    /// Without angle brackets and source route; empty for the null sender.
    std::string mail_from;
    /// The same; each was accepted, no one twice, at least one.
    std::vector<std::string> recipients;
    /// Lines end in CRLF, dots unstuffed, no NUL, no bare CR or LF.
    std::string message;
};

enum class server_action_kind : std::uint8_t
{
    /// Wait `timeout` without reading → paused (whether the peer has spoken), stopping.
    pause,
    /// Read some bytes → bytes_read, timed_out, closed, stopping.
    read,
    /// Write all of `bytes` → written, timed_out, closed.
    write,
    /// Do the TLS handshake as the server → tls_done, timed_out, closed.
    start_tls,
    /// May the address `bytes` be mailed to? → answer.
    check_recipient,
    /// Take session.transaction(); it must be durable before the answer is 2xx → answer.
    deliver,
    /// Close the connection. With `linger` the peer may still be sending: drop what comes for a
    /// moment first, or the reset would swallow our last reply. The session takes no more events.
    done,
};

/// What the session wants done next. Views are valid until the next resume().
struct server_action
{
    server_action_kind kind = server_action_kind::done;
    std::string_view bytes{};
    milliseconds timeout{0};
    bool linger = false;
};

enum class server_event_kind : std::uint8_t
{
    started,
    paused,
    bytes_read,
    written,
    tls_done,
    answer,
    timed_out,
    closed,
    /// We are to end: the peer is told 421 and the connection closed.
    stopping,
};

/// What became of the last action.
struct server_event
{
    server_event_kind kind = server_event_kind::started;
    /// bytes_read: not empty.
    std::string_view bytes{};
    /// paused: the peer has spoken. tls_done: it worked.
    bool yes = false;
    server_reply reply{};

    [[nodiscard]] static server_event of(server_event_kind kind)
    {
        server_event e;
        e.kind = kind;
        return e;
    }
    [[nodiscard]] static server_event bytes_read(std::string_view bytes)
    {
        HK_ASSERT(!bytes.empty());
        server_event e = of(server_event_kind::bytes_read);
        e.bytes = bytes;
        return e;
    }
    [[nodiscard]] static server_event paused(bool peer_has_spoken)
    {
        server_event e = of(server_event_kind::paused);
        e.yes = peer_has_spoken;
        return e;
    }
    [[nodiscard]] static server_event tls_done(bool ok)
    {
        server_event e = of(server_event_kind::tls_done);
        e.yes = ok;
        return e;
    }
    [[nodiscard]] static server_event answer(server_reply reply)
    {
        server_event e = of(server_event_kind::answer);
        e.reply = std::move(reply);
        return e;
    }
};

/// Why an inbound session ended.
enum class server_end : std::uint8_t
{
    quit,
    connection_lost,
    timed_out,
    /// Spoke before the banner, behind STARTTLS, or behind a DATA that was refused.
    out_of_turn,
    /// A bare CR or LF, in a command or a message.
    bare_newline,
    too_many_errors,
    /// HTTP, BDAT, or an endless line: what follows can't be told from commands.
    not_smtp,
    tls_failed,
    stopped,
};
inline constexpr std::size_t server_ends_max = 9;
/// "quit", "connection_lost", …
[[nodiscard]] std::string_view to_string(server_end end) noexcept;

} // namespace hikyaku::smtp
