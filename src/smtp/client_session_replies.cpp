#include <hikyaku/smtp/client_session.h>

#include <hikyaku/base/assert.h>

namespace hikyaku::smtp
{
namespace
{

/// RFC 5321 section 3.8: the server is closing the channel, whatever the command was.
constexpr int closing_code = 421;
constexpr int tls_go_ahead_code = 220;

constexpr verdict verdict_of(const reply& r) noexcept
{
    return r.permanent() ? verdict::bounced : verdict::deferred;
}

} // namespace

action client_session::on_reply(const reply& r)
{
    if (state_ == state::interrupted)
    {
        return on_interruption(r);
    }
    if (state_ == state::stale_idle)
    {
        return on_stale_reply(r);
    }
    HK_ASSERT(state_ == state::reading);
    const stage s = pop_expected();
    if (s == stage::quit)
    {
        return finish(end_reason::finished, s, false);
    }
    if (r.code == closing_code)
    {
        if (has_message_ && !decided_)
        {
            record(verdict::deferred, s, r);
            result_.site_failure = true;
        }
        return fail(end_reason::peer_refused, s, true, r);
    }
    const action next = on_expected_reply(s, r);
    if (state_ == state::reading && expected_begin_ < expected_end_)
    {
        set_deadline(current_stage());
        return read();
    }
    return next;
}

action client_session::on_expected_reply(stage s, const reply& r)
{
    switch (s)
    {
    case stage::banner:
        return on_banner(r);
    case stage::ehlo:
        return on_ehlo(r);
    case stage::starttls:
        return on_starttls(r);
    case stage::rset:
        return on_rset(r);
    case stage::mail:
        return on_mail(r);
    case stage::rcpt:
        return on_rcpt(r);
    case stage::data:
        return on_data(r);
    case stage::final_dot:
        return on_final_dot(r);
    case stage::connect:
    case stage::tls:
    case stage::body:
    case stage::quit:
    case stage::idle:
        break;
    }
    HK_ASSERT(false);
}

action client_session::on_banner(const reply& r)
{
    if (r.positive())
    {
        return say_ehlo(false);
    }
    const auto reason = r.intermediate() ? end_reason::protocol_error : end_reason::peer_refused;
    return fail(reason, stage::banner, true, r);
}

action client_session::on_ehlo(const reply& r)
{
    if (r.positive())
    {
        features_ = helo_ ? ehlo_features{} : parse_ehlo(r.text);
        return after_greeting();
    }
    if (r.permanent() && !helo_)
    {
        return say_ehlo(true);
    }
    const auto reason = r.intermediate() ? end_reason::protocol_error : end_reason::peer_refused;
    return fail(reason, stage::ehlo, true, r);
}

action client_session::on_starttls(const reply& r)
{
    if (r.code == tls_go_ahead_code)
    {
        state_ = state::handshake;
        set_deadline(stage::tls);
        return action{action_kind::start_tls, options_.tls_server_name, {}, time_left(), false};
    }
    if (r.transient() || r.permanent())
    {
        end_.tls = tls_outcome::refused;
        if (options_.tls == tls_mode::required)
        {
            return fail(end_reason::peer_refused, stage::starttls, true, r);
        }
        return after_greeting();
    }
    return fail(end_reason::protocol_error, stage::starttls, true, r);
}

action client_session::on_rset(const reply& r)
{
    if (!r.positive())
    {
        return fail(end_reason::peer_refused, stage::rset, true, r);
    }
    needs_rset_ = false;
    return features_.pipelining ? read() : say_next_command();
}

action client_session::on_mail(const reply& r)
{
    mail_answered_ = true;
    if (r.intermediate())
    {
        return fail(end_reason::protocol_error, stage::mail, true, r);
    }
    mail_accepted_ = r.positive();
    if (!mail_accepted_)
    {
        record(verdict_of(r), stage::mail, r);
    }
    if (features_.pipelining)
    {
        return read();
    }
    return mail_accepted_ ? say_next_command() : after_message();
}

action client_session::on_rcpt(const reply& r)
{
    if (r.intermediate())
    {
        return fail(end_reason::protocol_error, stage::rcpt, true, r);
    }
    rcpt_accepted_ = r.positive();
    if (!rcpt_accepted_ && !decided_)
    {
        record(verdict_of(r), stage::rcpt, r);
    }
    if (features_.pipelining)
    {
        return read();
    }
    if (rcpt_accepted_)
    {
        return say_next_command();
    }
    needs_rset_ = true;
    return after_message();
}

action client_session::on_data(const reply& r)
{
    if (r.intermediate())
    {
        return on_data_accepted();
    }
    if (r.positive())
    {
        return fail(end_reason::protocol_error, stage::data, true, r);
    }
    if (!decided_)
    {
        record(verdict_of(r), stage::data, r);
    }
    needs_rset_ = mail_accepted_ || rcpt_accepted_;
    return after_message();
}

action client_session::on_data_accepted()
{
    if (mail_accepted_ && rcpt_accepted_)
    {
        return ask(false);
    }
    HK_ASSERT(decided_);
    if (rcpt_accepted_)
    {
        // MAIL was refused, RCPT was not: an empty message might be delivered.
        return fail(end_reason::protocol_error, stage::data, true, "354 after MAIL was refused");
    }
    return say_lone_dot();
}

action client_session::on_final_dot(const reply& r)
{
    if (decided_) // the lone dot of a refused message: nobody gets it, the answer says nothing
    {
        return after_message();
    }
    if (r.intermediate())
    {
        record(verdict::unknown, stage::final_dot, r);
        result_.site_failure = true;
        return fail(end_reason::protocol_error, stage::final_dot, true, r);
    }
    record(r.positive() ? verdict::delivered : verdict_of(r), stage::final_dot, r);
    return after_message();
}

/// The peer spoke between its 354 and our dot. A refusal is believed: the dot is not out and will
/// not be. Anything else would be taken for the answer to the dot if we went on.
action client_session::on_interruption(const reply& r)
{
    const bool refusal = r.transient() || r.permanent();
    if (!refusal)
    {
        return fail(end_reason::protocol_error, stage::body, true, "a reply before the final dot");
    }
    const bool closing = r.code == closing_code;
    record(verdict_of(r), stage::body, r);
    result_.site_failure = closing;
    return fail(end_reason::peer_refused, stage::body, closing, r);
}

/// The peer spoke while the connection was idle: 421 after its idle time, mostly.
action client_session::on_stale_reply(const reply& r)
{
    const bool closing = r.code == closing_code;
    if (!reused_)
    {
        record(verdict::deferred, stage::idle, r);
        result_.site_failure = true;
    }
    return fail(closing ? end_reason::peer_refused : end_reason::protocol_error, stage::idle,
                !reused_, r);
}

} // namespace hikyaku::smtp
