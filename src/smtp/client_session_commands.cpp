#include <hikyaku/smtp/client_session.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/smtp/path.h>

#include <charconv>

namespace hikyaku::smtp
{
namespace
{

constexpr std::string_view end_of_data = ".\r\n";
/// Of std::uint64_t.
constexpr std::size_t decimal_digits_max = 20;

void append_number(std::string& out, std::size_t value)
{
    char buffer[decimal_digits_max];
    const auto [end, ec] = std::to_chars(buffer, buffer + sizeof buffer, value);
    HK_ASSERT(ec == std::errc{});
    out.append(buffer, end);
}

} // namespace

action client_session::say_ehlo(bool fall_back_to_helo)
{
    helo_ = fall_back_to_helo;
    out_.assign(helo_ ? "HELO " : "EHLO ").append(options_.ehlo_name).append("\r\n");
    push_expected(stage::ehlo);
    return write_commands();
}

action client_session::say_starttls()
{
    tls_tried_ = true;
    out_.assign("STARTTLS\r\n");
    push_expected(stage::starttls);
    return write_commands();
}

/// After EHLO, and again after TLS or its refusal.
action client_session::after_greeting()
{
    const bool secured = end_.tls == tls_outcome::established;
    const bool wanted = options_.tls == tls_mode::required ||
                        (options_.tls == tls_mode::opportunistic && !options_.tls_already_failed);
    if (!secured && !tls_tried_)
    {
        if (wanted && features_.starttls)
        {
            return say_starttls();
        }
        end_.tls = wanted ? tls_outcome::not_offered : tls_outcome::not_wanted;
    }
    if (!secured && options_.tls == tls_mode::required)
    {
        return fail(end_reason::tls_failed, stage::starttls, true, "TLS is required, not offered");
    }
    // However slow the greeting was: a connection that is up carries one message at least.
    return ask_next_message();
}

action client_session::ask_next_message()
{
    state_ = state::idle;
    asked_for_message_ = true;
    deadline_ = started_ + options_.session_max;
    return action{action_kind::next_message, {}, {}, time_left(), false};
}

action client_session::say_transaction()
{
    ++end_.messages;
    if (!features_.pipelining)
    {
        return say_next_command();
    }
    out_.clear();
    if (needs_rset_)
    {
        append_command(stage::rset);
    }
    append_command(stage::mail);
    append_command(stage::rcpt);
    append_command(stage::data);
    return write_commands();
}

action client_session::say_next_command()
{
    const stage s = needs_rset_       ? stage::rset
                    : !mail_answered_ ? stage::mail
                    : !rcpt_accepted_ ? stage::rcpt
                                      : stage::data;
    out_.clear();
    append_command(s);
    return write_commands();
}

void client_session::append_command(stage s)
{
    push_expected(s);
    if (s == stage::rset)
    {
        out_ += "RSET\r\n";
    }
    else if (s == stage::mail)
    {
        append_mail_command();
    }
    else if (s == stage::rcpt)
    {
        out_.append("RCPT TO:<").append(mail_.rcpt_to).append(">\r\n");
    }
    else
    {
        HK_ASSERT(s == stage::data);
        out_ += "DATA\r\n";
    }
}

void client_session::append_mail_command()
{
    told_ = true;
    out_.append("MAIL FROM:<").append(mail_.mail_from).append(">");
    if (features_.size)
    {
        out_ += " SIZE=";
        append_number(out_, mail_.message.size());
    }
    if (mail_.is_8bit)
    {
        out_ += " BODY=8BITMIME";
    }
    if (mail_.needs_smtputf8)
    {
        out_ += " SMTPUTF8";
    }
    out_ += "\r\n";
}

/// RFC 2920 section 3.1: DATA was answered 354 although nobody is to get the message.
action client_session::say_lone_dot()
{
    out_.assign(end_of_data);
    push_expected(stage::final_dot);
    return write_commands();
}

action client_session::say_body(bool with_dot)
{
    body_ = dot_stuff(mail_.message, shape_, scratch_);
    set_deadline(stage::body);
    bytes_before_dot_ = body_.size();
    state_ = with_dot ? state::dot : state::body;
    const std::string_view tail = with_dot ? end_of_data : std::string_view{};
    return action{action_kind::write, body_, tail, time_left(), false};
}

action client_session::say_dot()
{
    bytes_before_dot_ = 0;
    state_ = state::dot;
    set_deadline(stage::final_dot);
    return action{action_kind::write, end_of_data, {}, time_left(), false};
}

action client_session::say_quit()
{
    out_.assign("QUIT\r\n");
    push_expected(stage::quit);
    return write_commands();
}

action client_session::ask(bool must_answer)
{
    state_ = must_answer ? state::may_finish : state::may_send;
    return action{action_kind::ask_permission, {}, {}, milliseconds{0}, must_answer};
}

action client_session::read()
{
    if (state_ != state::stale_idle && state_ != state::interrupted)
    {
        state_ = state::reading;
    }
    return action{action_kind::read, {}, {}, time_left(), false};
}

/// Sends out_; the deadline is that of the first reply expected.
action client_session::write_commands()
{
    state_ = state::writing;
    set_deadline(current_stage());
    return action{action_kind::write, out_, {}, time_left(), false};
}

bool client_session::refuse_locally()
{
    shape_ = inspect_message(mail_.message);
    mail_.needs_smtputf8 =
        mail_.needs_smtputf8 || has_8bit(mail_.mail_from) || has_8bit(mail_.rcpt_to);
    if (!is_safe_path(mail_.rcpt_to))
    {
        refuse("the recipient's address is not safe to send", {5, 1, 3});
    }
    else if (!mail_.mail_from.empty() && !is_safe_path(mail_.mail_from))
    {
        refuse("the sender's address is not safe to send", {5, 1, 7});
    }
    else if (!shape_.canonical_crlf)
    {
        refuse("the message has a bare CR or LF, or no end of line at its end", {5, 6, 0});
    }
    else if (features_.size_bytes_max != 0 && mail_.message.size() > features_.size_bytes_max)
    {
        refuse("the message is larger than the server takes", {5, 3, 4});
    }
    else if (mail_.needs_smtputf8 && !features_.smtputf8)
    {
        refuse("the server does not offer SMTPUTF8", {5, 6, 7});
    }
    else if (mail_.is_8bit && !features_.eight_bit_mime)
    {
        refuse("the server does not offer 8BITMIME", {5, 6, 3});
    }
    return decided_;
}

void client_session::refuse(const char* text, enhanced_code code)
{
    record(verdict::refused_locally, stage::mail, std::string_view{text});
    result_.enhanced = code;
}

} // namespace hikyaku::smtp
