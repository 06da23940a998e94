#include <hikyaku/delivery/session_driver.h>

#include <array>
#include <cstddef>
#include <string>

namespace hikyaku::delivery
{
namespace
{

/// Most replies fit; a longer one is read in pieces.
constexpr std::size_t read_bytes_max = 2048;

/// `why` keeps the words that the event refers to.
smtp::io_event failed(const net::io_result& r, std::string& why)
{
    if (r.ec == net::errc::timed_out)
    {
        return smtp::io_event::timed_out(r.bytes);
    }
    why = r.ec.message();
    return smtp::io_event::closed(why, r.bytes);
}

void tell_written(dialogue_tap& tap, const smtp::client_session& session,
                  const smtp::action& action)
{
    if (session.writes_message())
    {
        tap.sent_message(action.bytes.size() + action.tail.size());
    }
    else
    {
        tap.sent(action.bytes);
    }
}

} // namespace

boost::asio::awaitable<smtp::session_end>
run_session(net::stream& stream, smtp::client_session& session, message_source& source,
            const hikyaku::clock& clock, dialogue_tap* tap)
{
    std::array<char, read_bytes_max> buffer;
    std::string why;
    smtp::io_event event = smtp::io_event::started();
    while (true)
    {
        const smtp::action action = session.resume(event, clock.mono());
        if (session.has_result())
        {
            source.settle(session.take_result());
        }
        switch (action.kind)
        {
        case smtp::action_kind::read:
        {
            if (session.awaits_final_reply())
            {
                source.prefetch();
            }
            const net::io_result r = co_await stream.read_some(buffer, action.timeout);
            if (tap != nullptr && r.ok() && tap->listening())
            {
                tap->received({buffer.data(), r.bytes});
            }
            event = r.ok() ? smtp::io_event::bytes_read({buffer.data(), r.bytes}) : failed(r, why);
            break;
        }
        case smtp::action_kind::write:
        {
            if (tap != nullptr && tap->listening())
            {
                tell_written(*tap, session, action);
            }
            const net::io_result r =
                co_await stream.write(action.bytes, action.tail, action.timeout);
            event = r.ok() ? smtp::io_event::written() : failed(r, why);
            break;
        }
        case smtp::action_kind::start_tls:
        {
            const net::tls_result r = co_await stream.start_tls(action.bytes, action.timeout);
            if (tap != nullptr && tap->listening())
            {
                tap->tls_done(r);
            }
            why = r.reason;
            event = r.ec == net::errc::timed_out ? smtp::io_event::timed_out()
                                                 : smtp::io_event::tls_done(r.ok(), why);
            break;
        }
        case smtp::action_kind::ask_permission:
        {
            smtp::permission answer = smtp::permission::wait;
            if (action.must_answer)
            {
                const bool granted = co_await source.wait_permission();
                answer = granted ? smtp::permission::granted : smtp::permission::refused;
            }
            else
            {
                answer = source.ask_permission();
            }
            event = smtp::io_event::permission_is(answer, stream.input_ready());
            break;
        }
        case smtp::action_kind::next_message:
        {
            const std::optional<smtp::envelope> mail = co_await source.next_message();
            event = mail ? smtp::io_event::message(*mail, stream.input_ready())
                         : smtp::io_event::no_message();
            break;
        }
        case smtp::action_kind::done:
            stream.close();
            co_return session.end();
        }
    }
}

} // namespace hikyaku::delivery
