#include <hikyaku/smtp/server_session.h>

#include <hikyaku/smtp/path.h>
#include <hikyaku/smtp/reply.h>

#include <algorithm>
#include <utility>

namespace hikyaku::smtp
{
namespace
{

/// For the last reply when the session's time is up.
constexpr milliseconds farewell_timeout{5'000};
/// Of what a handler says.
constexpr std::size_t answer_bytes_max = 400;
constexpr int try_later = 451;
constexpr int closing = 421;

/// A code that may be said here: 250, 4xx or 5xx, and never one that closes.
int to_reply_code(int code) noexcept
{
    const int cls = code / 100;
    if (cls == 2)
    {
        return 250;
    }
    return (cls == 4 || cls == 5) && code != closing && code != 521 ? code : try_later;
}

/// One line of ASCII.
std::string to_reply_text(std::string_view text)
{
    std::string out = clean_text(text, answer_bytes_max);
    for (char& c : out)
    {
        c = (static_cast<unsigned char>(c) & 0x80U) != 0 ? '?' : c;
    }
    return out;
}

} // namespace

std::string_view to_string(server_end end) noexcept
{
    switch (end)
    {
    case server_end::quit:
        return "quit";
    case server_end::connection_lost:
        return "connection_lost";
    case server_end::timed_out:
        return "timed_out";
    case server_end::out_of_turn:
        return "out_of_turn";
    case server_end::bare_newline:
        return "bare_newline";
    case server_end::too_many_errors:
        return "too_many_errors";
    case server_end::not_smtp:
        return "not_smtp";
    case server_end::tls_failed:
        return "tls_failed";
    case server_end::stopped:
        return "stopped";
    }
    return "";
}

server_session::server_session(const server_options& options, message_budget& budget)
    : options_(options), budget_(budget)
{
    HK_ASSERT(is_safe_host_name(options.host_name));
}

server_session::~server_session()
{
    drop_message();
}

inbound_transaction& server_session::transaction()
{
    HK_ASSERT(state_ == state::delivering);
    return transaction_;
}

server_action server_session::resume(const server_event& event, mono_time now)
{
    HK_ASSERT(state_ != state::ended);
    now_ = now;
    switch (event.kind)
    {
    case server_event_kind::started:
        HK_ASSERT(state_ == state::created);
        session_ends_ = now + options_.limits.session_timeout;
        state_ = state::pausing;
        return act(server_action_kind::pause);
    case server_event_kind::paused:
        return on_paused(event.yes);
    case server_event_kind::bytes_read:
        HK_ASSERT(state_ == state::reading);
        if (mode_ == mode::message)
        {
            wait_ends_ = now + options_.limits.idle_timeout;
        }
        input_.append(event.bytes);
        return go_on();
    case server_event_kind::written:
        return on_written();
    case server_event_kind::tls_done:
        return on_tls(event.yes);
    case server_event_kind::answer:
        return state_ == state::checking ? on_recipient(event.reply) : on_delivered(event.reply);
    case server_event_kind::timed_out:
        return on_timed_out(now);
    case server_event_kind::closed:
        return finish(ending_ ? end_ : server_end::connection_lost, false);
    case server_event_kind::stopping:
        return on_stop();
    }
    return finish(server_end::connection_lost, false);
}

server_action server_session::on_paused(bool spoke)
{
    HK_ASSERT(state_ == state::pausing);
    if (spoke)
    {
        end_with(server_end::out_of_turn, 554,
                 "5.5.1 You spoke before the greeting: wait for 220, then send EHLO");
        return write(then::close);
    }
    say(220, options_.host_name + " ESMTP");
    return write(then::go_on);
}

server_action server_session::on_stop()
{
    HK_ASSERT(state_ == state::pausing || state_ == state::reading);
    end_with(server_end::stopped, closing,
             "4.3.2 This server is shutting down: try again in a few minutes");
    return write(then::close);
}

server_action server_session::on_timed_out(mono_time now)
{
    if (state_ != state::reading)
    {
        return finish(ending_ ? end_ : server_end::timed_out, false);
    }
    end_with(server_end::timed_out, closing,
             now >= session_ends_ ? "4.4.2 This session has lasted too long: connect again"
                                  : "4.4.2 Nothing came for too long: connect again");
    return write(then::close);
}

server_action server_session::on_written()
{
    HK_ASSERT(state_ == state::writing);
    wait_ends_ = now_ + options_.limits.idle_timeout;
    switch (next_)
    {
    case then::go_on:
        return go_on();
    case then::handshake:
        state_ = state::handshake;
        return act(server_action_kind::start_tls);
    case then::close:
        break;
    }
    return finish(end_, linger_);
}

/// RFC 3207 section 4.2: nothing that was learnt before TLS is used after it.
server_action server_session::on_tls(bool ok)
{
    HK_ASSERT(state_ == state::handshake);
    if (!ok)
    {
        return finish(server_end::tls_failed, false);
    }
    HK_ASSERT(rest().empty());
    tls_ = true;
    helo_.clear();
    extended_ = false;
    reset_transaction();
    wait_ends_ = now_ + options_.limits.idle_timeout;
    return go_on();
}

server_action server_session::on_recipient(const server_reply& reply)
{
    HK_ASSERT(state_ == state::checking);
    if (to_reply_code(reply.code) == 250)
    {
        transaction_.recipients.push_back(std::move(recipient_));
    }
    else
    {
        recipient_refused_ = true;
    }
    recipient_.clear();
    say_answer(reply, "2.1.5", reply.code / 100 == 5 ? "5.1.1" : "4.3.0");
    errors_ += to_reply_code(reply.code) / 100 == 5 ? 1 : 0;
    if (errors_ >= options_.limits.errors_max)
    {
        end_with(server_end::too_many_errors, closing,
                 "4.7.0 Too many errors: see what was refused, then connect again");
    }
    return go_on();
}

server_action server_session::on_delivered(const server_reply& reply)
{
    HK_ASSERT(state_ == state::delivering);
    const bool accepted = to_reply_code(reply.code) == 250;
    say_answer(reply, "2.0.0", reply.code / 100 == 5 ? "5.7.0" : "4.3.0");
    messages_ += accepted ? 1 : 0;
    idle_commands_ = 0;
    reset_transaction();
    return go_on();
}

server_action server_session::go_on()
{
    wanted_ = server_action_kind::read;
    bool took = true;
    while (took && !ending_ && wanted_ == server_action_kind::read)
    {
        switch (mode_)
        {
        case mode::commands:
            took = take_line();
            break;
        case mode::skipping:
            took = skip_line();
            break;
        case mode::message:
            took = take_message();
            break;
        }
    }
    input_.erase(0, used_);
    used_ = 0;
    if (ending_)
    {
        return write(then::close);
    }
    switch (wanted_)
    {
    case server_action_kind::check_recipient:
        state_ = state::checking;
        return act(wanted_, recipient_);
    case server_action_kind::deliver:
        state_ = state::delivering;
        return act(wanted_);
    case server_action_kind::start_tls:
        return write(then::handshake);
    case server_action_kind::pause:
    case server_action_kind::read:
    case server_action_kind::write:
    case server_action_kind::done:
        break;
    }
    if (!out_.empty())
    {
        return write(then::go_on);
    }
    state_ = state::reading;
    return act(server_action_kind::read);
}

/// Takes one command. False: its end has not come yet.
bool server_session::take_line()
{
    const std::string_view line = rest();
    const std::size_t end = line.find_first_of("\r\n");
    const std::size_t bytes = end == std::string_view::npos ? line.size() : end + 2;
    if (bytes > server_limits::command_bytes_max)
    {
        mode_ = mode::skipping;
        skipped_ = 0;
        return true;
    }
    if (end == std::string_view::npos || (line[end] == '\r' && end + 1 == line.size()))
    {
        return false;
    }
    if (line[end] == '\n' || line[end + 1] != '\n')
    {
        end_with(server_end::bare_newline, 500,
                 line[end] == '\n' ? "5.5.2 Bare <LF>: a command ends in <CR><LF>"
                                   : "5.5.2 Bare <CR>: a command ends in <CR><LF>");
        return false;
    }
    used_ += end + 2;
    wait_ends_ = now_ + options_.limits.idle_timeout;
    on_command(line.substr(0, end));
    return true;
}

/// Drops the rest of a line that is too long for a command: no part of it may become one.
bool server_session::skip_line()
{
    const std::string_view line = rest();
    const std::size_t end = line.find_first_of("\r\n");
    const std::size_t bytes = std::min(end, line.size());
    skipped_ += bytes;
    used_ += bytes;
    if (skipped_ > server_limits::skipped_bytes_max)
    {
        end_with(server_end::not_smtp, 500, "5.5.2 Endless line: this is not SMTP");
        return false;
    }
    if (end == std::string_view::npos || (line[end] == '\r' && end + 1 == line.size()))
    {
        return false;
    }
    if (line[end] == '\n' || line[end + 1] != '\n')
    {
        end_with(server_end::bare_newline, 500, "5.5.2 Bare <CR> or <LF> in a line too long");
        return false;
    }
    used_ += 2;
    mode_ = mode::commands;
    refuse(500, "5.5.2 Line too long: a command has at most 2048 bytes");
    return true;
}

server_action server_session::write(then next)
{
    HK_ASSERT(!out_.empty());
    std::swap(written_, out_);
    out_.clear();
    next_ = next;
    state_ = state::writing;
    return act(server_action_kind::write, written_);
}

server_action server_session::act(server_action_kind kind, std::string_view bytes)
{
    server_action a;
    a.kind = kind;
    a.bytes = bytes;
    const auto left = [this](mono_time until)
    {
        return std::max(milliseconds{0},
                        std::chrono::ceil<milliseconds>(std::min(until, session_ends_) - now_));
    };
    const auto& limits = options_.limits;
    switch (kind)
    {
    case server_action_kind::pause:
        a.timeout = limits.greet_pause;
        break;
    case server_action_kind::read:
        a.timeout = left(wait_ends_);
        break;
    case server_action_kind::write:
        a.timeout = std::max(std::min(farewell_timeout, limits.write_timeout),
                             left(now_ + limits.write_timeout));
        break;
    case server_action_kind::start_tls:
        a.timeout = left(now_ + limits.tls_timeout);
        break;
    case server_action_kind::check_recipient:
    case server_action_kind::deliver:
    case server_action_kind::done:
        break;
    }
    return a;
}

server_action server_session::finish(server_end end, bool linger)
{
    drop_message();
    end_ = end;
    state_ = state::ended;
    server_action a;
    a.kind = server_action_kind::done;
    a.linger = linger;
    return a;
}

void server_session::say(int code, std::string_view text)
{
    out_.append(std::to_string(code)).append(" ").append(text).append("\r\n");
}

void server_session::refuse(int code, std::string_view text)
{
    errors_ += code / 100 == 5 ? 1 : 0;
    if (errors_ >= options_.limits.errors_max)
    {
        end_with(server_end::too_many_errors, closing,
                 "4.7.0 Too many errors, this one: " + std::string(text));
        return;
    }
    ++refusals_;
    say(code, text);
}

void server_session::end_with(server_end end, int code, std::string_view text)
{
    refusals_ += code / 100 == 2 ? 0 : 1;
    say(code, text);
    ending_ = true;
    linger_ = true;
    end_ = end;
}

void server_session::say_answer(const server_reply& reply, std::string_view ok_code,
                                std::string_view no_code)
{
    const int code = to_reply_code(reply.code);
    std::string text = to_reply_text(reply.text);
    const auto enhanced = parse_enhanced_code(text);
    if (!enhanced || enhanced->cls != code / 100)
    {
        const std::string_view fitting = code == 250 ? ok_code : no_code;
        text = std::string(fitting) + (text.empty() ? " Ok" : " " + text);
    }
    refusals_ += code == 250 ? 0 : 1;
    say(code, text);
}

} // namespace hikyaku::smtp
