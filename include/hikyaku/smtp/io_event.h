#pragma once

#include <hikyaku/base/time.h>

#include <cstddef>
#include <string_view>

namespace hikyaku::smtp
{

/// One message to one recipient. Views stay valid until the transaction's result has been taken.
struct envelope
{
    /// Without angle brackets; empty is the null sender.
    std::string_view mail_from;
    std::string_view rcpt_to;
    /// Header and body, lines end in CRLF, the last one too; not dot-stuffed.
    std::string_view message;
    /// The message holds octets above 127 (outside of base64 and the like): needs 8BITMIME.
    bool is_8bit = false;
    /// An address or a header field needs SMTPUTF8 (RFC 6531).
    bool needs_smtputf8 = false;
};

/// The answer to action_kind::ask_permission.
enum class permission
{
    /// The final dot may go out.
    granted,
    /// It may not: the connection is closed, nothing was sent.
    refused,
    /// Not known yet: the body goes out first, then the session asks again. Only as the answer to
    /// the first ask of a message (action.must_answer == false).
    wait,
};

enum class action_kind
{
    /// Read some bytes → bytes_read, timed_out or closed.
    read,
    /// Write `bytes` and then `tail`, all of them → written, timed_out or closed.
    write,
    /// Do the TLS handshake with server name `bytes` → tls_done, timed_out or closed.
    start_tls,
    /// May the final dot go out? → permission.
    ask_permission,
    /// Wait for the next message → message or no_message; timed_out and closed are taken too.
    next_message,
    /// Close the connection. The session takes no further event.
    done,
};

/// What the session wants done next. Views are valid until the next resume().
struct action
{
    action_kind kind = action_kind::done;
    std::string_view bytes;
    std::string_view tail;
    /// What is left until the absolute deadline of the current command: bytes that drip in don't
    /// extend it. For next_message what is left of the session's lifetime.
    milliseconds timeout{0};
    /// Of ask_permission: the body is out, permission::wait isn't an answer any more.
    bool must_answer = false;
};

enum class event_kind
{
    started,
    bytes_read,
    written,
    tls_done,
    permission,
    message,
    no_message,
    timed_out,
    closed,
};

/// What became of the last action. A plain value; make one with the functions below.
struct io_event
{
    event_kind kind = event_kind::started;
    /// bytes_read: the bytes. tls_done, closed: the reason, for the log.
    std::string_view bytes;
    envelope mail;
    permission answer = permission::refused;
    bool tls_ok = false;
    /// message, permission: the peer's bytes (or its end of stream) are there to be read before our
    /// command has been sent. The session reads them first, and never takes them for the answer.
    bool input_ready = false;
    /// timed_out, closed after a write: how many bytes the transport took. It decides whether the
    /// final dot may have left.
    std::size_t bytes_written = 0;

    /// The connection is up.
    [[nodiscard]] static io_event started() { return {}; }
    /// @pre !bytes.empty(): the end of the stream is closed().
    [[nodiscard]] static io_event bytes_read(std::string_view bytes)
    {
        io_event e;
        e.kind = event_kind::bytes_read;
        e.bytes = bytes;
        return e;
    }
    [[nodiscard]] static io_event written()
    {
        io_event e;
        e.kind = event_kind::written;
        return e;
    }
    [[nodiscard]] static io_event tls_done(bool ok, std::string_view reason = {})
    {
        io_event e;
        e.kind = event_kind::tls_done;
        e.tls_ok = ok;
        e.bytes = reason;
        return e;
    }
    [[nodiscard]] static io_event permission_is(permission answer, bool input_ready = false)
    {
        io_event e;
        e.kind = event_kind::permission;
        e.answer = answer;
        e.input_ready = input_ready;
        return e;
    }
    [[nodiscard]] static io_event message(const envelope& mail, bool input_ready = false)
    {
        io_event e;
        e.kind = event_kind::message;
        e.mail = mail;
        e.input_ready = input_ready;
        return e;
    }
    /// There is nothing more to send: the session says QUIT.
    [[nodiscard]] static io_event no_message()
    {
        io_event e;
        e.kind = event_kind::no_message;
        return e;
    }
    [[nodiscard]] static io_event timed_out(std::size_t bytes_written = 0)
    {
        io_event e;
        e.kind = event_kind::timed_out;
        e.bytes_written = bytes_written;
        return e;
    }
    [[nodiscard]] static io_event closed(std::string_view reason, std::size_t bytes_written = 0)
    {
        io_event e;
        e.kind = event_kind::closed;
        e.bytes = reason;
        e.bytes_written = bytes_written;
        return e;
    }
};

} // namespace hikyaku::smtp
