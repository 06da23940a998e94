#include <hikyaku/smtp/client_session.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/smtp/path.h>

#include <algorithm>
#include <utility>

namespace hikyaku::smtp
{

client_session::client_session(session_options options) : options_(std::move(options))
{
    HK_ASSERT(is_safe_host_name(options_.ehlo_name));
    HK_ASSERT(options_.tls_server_name.empty() || is_safe_host_name(options_.tls_server_name));
    HK_ASSERT(options_.messages_per_connection > 0);
}

action client_session::resume(const io_event& event, mono_time now)
{
    HK_ASSERT(state_ != state::ended);
    HK_ASSERT(!has_result_);
    now_ = now;
    switch (event.kind)
    {
    case event_kind::started:
        return on_started();
    case event_kind::bytes_read:
        return on_bytes(event.bytes);
    case event_kind::written:
        return on_written();
    case event_kind::tls_done:
        return on_tls_done(event);
    case event_kind::permission:
        return on_permission(event);
    case event_kind::message:
        return on_message(event);
    case event_kind::no_message:
        HK_ASSERT(state_ == state::idle);
        return say_quit();
    case event_kind::timed_out:
        return on_timed_out(event.bytes_written);
    case event_kind::closed:
        return on_closed(event);
    }
    HK_ASSERT(false);
}

action client_session::on_started()
{
    HK_ASSERT(state_ == state::created);
    started_ = now_;
    push_expected(stage::banner);
    set_deadline(stage::banner);
    return read();
}

action client_session::on_bytes(std::string_view input)
{
    HK_ASSERT(state_ == state::reading || state_ == state::stale_idle ||
              state_ == state::interrupted);
    HK_ASSERT(!input.empty());
    while (true)
    {
        const auto parsed = parser_.consume(input);
        if (parsed.has_error())
        {
            return fail(end_reason::protocol_error, current_stage(), true,
                        parsed.error() == errc::oversize_reply ? "the reply is too long"
                                                               : "the reply is not SMTP");
        }
        if (!parsed->has_value())
        {
            // Bytes that drip in don't extend the command's deadline.
            return now_ >= deadline_ ? on_timed_out(0) : read();
        }
        const action next = on_reply(**parsed);
        if (state_ == state::ended || input.empty())
        {
            return next;
        }
        if (state_ != state::reading)
        {
            return on_out_of_turn();
        }
    }
}

/// The server sent more replies than we sent commands. Which one belongs to what can't be known any
/// more; what it said about commands that weren't out yet is never counted.
action client_session::on_out_of_turn()
{
    if (state_ == state::handshake)
    {
        // CVE-2011-0411: plaintext behind the 220 would be taken for protected data.
        end_.tls = tls_outcome::injected;
        return fail(end_reason::tls_failed, stage::starttls, true,
                    "bytes followed the reply to STARTTLS in the clear");
    }
    return fail(end_reason::protocol_error, current_stage(), true, "a reply to nothing");
}

action client_session::on_written()
{
    switch (state_)
    {
    case state::writing:
        return read();
    case state::body:
        return ask(true);
    case state::dot:
        push_expected(stage::final_dot);
        set_deadline(stage::final_dot);
        return read();
    case state::created:
    case state::reading:
    case state::handshake:
    case state::idle:
    case state::stale_idle:
    case state::may_send:
    case state::may_finish:
    case state::interrupted:
    case state::ended:
        break;
    }
    HK_ASSERT(false);
}

action client_session::on_tls_done(const io_event& event)
{
    HK_ASSERT(state_ == state::handshake);
    if (!event.tls_ok)
    {
        end_.tls = tls_outcome::failed;
        return fail(end_reason::tls_failed, stage::tls, true, event.bytes);
    }
    end_.tls = tls_outcome::established;
    // RFC 3207 section 4.2: what was learnt in the clear is forgotten.
    features_ = {};
    parser_.reset();
    return say_ehlo(false);
}

action client_session::on_permission(const io_event& event)
{
    HK_ASSERT(state_ == state::may_send || state_ == state::may_finish);
    const bool first = state_ == state::may_send;
    HK_ASSERT(first || event.answer != permission::wait);
    if (event.answer == permission::refused)
    {
        const stage s = current_stage();
        record(verdict::not_attempted, s, "the final dot was not permitted");
        return fail(end_reason::permission_refused, s, false, "the final dot was not permitted");
    }
    if (event.input_ready)
    {
        state_ = state::interrupted;
        set_deadline(stage::data);
        return action{action_kind::read, {}, {}, time_left(), false};
    }
    if (!first)
    {
        return say_dot();
    }
    return say_body(event.answer == permission::granted);
}

action client_session::on_message(const io_event& event)
{
    HK_ASSERT(state_ == state::idle && !has_message_);
    mail_ = event.mail;
    has_message_ = true;
    decided_ = told_ = mail_answered_ = mail_accepted_ = rcpt_accepted_ = false;
    reused_ = end_.messages > 0;
    result_.bytes = mail_.message.size();
    if (refuse_locally())
    {
        publish();
        return ask_next_message();
    }
    if (event.input_ready)
    {
        state_ = state::stale_idle;
        set_deadline(stage::rset);
        return action{action_kind::read, {}, {}, time_left(), false};
    }
    return say_transaction();
}

action client_session::on_timed_out(std::size_t bytes_written)
{
    const bool dot = dot_may_have_left(bytes_written);
    const stage s = state_ == state::dot && !dot ? stage::body : current_stage();
    if (s == stage::quit)
    {
        return finish(end_reason::finished, s, false);
    }
    if (s == stage::tls)
    {
        end_.tls = tls_outcome::failed;
        return fail(end_reason::tls_failed, s, true, "the TLS handshake timed out");
    }
    why_ = "timed out at ";
    why_ += to_string(s);
    return fail(end_reason::timed_out, s, !asked_for_message_, why_);
}

action client_session::on_closed(const io_event& event)
{
    HK_ASSERT(state_ != state::created);
    const bool dot = dot_may_have_left(event.bytes_written);
    const stage s = state_ == state::dot && !dot ? stage::body : current_stage();
    if (s == stage::quit)
    {
        return finish(end_reason::finished, s, false);
    }
    if (s == stage::tls)
    {
        end_.tls = tls_outcome::failed;
        return fail(end_reason::tls_failed, s, true, event.bytes);
    }
    why_ = "connection lost at ";
    why_ += to_string(s);
    why_ += ": ";
    why_ += event.bytes;
    return fail(end_reason::connection_lost, s, !asked_for_message_, why_);
}

const transaction_result& client_session::take_result()
{
    HK_ASSERT(has_result_);
    has_result_ = false;
    return result_;
}

const session_end& client_session::end() const
{
    HK_ASSERT(state_ == state::ended);
    return end_;
}

void client_session::push_expected(stage s)
{
    if (expected_begin_ == expected_end_)
    {
        expected_begin_ = expected_end_ = 0;
    }
    HK_ASSERT(expected_end_ < expected_max);
    expected_[expected_end_++] = s;
}

stage client_session::pop_expected()
{
    HK_ASSERT(expected_begin_ < expected_end_);
    return expected_[expected_begin_++];
}

void client_session::set_deadline(stage s)
{
    deadline_ = now_ + limit_of(s);
}

milliseconds client_session::limit_of(stage s) const noexcept
{
    const session_timeouts& t = options_.timeouts;
    switch (s)
    {
    case stage::banner:
        return t.banner;
    case stage::ehlo:
        return t.ehlo;
    case stage::starttls:
        return t.starttls;
    case stage::tls:
        return t.tls_handshake;
    case stage::mail:
        return t.mail;
    case stage::rcpt:
        return t.rcpt;
    case stage::data:
        return t.data;
    case stage::body:
        return t.body + seconds{body_.size() / session_options::body_bytes_per_s_min};
    case stage::final_dot:
        return t.final_dot;
    case stage::rset:
        return t.rset;
    case stage::quit:
        return t.quit;
    case stage::connect:
    case stage::idle:
        break;
    }
    HK_ASSERT(false);
}

milliseconds client_session::time_left() const noexcept
{
    const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - now_);
    return std::max(left, milliseconds{1});
}

bool client_session::limits_reached() const noexcept
{
    return end_.messages >= options_.messages_per_connection ||
           now_ - started_ >= options_.session_max;
}

stage client_session::current_stage() const noexcept
{
    switch (state_)
    {
    case state::created:
        return stage::banner;
    case state::writing:
    case state::reading:
        HK_ASSERT(expected_begin_ < expected_end_);
        return expected_[expected_begin_];
    case state::handshake:
        return stage::tls;
    case state::idle:
    case state::stale_idle:
        return stage::idle;
    case state::may_send:
        return stage::data;
    case state::body:
    case state::may_finish:
    case state::interrupted:
        return stage::body;
    case state::dot:
        return stage::final_dot;
    case state::ended:
        break;
    }
    HK_ASSERT(false);
}

/// Whether the peer may have seen any of the dot, given how much of the current write was taken.
bool client_session::dot_may_have_left(std::size_t bytes_written) const noexcept
{
    return state_ == state::dot && bytes_written > bytes_before_dot_;
}

} // namespace hikyaku::smtp
