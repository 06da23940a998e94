#pragma once

#include <hikyaku/smtp/data_reader.h>
#include <hikyaku/smtp/server_io.h>

#include <string>
#include <string_view>

namespace hikyaku::smtp
{

/// The server side of one SMTP connection (RFC 5321; SIZE 1870, ENHANCEDSTATUSCODES 2034,
/// PIPELINING 2920, STARTTLS 3207, 8BITMIME 6152, SMTPUTF8 6531). Pure: told what happened and what
/// time it is, says what to do.
///
///     action = session.resume(event of started, now)
///     while (action.kind != done)
///         event = perform(action)
///         action = session.resume(event, now)
///
/// It takes mail in, and passes none on: only recipients that check_recipient accepts. No AUTH, no
/// BDAT, no VRFY that tells anything. Lines end in CRLF, in commands and in messages; a bare CR or
/// LF is answered with 5xx and ends the connection, so that no byte behind it is ever a command.
/// A message is handed over once, complete, and its 2xx is the answer to that.
///
/// Owner: one driver. Not thread-safe. `budget` outlives the session.
/// Invariant: no resume() after done; bytes held <= what was taken from the budget, one command
/// line and one read.
class server_session
{
public:
    /// @pre is_safe_host_name(options.host_name)
    server_session(const server_options& options, message_budget& budget);
    /// Gives back what it has of the budget.
    ~server_session();
    server_session(const server_session&) = delete;
    server_session& operator=(const server_session&) = delete;

    /// Takes what became of the last action, gives the next one.
    /// @pre the event answers the last action (see server_action_kind)
    [[nodiscard]] server_action resume(const server_event& event, mono_time now);

    /// The message to be delivered; may be moved from. Its bytes stay counted until the answer.
    /// @pre the last action was deliver
    [[nodiscard]] inbound_transaction& transaction();

    /// As in the last EHLO or HELO: visible ASCII; empty before.
    [[nodiscard]] const std::string& helo() const noexcept { return helo_; }
    /// The last greeting was EHLO.
    [[nodiscard]] bool extended() const noexcept { return extended_; }
    [[nodiscard]] bool tls() const noexcept { return tls_; }
    /// Messages that were answered 2xx.
    [[nodiscard]] unsigned messages() const noexcept { return messages_; }
    /// Replies 4xx and 5xx said.
    [[nodiscard]] unsigned refusals() const noexcept { return refusals_; }
    /// @pre resume() has returned done
    [[nodiscard]] server_end end() const noexcept { return end_; }

private:
    enum class state : std::uint8_t
    {
        created,    ///< waits for started
        pausing,    ///< before the banner
        reading,    ///< all input is used up
        writing,    ///< replies go out; next_ says what then
        handshake,  ///< TLS
        checking,   ///< a recipient
        delivering, ///< a message
        ended,
    };
    /// What the input is.
    enum class mode : std::uint8_t
    {
        commands,
        skipping, ///< the rest of a command line that is too long
        message,
    };
    /// After writing.
    enum class then : std::uint8_t
    {
        go_on,
        handshake,
        close,
    };
    /// What is wrong with the message that comes in: it is read to its end and then refused.
    enum class flaw : std::uint8_t
    {
        none,
        too_large,
        no_room,
        long_line,
        nul,
    };

    // server_session.cpp: events, and the way from one action to the next
    [[nodiscard]] server_action on_stop();
    [[nodiscard]] server_action on_timed_out(mono_time now);
    [[nodiscard]] server_action on_written();
    [[nodiscard]] server_action on_paused(bool spoke);
    [[nodiscard]] server_action on_tls(bool ok);
    [[nodiscard]] server_action on_recipient(const server_reply& reply);
    [[nodiscard]] server_action on_delivered(const server_reply& reply);
    /// Uses up the input; ends at the first thing that somebody else has to do.
    [[nodiscard]] server_action go_on();
    /// False: more input is needed.
    [[nodiscard]] bool take_line();
    [[nodiscard]] bool skip_line();
    [[nodiscard]] bool take_message();
    [[nodiscard]] server_action write(then next);
    [[nodiscard]] server_action act(server_action_kind kind, std::string_view bytes = {});
    [[nodiscard]] server_action finish(server_end end, bool linger);

    // server_commands.cpp: one function per command
    void on_command(std::string_view line);
    void on_greeting(std::string_view argument, bool extended);
    void on_mail(std::string_view argument);
    void on_rcpt(std::string_view argument);
    void on_data(std::string_view argument);
    void on_starttls(std::string_view argument);
    void on_unknown(std::string_view verb);
    [[nodiscard]] bool accept_mail_parameters(std::string_view parameters);
    [[nodiscard]] bool accept_path(std::string_view path, bool sender);

    // server_message.cpp: what follows DATA
    void begin_message();
    void end_message();
    void find_flaw();
    [[nodiscard]] bool make_room(std::size_t bytes);
    void drop_message();
    void reset_transaction();

    // replies
    void say(int code, std::string_view text);
    /// A reply 4xx or 5xx to a command; 5xx counts as an error.
    void refuse(int code, std::string_view text);
    /// Tells `code text`, and that this is the end.
    void end_with(server_end end, int code, std::string_view text);
    void say_answer(const server_reply& reply, std::string_view ok_code, std::string_view no_code);
    /// Counts a command that does nothing.
    void count_idle_command();
    [[nodiscard]] std::string_view rest() const noexcept
    {
        return std::string_view(input_).substr(used_);
    }

    const server_options& options_;
    message_budget& budget_;
    state state_ = state::created;
    mode mode_ = mode::commands;
    then next_ = then::go_on;
    flaw flaw_ = flaw::none;
    /// What go_on() found to do.
    server_action_kind wanted_ = server_action_kind::read;
    bool ending_ = false; // `out_` is the last that is said
    bool linger_ = false;
    server_end end_ = server_end::connection_lost;

    mono_time session_ends_{};
    mono_time wait_ends_{};
    mono_time now_{};

    std::string input_; // bytes read and not used up begin at used_
    std::size_t used_ = 0;
    std::size_t skipped_ = 0;
    std::string out_;
    std::string written_; // what the last write action shows

    std::string helo_;
    bool extended_ = false;
    bool tls_ = false;
    bool has_sender_ = false;
    bool smtputf8_ = false;
    bool recipient_refused_ = false;
    std::string recipient_; // being checked
    inbound_transaction transaction_;
    data_reader reader_;
    std::size_t held_ = 0; // taken from the budget
    unsigned errors_ = 0;
    unsigned refusals_ = 0;
    unsigned idle_commands_ = 0;
    unsigned messages_ = 0;
};

} // namespace hikyaku::smtp
