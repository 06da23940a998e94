#include "peer_stream.h"

#include <hikyaku/base/assert.h>

#include <algorithm>

namespace hikyaku::sim
{

peer_stream::peer_stream(peers& world, peers::connection_ptr c, asio::io_context& context)
    : world_(world), c_(std::move(c)), timer_(world.time_.make_timer(context))
{
}

asio::awaitable<net::io_result> peer_stream::read_some(std::span<char> into, milliseconds timeout)
{
    timer_->expires_at(world_.time_.mono() + timeout);
    while (c_->arrived.empty() && !c_->ended && !c_->client_gone)
    {
        c_->waiting = timer_.get();
        const bool expired = co_await timer_->wait();
        c_->waiting = nullptr;
        if (expired)
        {
            co_return net::io_result{net::errc::timed_out, 0};
        }
    }
    timer_->expires_at(mono_time::max());
    if (c_->client_gone)
    {
        co_return net::io_result{net::errc::closed, 0};
    }
    if (c_->arrived.empty())
    {
        co_return net::io_result{net::errc::end_of_stream, 0};
    }
    const auto n = std::min(into.size(), c_->arrived.size());
    std::copy_n(c_->arrived.begin(), n, into.begin());
    c_->arrived.erase(0, n);
    co_return net::io_result{{}, n};
}

asio::awaitable<net::io_result> peer_stream::write(std::string_view first, std::string_view second,
                                                   milliseconds)
{
    if (c_->client_gone)
    {
        co_return net::io_result{net::errc::closed, 0};
    }
    world_.note_mail(*c_, first);
    c_->used = c_->used || first.starts_with("MAIL");
    std::string bytes(first);
    bytes += second;
    const auto n = bytes.size();
    // What reaches a server that has hung up is lost, as with TCP: the next read tells.
    world_.time_.after(c_->latency, [world = &world_, c = c_, bytes = std::move(bytes)]() mutable
                       { world->receive(c, std::move(bytes)); });
    co_return net::io_result{{}, n};
}

asio::awaitable<net::tls_result> peer_stream::start_tls(std::string_view, milliseconds)
{
    HK_ASSERT(false); // nobody offers it
    co_return net::tls_result{};
}

void peer_stream::close() noexcept
{
    if (!c_->client_gone)
    {
        c_->client_gone = true;
        world_.closed_by_client(c_);
        c_->ring();
    }
}

asio::awaitable<void> peer_dialer::pass(milliseconds time)
{
    const auto timer = world_.time_.make_timer(context_);
    timer->expires_at(world_.time_.mono() + time);
    world_.dialling_.insert(timer.get());
    if (!world_.sender_lost_)
    {
        (void)co_await timer->wait();
    }
    world_.dialling_.erase(timer.get());
}

asio::awaitable<net::dial_result> peer_dialer::dial(net::dial_target target)
{
    net::dial_result out;
    const auto host = world_.host_of_address_.find(target.remote.address());
    if (host == world_.host_of_address_.end())
    {
        out.ec = asio::error::host_unreachable;
        co_return out;
    }
    const auto& site = world_.site_of_host_.at(host->second);
    const auto& model = world_.sites_.at(site);
    world_.trace_.add("dial " + host->second);
    const auto now = world_.trouble_of(model);
    auto c = world_.connect(site, target.local ? target.local->to_string() : "");
    const bool unanswered = now && now->what == trouble::never_answers;
    co_await pass(unanswered ? target.timeout : c->latency * 2);
    if (world_.sender_lost_)
    {
        out.ec = net::errc::closed;
    }
    else if (unanswered)
    {
        out.ec = net::errc::timed_out;
    }
    else if (now && now->what == trouble::refuses_connections)
    {
        out.ec = asio::error::connection_refused;
    }
    if (out.ec)
    {
        c->client_gone = true;
        world_.closed_by_client(c);
        co_return out;
    }
    out.stream = std::make_unique<peer_stream>(world_, c, context_);
    world_.greet(c);
    co_return out;
}

} // namespace hikyaku::sim
