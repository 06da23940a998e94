#pragma once

#include <hikyaku/base/time.h>
#include <hikyaku/smtp/dot_stuff.h>
#include <hikyaku/smtp/ehlo_features.h>
#include <hikyaku/smtp/io_event.h>
#include <hikyaku/smtp/reply_parser.h>
#include <hikyaku/smtp/transaction.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hikyaku::smtp
{

enum class tls_mode
{
    none,          ///< never STARTTLS
    opportunistic, ///< when offered; in the clear when it isn't, or is refused
    required,      ///< no message without TLS
};

/// RFC 5321 section 4.5.3.2. Each is an absolute deadline from the sending of the command.
struct session_timeouts
{
    milliseconds banner = std::chrono::minutes{5};
    milliseconds ehlo = std::chrono::minutes{5};
    milliseconds starttls = std::chrono::minutes{2};
    milliseconds tls_handshake = seconds{60};
    milliseconds mail = std::chrono::minutes{5};
    milliseconds rcpt = std::chrono::minutes{5};
    milliseconds data = std::chrono::minutes{2};
    /// The body has this, and one second more per body_bytes_per_s_min.
    milliseconds body = std::chrono::minutes{3};
    milliseconds final_dot = std::chrono::minutes{10};
    milliseconds rset = seconds{20};
    milliseconds quit = seconds{2};
};

struct session_options
{
    /// A peer that takes the body slower than this, after timeouts.body, is given up.
    static constexpr std::size_t body_bytes_per_s_min = 4096;

    /// Argument of EHLO. @pre is_safe_host_name()
    std::string ehlo_name;
    /// Name of the MX, for SNI and for the certificate. May be empty.
    std::string tls_server_name;
    tls_mode tls = tls_mode::opportunistic;
    /// The handshake failed a moment ago: this opportunistic session stays in the clear.
    bool tls_already_failed = false;
    session_timeouts timeouts;
    unsigned messages_per_connection = 100;
    /// No new message after this time; checked between messages.
    seconds session_max{300};
};

/// The client side of one SMTP connection: many messages, one recipient each (RFC 5321, 1870, 2034,
/// 2920, 3207, 6152, 6531). Pure: told what happened and what time it is, says what to do.
///
///     action = session.resume(io_event::started(), now)
///     while (action.kind != done)
///         event = perform(action)
///         action = session.resume(event, now)
///         if (session.has_result()) settle(session.take_result())
///
/// One message goes: next_message → message(envelope) → MAIL, RCPT, DATA (one write with
/// PIPELINING) → 354 → ask_permission (nothing to write, must_answer false). Then
///     granted  body and final dot go out in one gathering write;
///     wait     the body goes out; ask_permission again with must_answer true: granted or refused;
///     refused  done: the driver closes, the peer drops the message; verdict not_attempted.
/// So the dot is never sent without a grant given after the 354. The reply gives the result, then
/// next_message is asked again, or QUIT is said and done follows. If an answer to ask_permission or
/// a message comes with input_ready, the peer has spoken out of turn: that is read first, and a
/// positive reply there ends the session; it is never counted as the reply to what we send later.
///
/// Verdicts on failure: before any byte of the dot reached the transport deferred, then unknown. On
/// a reused connection that dies before MAIL is answered not_attempted.
///
/// Owner: one driver. Not thread-safe. No allocation per message once its buffers have grown.
/// Invariant: a message that was given has exactly one result; no resume() after done.
class client_session
{
public:
    /// @pre is_safe_host_name(options.ehlo_name), and of tls_server_name unless empty
    explicit client_session(session_options options);
    client_session(const client_session&) = delete;
    client_session& operator=(const client_session&) = delete;

    /// Takes what became of the last action, gives the next one.
    /// @pre the event answers the last action (see action_kind); result taken before a new message.
    [[nodiscard]] action resume(const io_event& event, mono_time now);

    /// Whether the last resume() settled the message.
    [[nodiscard]] bool has_result() const noexcept { return has_result_; }
    /// The result, once per message. Valid until the next resume(). @pre has_result()
    [[nodiscard]] const transaction_result& take_result();

    /// @pre resume() has returned done
    [[nodiscard]] const session_end& end() const;

    /// The last action was to read the reply to a final dot: the peer is busy with the message.
    [[nodiscard]] bool awaits_final_reply() const noexcept
    {
        return state_ == state::reading && has_message_ && expected_begin_ != expected_end_ &&
               expected_[expected_begin_] == stage::final_dot;
    }
    /// The last action writes octets of a message, not commands.
    [[nodiscard]] bool writes_message() const noexcept
    {
        return state_ == state::body || state_ == state::dot;
    }

    /// As of the last EHLO.
    [[nodiscard]] const ehlo_features& features() const noexcept { return features_; }
    [[nodiscard]] tls_outcome tls() const noexcept { return end_.tls; }
    [[nodiscard]] const session_options& options() const noexcept { return options_; }

private:
    enum class state
    {
        created,     ///< waits for started
        writing,     ///< commands are going out
        reading,     ///< replies are outstanding (expected_)
        handshake,   ///< TLS
        idle,        ///< next_message was asked
        stale_idle,  ///< a message came with input_ready: that input is read first
        may_send,    ///< first ask: nothing of the body is out
        body,        ///< the body goes out without the dot
        may_finish,  ///< second ask: all but the dot is out
        interrupted, ///< input was ready before the dot: it is read instead
        dot,         ///< the dot goes out, with or without the body
        ended,
    };
    /// At most RSET, MAIL, RCPT, DATA.
    static constexpr std::size_t expected_max = 4;

    // client_session.cpp: events
    [[nodiscard]] action on_started();
    [[nodiscard]] action on_bytes(std::string_view input);
    [[nodiscard]] action on_written();
    [[nodiscard]] action on_tls_done(const io_event& event);
    [[nodiscard]] action on_permission(const io_event& event);
    [[nodiscard]] action on_message(const io_event& event);
    [[nodiscard]] action on_timed_out(std::size_t bytes_written);
    [[nodiscard]] action on_closed(const io_event& event);
    [[nodiscard]] action on_out_of_turn();

    // client_session_replies.cpp: one function per reply
    [[nodiscard]] action on_reply(const reply& r);
    [[nodiscard]] action on_expected_reply(stage s, const reply& r);
    [[nodiscard]] action on_banner(const reply& r);
    [[nodiscard]] action on_ehlo(const reply& r);
    [[nodiscard]] action on_starttls(const reply& r);
    [[nodiscard]] action on_rset(const reply& r);
    [[nodiscard]] action on_mail(const reply& r);
    [[nodiscard]] action on_rcpt(const reply& r);
    [[nodiscard]] action on_data(const reply& r);
    [[nodiscard]] action on_data_accepted();
    [[nodiscard]] action on_final_dot(const reply& r);
    [[nodiscard]] action on_interruption(const reply& r);
    [[nodiscard]] action on_stale_reply(const reply& r);

    // client_session_commands.cpp: what goes out
    [[nodiscard]] action say_ehlo(bool fall_back_to_helo);
    [[nodiscard]] action say_starttls();
    [[nodiscard]] action say_transaction();
    [[nodiscard]] action say_next_command();
    [[nodiscard]] action say_lone_dot();
    [[nodiscard]] action say_body(bool with_dot);
    [[nodiscard]] action say_dot();
    [[nodiscard]] action say_quit();
    [[nodiscard]] action after_greeting();
    [[nodiscard]] action ask_next_message();
    [[nodiscard]] action ask(bool must_answer);
    [[nodiscard]] action read();
    [[nodiscard]] action write_commands();
    void append_command(stage s);
    void append_mail_command();
    [[nodiscard]] bool refuse_locally();
    void refuse(const char* text, enhanced_code code);

    // client_session_outcome.cpp: results and the end
    [[nodiscard]] action after_message();
    [[nodiscard]] action fail(end_reason reason, stage s, bool site_failure, const reply& r);
    [[nodiscard]] action fail(end_reason reason, stage s, bool site_failure, std::string_view why);
    [[nodiscard]] action finish(end_reason reason, stage s, bool site_failure);
    [[nodiscard]] verdict verdict_of_failure(end_reason reason, stage s) const noexcept;
    void record(verdict v, stage s, const reply& r);
    void record(verdict v, stage s, std::string_view why);
    void publish();

    void push_expected(stage s);
    [[nodiscard]] stage pop_expected();
    void set_deadline(stage s);
    [[nodiscard]] milliseconds limit_of(stage s) const noexcept;
    [[nodiscard]] milliseconds time_left() const noexcept;
    [[nodiscard]] bool limits_reached() const noexcept;
    [[nodiscard]] stage current_stage() const noexcept;
    [[nodiscard]] bool dot_may_have_left(std::size_t bytes_written) const noexcept;

    session_options options_;
    reply_parser parser_;
    ehlo_features features_;
    state state_ = state::created;
    mono_time now_{};
    mono_time started_{};
    mono_time deadline_{};

    std::array<stage, expected_max> expected_{};
    std::size_t expected_begin_ = 0;
    std::size_t expected_end_ = 0;

    envelope mail_;
    message_shape shape_;
    std::string_view body_; // mail_.message, or scratch_ when it had to be stuffed
    std::string out_;       // commands
    std::string scratch_;   // dot-stuffed body
    std::string why_;       // words for a failure
    // Size of the body in the write that ends with the dot.
    std::size_t bytes_before_dot_ = 0;

    transaction_result result_;
    session_end end_;
    bool has_message_ = false; // given, its result not yet published
    bool has_result_ = false;  // published, not yet taken
    bool decided_ = false;     // a reply has decided this message: result_ is filled in
    bool reused_ = false;      // the connection carried a message before this one
    bool told_ = false;        // MAIL of this message was written
    bool mail_answered_ = false;
    bool mail_accepted_ = false;
    bool rcpt_accepted_ = false;
    bool needs_rset_ = false;
    bool helo_ = false;
    bool tls_tried_ = false;
    bool asked_for_message_ = false;
};

} // namespace hikyaku::smtp
