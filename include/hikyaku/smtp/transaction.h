#pragma once

#include <hikyaku/smtp/reply.h>

#include <cstddef>
#include <string>

namespace hikyaku::smtp
{

/// Where a session is: the command whose reply is awaited, or the data being sent.
enum class stage
{
    connect, ///< never set by the session: the dialer's
    banner,
    ehlo,
    starttls,
    tls,
    mail,
    rcpt,
    data,      ///< up to 354 and the first ask for permission
    body,      ///< the message goes out, the dot has not
    final_dot, ///< the dot was handed to the transport
    rset,
    quit,
    idle, ///< between messages
};

[[nodiscard]] const char* to_string(stage s) noexcept;

/// What became of one message.
enum class verdict
{
    delivered, ///< 2xx to the final dot: the peer is responsible now
    deferred,  ///< 4xx, or the connection failed before the dot: try again later
    bounced,   ///< 5xx
    unknown,   ///< the dot left and no reply came: delivered or not, nobody knows
    /// Nothing was told to the peer about this message: a reused connection had died before MAIL
    /// was answered, or permission was refused. No attempt is recorded.
    not_attempted,
    /// This peer, or any, can't be given this message: too large, 8-bit, SMTPUTF8, a bare CR or LF,
    /// an unsafe address. Permanent; not a byte of it was sent.
    refused_locally,
};

[[nodiscard]] const char* to_string(verdict v) noexcept;

/// The outcome of one message; exactly one for each message given to the session.
struct transaction_result
{
    smtp::verdict verdict = verdict::not_attempted;
    smtp::stage stage = stage::idle;
    /// The reply that decided; 0 when none did (see text).
    int code = 0;
    /// From the reply; for refused_locally what we would have said (5.3.4, 5.6.3, 5.6.7, 5.6.0,
    /// 5.1.3, 5.1.7).
    enhanced_code enhanced;
    /// The reply's text, cleaned (clean_text), or our own words when there was no reply.
    std::string text;
    /// Size of the message, as given to the session.
    std::size_t bytes = 0;
    /// The failure speaks of the site, not of the recipient: 421, or bytes that aren't SMTP.
    bool site_failure = false;
};

/// What became of TLS on a connection.
enum class tls_outcome
{
    not_offered,
    not_wanted, ///< mode none, or tls_already_failed
    refused,    ///< STARTTLS was offered and then answered 4xx or 5xx
    injected,   ///< plaintext followed the 220: somebody between us and the server, or a broken one
    failed,     ///< handshake failed or timed out: opportunistic mode may dial again without TLS
    established,
};

[[nodiscard]] const char* to_string(tls_outcome t) noexcept;

enum class end_reason
{
    finished,       ///< no_message, or a limit on messages or time: QUIT was said
    peer_refused,   ///< banner, EHLO or STARTTLS refused, or 421
    tls_failed,     ///< tls_mode::required unmet, injection, or the handshake failed
    protocol_error, ///< bytes that aren't SMTP, or a reply to nothing
    timed_out,
    connection_lost,
    permission_refused,
};

[[nodiscard]] const char* to_string(end_reason r) noexcept;

/// How a connection ended; valid after action_kind::done. When it ended before the first message
/// was asked for, this is all there is: a recipient leased for it is settled by the caller.
struct session_end
{
    end_reason reason = end_reason::finished;
    smtp::stage stage = stage::idle;
    /// The last deciding reply, or 0.
    int code = 0;
    enhanced_code enhanced;
    /// Cleaned; our own words when there was no reply.
    std::string text;
    tls_outcome tls = tls_outcome::not_offered;
    /// The end concerns the site: refused at banner, EHLO, TLS; 421; not SMTP; or lost or timed out
    /// before the first message was asked for.
    bool site_failure = false;
    /// Messages given to the session and told to the peer.
    unsigned messages = 0;
};

} // namespace hikyaku::smtp
