#include "session.h"

namespace hikyaku::delivery
{

bool session::listening() const noexcept
{
    return owner_.trace().anybody();
}

void session::tell(trace_event::kind what, std::string_view text, std::uint64_t bytes)
{
    trace_event e;
    e.at = owner_.time().wall();
    e.session = id_;
    e.site = plan_->site;
    e.mx = mx_;
    e.source = plan_->source;
    e.what = what;
    e.text = trace_text(text);
    e.bytes = bytes;
    owner_.trace().publish(e);
}

/// One event a line.
void session::tell_lines(trace_event::kind what, std::string_view text)
{
    while (!text.empty())
    {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r'))
        {
            line.remove_suffix(1);
        }
        tell(what, line);
    }
}

void session::sent(std::string_view commands)
{
    tell_lines(trace_event::kind::sent, commands);
}

void session::sent_message(std::size_t bytes)
{
    tell(trace_event::kind::body, "", bytes);
}

void session::received(std::string_view bytes)
{
    tell_lines(trace_event::kind::received, bytes);
}

void session::tls_done(const net::tls_result& r)
{
    tell(trace_event::kind::tls, r.ok() ? "TLS is up" : r.reason);
}

} // namespace hikyaku::delivery
