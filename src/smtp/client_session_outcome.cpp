#include <hikyaku/smtp/client_session.h>

#include <hikyaku/base/assert.h>

namespace hikyaku::smtp
{
namespace
{

/// Of the buffer for stuffed bodies, between messages.
constexpr std::size_t scratch_bytes_kept_max = 256 * 1024;

} // namespace

void client_session::record(verdict v, stage s, const reply& r)
{
    HK_ASSERT(has_message_ && !decided_);
    decided_ = true;
    result_.verdict = v;
    result_.stage = s;
    result_.code = r.code;
    result_.enhanced = r.enhanced;
    clean_text(r.text, result_.text);
    result_.site_failure = false;
}

void client_session::record(verdict v, stage s, std::string_view why)
{
    record(v, s, reply{0, {}, why});
}

/// Hands the decided result to the caller. The views of the envelope aren't used after this.
void client_session::publish()
{
    HK_ASSERT(has_message_ && decided_ && !has_result_);
    has_message_ = false;
    has_result_ = true;
    mail_ = {};
    body_ = {};
    if (scratch_.capacity() > scratch_bytes_kept_max)
    {
        std::string().swap(scratch_);
    }
}

action client_session::after_message()
{
    publish();
    return limits_reached() ? say_quit() : ask_next_message();
}

/// The verdict on a message that no reply has decided, when the connection ends at `s`.
verdict client_session::verdict_of_failure(end_reason reason, stage s) const noexcept
{
    if (s == stage::final_dot)
    {
        return verdict::unknown;
    }
    // A reused connection that the peer had already given up says nothing about this message.
    const bool protocol = reason == end_reason::protocol_error;
    if (reused_ && !mail_answered_ && (!told_ || !protocol))
    {
        return verdict::not_attempted;
    }
    return verdict::deferred;
}

action client_session::fail(end_reason reason, stage s, bool site_failure, const reply& r)
{
    if (has_message_)
    {
        if (!decided_)
        {
            record(verdict_of_failure(reason, s), s, r);
            result_.site_failure = reason == end_reason::protocol_error;
        }
        publish();
    }
    end_.code = r.code;
    end_.enhanced = r.enhanced;
    clean_text(r.text, end_.text);
    return finish(reason, s, site_failure);
}

action client_session::fail(end_reason reason, stage s, bool site_failure, std::string_view why)
{
    return fail(reason, s, site_failure, reply{0, {}, why});
}

action client_session::finish(end_reason reason, stage s, bool site_failure)
{
    HK_ASSERT(!has_message_);
    state_ = state::ended;
    end_.reason = reason;
    end_.stage = s;
    end_.site_failure = site_failure;
    return action{};
}

} // namespace hikyaku::smtp
