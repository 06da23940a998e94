#pragma once

#include <hikyaku/base/time.h>
#include <hikyaku/net/stream.h>
#include <hikyaku/smtp/client_session.h>

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace hikyaku::delivery
{

/// Where a session's messages come from and where its outcomes go. Implemented by the engine; all
/// calls on the stream's thread, one at a time.
class message_source
{
public:
    virtual ~message_source() = default;

    /// The next message for this connection, or nullopt: nothing more, say QUIT. The envelope's
    /// views stay valid until settle() has returned. May wait; the wait is the engine's to bound.
    [[nodiscard]] virtual boost::asio::awaitable<std::optional<smtp::envelope>> next_message() = 0;
    /// May the current message's final dot go out? Asked once per message, right after 354. `wait`
    /// while the previous outcome isn't durable yet.
    [[nodiscard]] virtual smtp::permission ask_permission() = 0;
    /// After `wait`, and after the body is out: waits for the answer, true is granted.
    [[nodiscard]] virtual boost::asio::awaitable<bool> wait_permission() = 0;
    /// The peer has the message and thinks: a good time to get the next one ready.
    virtual void prefetch() = 0;
    /// The outcome of the current message, exactly once for each that next_message() gave. The
    /// reference is valid during the call.
    virtual void settle(const smtp::transaction_result& result) = 0;
};

/// Hears what is said on one connection. Called on the stream's thread.
class dialogue_tap
{
public:
    virtual ~dialogue_tap() = default;
    /// Cheap; nothing else is called while it says false.
    [[nodiscard]] virtual bool listening() const noexcept = 0;
    /// Whole commands, CRLF included; never a message's octets.
    virtual void sent(std::string_view commands) = 0;
    virtual void sent_message(std::size_t bytes) = 0;
    virtual void received(std::string_view bytes) = 0;
    virtual void tls_done(const net::tls_result& r) = 0;
};

/// Performs what the session asks for until it is done, then closes the stream. Knows nothing of
/// SMTP. All arguments outlive the awaitable. Never throws on its own; what the source throws
/// passes. `tap` may be null.
/// @returns how the connection ended. If that was before the first next_message() call, no message
/// was asked for or settled.
[[nodiscard]] boost::asio::awaitable<smtp::session_end>
run_session(net::stream& stream, smtp::client_session& session, message_source& source,
            const hikyaku::clock& clock = system_clock(), dialogue_tap* tap = nullptr);

} // namespace hikyaku::delivery
