#include <hikyaku/base/log.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

#include "core.h"
#include "peer_address.h"
#include "trace_field.h"

namespace hikyaku::smtpd
{
namespace
{

using smtp::server_action_kind;
using smtp::server_event;
using smtp::server_event_kind;

constexpr std::size_t read_bytes = 16 * 1024;
/// How soon a waiting session hears of stop().
constexpr milliseconds stop_poll{1'000};
/// For a peer that is still sending when we have said our last word.
constexpr milliseconds linger_timeout{5'000};
constexpr std::size_t linger_bytes_max = 16u << 20;
/// Of sessions that ended badly, in a minute.
constexpr unsigned logged_per_minute_max = 20;
constexpr const char* not_now = "4.3.0 The message can't be taken now: try again later";

/// What a handler's thread hands back.
struct delivery
{
    explicit delivery(asio::io_context& context) : wake(context) {}
    asio::steady_timer wake; // never expires; cancelled when the reply is there
    bool done = false;
    smtp::server_reply reply;
};

smtp::server_reply run_handler(const mail_handler& handler, const inbound_mail& mail)
{
    try
    {
        return handler.deliver(mail);
    }
    catch (const std::exception& e)
    {
        log::error("smtpd_delivery_failed", {{"what", e.what()}});
    }
    return {451, not_now};
}

} // namespace

asio::awaitable<void> server::impl::run_session(std::unique_ptr<slot> place)
{
    net::stream& stream = place->stream();
    const smtp::server_options options{options_.host_name, !options_.certificate_file.empty(),
                                       options_.limits};
    smtp::server_session session(options, budget_);
    std::string buffer(read_bytes, '\0');
    server_event event = server_event::of(server_event_kind::started);
    while (true)
    {
        const smtp::server_action action = session.resume(event, clock_.mono());
        if (action.kind == server_action_kind::done)
        {
            count_end(stream, session);
            if (action.linger)
            {
                co_await linger(stream, buffer);
            }
            break;
        }
        event = co_await perform(action, stream, session, buffer);
    }
    stream.close();
}

asio::awaitable<server_event> server::impl::perform(const smtp::server_action& action,
                                                    net::stream& stream,
                                                    smtp::server_session& session,
                                                    std::span<char> buffer)
{
    switch (action.kind)
    {
    case server_action_kind::pause:
    {
        const auto event = co_await pause(stream, action.timeout);
        co_return event;
    }
    case server_action_kind::read:
    {
        const auto event = co_await read(stream, buffer, action.timeout);
        co_return event;
    }
    case server_action_kind::write:
    {
        const auto r = co_await stream.write(action.bytes, {}, action.timeout);
        co_return server_event::of(r.ok()                         ? server_event_kind::written
                                   : r.ec == net::errc::timed_out ? server_event_kind::timed_out
                                                                  : server_event_kind::closed);
    }
    case server_action_kind::start_tls:
    {
        const auto r = co_await stream.start_tls({}, action.timeout);
        co_return server_event::tls_done(r.ok());
    }
    case server_action_kind::check_recipient:
        co_return server_event::answer(check(action.bytes));
    case server_action_kind::deliver:
    {
        auto mail = take_mail(stream, session);
        const auto event = co_await deliver(std::move(mail));
        co_return event;
    }
    case server_action_kind::done:
        break;
    }
    co_return server_event::of(server_event_kind::closed);
}

asio::awaitable<server_event> server::impl::pause(net::stream& stream, milliseconds timeout)
{
    if (timeout > milliseconds{0})
    {
        asio::steady_timer timer(context_, timeout);
        error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (stopping_)
    {
        co_return server_event::of(server_event_kind::stopping);
    }
    co_return server_event::paused(stream.input_ready());
}

asio::awaitable<server_event> server::impl::read(net::stream& stream, std::span<char> buffer,
                                                 milliseconds timeout)
{
    const mono_time until = clock_.mono() + timeout;
    while (!stopping_)
    {
        const auto left = std::chrono::ceil<milliseconds>(until - clock_.mono());
        const auto wait = std::clamp(left, milliseconds{0}, stop_poll);
        const auto r = co_await stream.read_some(buffer, wait);
        if (r.ok())
        {
            co_return server_event::bytes_read({buffer.data(), r.bytes});
        }
        if (r.ec != net::errc::timed_out)
        {
            co_return server_event::of(server_event_kind::closed);
        }
        if (clock_.mono() >= until)
        {
            co_return server_event::of(server_event_kind::timed_out);
        }
    }
    co_return server_event::of(server_event_kind::stopping);
}

asio::awaitable<void> server::impl::linger(net::stream& stream, std::span<char> buffer)
{
    stream.end_writing();
    const mono_time until = clock_.mono() + linger_timeout;
    std::size_t bytes = 0;
    while (!stopping_ && bytes < linger_bytes_max && clock_.mono() < until)
    {
        const auto r = co_await stream.read_some(buffer, stop_poll);
        if (!r.ok() && r.ec != net::errc::timed_out)
        {
            break;
        }
        bytes += r.bytes;
    }
}

smtp::server_reply server::impl::check(std::string_view recipient) const
{
    try
    {
        return handler_.check_recipient(recipient);
    }
    catch (const std::exception& e)
    {
        log::error("smtpd_check_failed", {{"what", e.what()}});
    }
    return {451, not_now};
}

inbound_mail server::impl::take_mail(const net::stream& stream, smtp::server_session& session)
{
    auto& transaction = session.transaction();
    const auto peer = to_plain(stream.remote_endpoint().address());
    inbound_mail mail;
    mail.peer = peer.to_string();
    mail.helo = session.helo();
    mail.mail_from = std::move(transaction.mail_from);
    mail.recipients = std::move(transaction.recipients);
    mail.message = std::move(transaction.message);
    mail.tls = session.tls();
    mail.message.insert(
        0, make_received_field({mail.helo, peer, options_.host_name, session.extended(),
                                session.tls(), ++received_, clock_.wall()}));
    return mail;
}

asio::awaitable<server_event> server::impl::deliver(inbound_mail mail)
{
    const std::size_t bytes = mail.message.size();
    const auto work = std::make_shared<delivery>(context_); // this coroutine's and the job's
    const bool posted = pool_.post(
        [this, work, mail = std::make_shared<const inbound_mail>(std::move(mail))]() mutable
        {
            auto reply = run_handler(handler_, *mail);
            mail.reset();
            asio::post(context_,
                       [work, reply = std::move(reply)]() mutable
                       {
                           work->reply = std::move(reply);
                           work->done = true;
                           work->wake.cancel();
                       });
        });
    if (!posted)
    {
        co_return server_event::answer({451, "4.3.2 Busy: try again in a minute"});
    }
    while (!work->done)
    {
        work->wake.expires_at(asio::steady_timer::time_point::max());
        error_code cancelled;
        co_await work->wake.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    if (work->reply.code / 100 == 2)
    {
        const std::lock_guard lock(mutex_);
        ++counters_.messages;
        counters_.message_bytes += bytes;
    }
    co_return server_event::answer(std::move(work->reply));
}

void server::impl::count_end(const net::stream& stream, const smtp::server_session& session)
{
    {
        const std::lock_guard lock(mutex_);
        ++counters_.ends[static_cast<std::size_t>(session.end())];
        counters_.sessions_tls += session.tls() ? 1 : 0;
        counters_.refusals += session.refusals();
    }
    log_end(stream, session);
}

/// At info and above without the peer's address: its network is enough to find a sick sender.
void server::impl::log_end(const net::stream& stream, const smtp::server_session& session)
{
    const auto peer = to_plain(stream.remote_endpoint().address());
    log::debug("smtpd_session", {{"peer", peer.to_string()},
                                 {"end", smtp::to_string(session.end())},
                                 {"messages", session.messages()},
                                 {"refusals", session.refusals()},
                                 {"tls", session.tls()}});
    switch (session.end())
    {
    case smtp::server_end::out_of_turn:
    case smtp::server_end::bare_newline:
    case smtp::server_end::too_many_errors:
    case smtp::server_end::not_smtp:
        break;
    case smtp::server_end::quit:
    case smtp::server_end::connection_lost:
    case smtp::server_end::timed_out:
    case smtp::server_end::tls_failed:
    case smtp::server_end::stopped:
        return;
    }
    const wall_time now = clock_.wall();
    if (now - log_window_ >= std::chrono::minutes{1})
    {
        log_window_ = now;
        logged_ = 0;
    }
    if (++logged_ <= logged_per_minute_max)
    {
        log::warning("smtpd_peer_cut_off", {{"peer_network", to_network_text(peer)},
                                            {"because", smtp::to_string(session.end())}});
    }
}

} // namespace hikyaku::smtpd
