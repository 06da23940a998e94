#include "channel.h"

#include <arpa/inet.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/dns/message.h>

namespace hikyaku::resolver
{

namespace
{

/// Timeouts are looked at four times per try at least, so a new question never waits for the
/// long timer of an old one.
constexpr int ticks_per_try = 4;
constexpr milliseconds tick_min{1};
/// Bursts of answers must not be dropped.
constexpr int udp_receive_bytes = 256 * 1024;

void throw_on(int status, const char* what)
{
    if (status != ARES_SUCCESS)
    {
        throw std::runtime_error(std::string("c-ares: ") + what + ": " + ares_strerror(status));
    }
}

} // namespace

struct channel::open_query
{
    channel* owner = nullptr;
    done_callback done;
    std::list<open_query>::iterator self;
};

struct channel::watched_socket
{
    watched_socket(asio::io_context& context, ares_socket_t socket)
        : descriptor(context, socket), fd(socket)
    {
    }
    /// Only to wait: c-ares owns the socket, so it is released, never closed.
    asio::posix::stream_descriptor descriptor;
    ares_socket_t fd;
    bool want_read = false;
    bool want_write = false;
    bool reading = false;
    bool writing = false;
    /// c-ares has closed it; the number may already be another socket.
    bool closed = false;
};

std::shared_ptr<channel> channel::make(asio::io_context& context, const channel_options& options)
{
    std::shared_ptr<channel> made(new channel(context, options));
    return made;
}

channel::channel(asio::io_context& context, const channel_options& options)
    : context_(context), timer_(context),
      tick_(std::max(tick_min, options.try_timeout / ticks_per_try))
{
    HK_ASSERT(!options.servers.empty());
    throw_on(ares_library_init(ARES_LIB_INIT_ALL), "library");
    try
    {
        set_up(options);
    }
    catch (...)
    {
        if (ares_ != nullptr)
        {
            ares_destroy(ares_);
        }
        ares_library_cleanup();
        throw;
    }
}

channel::~channel()
{
    closing_ = true;
    ares_destroy(ares_);
    ares_library_cleanup();
    HK_ASSERT(sockets_.empty());
}

void channel::set_up(const channel_options& options)
{
    const int servers = static_cast<int>(options.servers.size());
    char lookups[] = "b";
    in_addr placeholder{};
    ares_options o{};
    o.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
    if (servers == 1)
    {
        // With nobody else to ask, SERVFAIL and REFUSED are the answer: asking the same server
        // again at once would not help, and the response says which it was.
        o.flags |= ARES_FLAG_NOCHECKRESP;
    }
    o.timeout = static_cast<int>(options.try_timeout.count());
    o.tries = std::max(1, (options.tries + servers - 1) / servers);
    o.ndots = 1;
    o.lookups = lookups;
    o.ednspsz = dns::edns_udp_bytes;
    o.socket_receive_buffer_size = udp_receive_bytes;
    o.sock_state_cb = &channel::on_socket_state;
    o.sock_state_cb_data = this;
    // Everything is given, so that neither resolv.conf nor the host name is read.
    o.servers = &placeholder;
    o.nservers = 1;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                     ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_RCVBUF |
                     ARES_OPT_SOCK_STATE_CB | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
                     ARES_OPT_SORTLIST | ARES_OPT_NOROTATE;
    throw_on(ares_init_options(&ares_, &o, mask), "channel");
    set_servers(options.servers);
}

void channel::set_servers(const std::vector<server_address>& servers)
{
    std::vector<ares_addr_port_node> nodes(servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i)
    {
        const server_address& server = servers[i];
        ares_addr_port_node& node = nodes[i];
        node.next = i + 1 < servers.size() ? &nodes[i + 1] : nullptr;
        node.udp_port = server.port;
        node.tcp_port = server.port;
        if (server.ip.is_v4())
        {
            node.family = AF_INET;
            std::memcpy(&node.addr.addr4, server.ip.bytes.data(), sizeof node.addr.addr4);
        }
        else
        {
            node.family = AF_INET6;
            std::memcpy(&node.addr.addr6, server.ip.bytes.data(), sizeof node.addr.addr6);
        }
    }
    throw_on(ares_set_servers_ports(ares_, nodes.data()), "servers");
}

void channel::send(const std::string& query, done_callback done)
{
    open_.push_front({this, std::move(done), {}});
    open_.front().self = open_.begin();
    ++sent_;
    ares_send(ares_, reinterpret_cast<const unsigned char*>(query.data()),
              static_cast<int>(query.size()), &channel::on_done, &open_.front());
    arm_timer();
}

// Called by c-ares: nothing may be thrown through it.
void channel::on_done(void* query, int status, int, unsigned char* bytes, int size) noexcept
{
    auto& open = *static_cast<open_query*>(query);
    open.owner->complete(open, status, bytes, size);
}

void channel::complete(open_query& query, int status, const unsigned char* bytes, int size)
{
    done_callback done = std::move(query.done);
    open_.erase(query.self);
    if (closing_)
    {
        return;
    }
    channel_result outcome{status, {}};
    if (status == ARES_SUCCESS && bytes != nullptr && size > 0)
    {
        outcome.bytes.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
    asio::post(context_, [done = std::move(done), outcome = std::move(outcome)]() mutable
               { done(std::move(outcome)); });
    if (open_.empty())
    {
        timer_.cancel();
    }
}

// Called by c-ares: nothing may be thrown through it. A socket that can't be watched is left to
// the time-out of its questions.
void channel::on_socket_state(void* self, ares_socket_t fd, int readable, int writable) noexcept
{
    auto& me = *static_cast<channel*>(self);
    try
    {
        if (readable == 0 && writable == 0)
        {
            me.forget(fd);
        }
        else
        {
            me.watch(fd, readable != 0, writable != 0);
        }
    }
    catch (const std::exception& e)
    {
        log::warning("dns_socket_not_watched", {{"error", e.what()}});
    }
}

void channel::watch(ares_socket_t fd, bool readable, bool writable)
{
    socket_ptr& socket = sockets_[fd];
    if (!socket)
    {
        try
        {
            socket = std::make_shared<watched_socket>(context_, fd);
        }
        catch (...)
        {
            sockets_.erase(fd);
            throw;
        }
    }
    socket->want_read = readable;
    socket->want_write = writable;
    arm(socket);
}

void channel::forget(ares_socket_t fd)
{
    const auto at = sockets_.find(fd);
    if (at == sockets_.end())
    {
        return;
    }
    at->second->closed = true;
    at->second->descriptor.release();
    sockets_.erase(at);
}

void channel::arm(const socket_ptr& socket)
{
    using wait = asio::posix::stream_descriptor;
    if (socket->want_read && !socket->reading)
    {
        socket->reading = true;
        socket->descriptor.async_wait(wait::wait_read,
                                      [weak = weak_from_this(), socket](const error_code& error)
                                      {
                                          socket->reading = false;
                                          if (const auto self = weak.lock(); self && !error)
                                          {
                                              self->on_ready(socket, true);
                                          }
                                      });
    }
    if (socket->want_write && !socket->writing)
    {
        socket->writing = true;
        socket->descriptor.async_wait(wait::wait_write,
                                      [weak = weak_from_this(), socket](const error_code& error)
                                      {
                                          socket->writing = false;
                                          if (const auto self = weak.lock(); self && !error)
                                          {
                                              self->on_ready(socket, false);
                                          }
                                      });
    }
}

void channel::on_ready(const socket_ptr& socket, bool readable)
{
    if (socket->closed)
    {
        return;
    }
    ares_process_fd(ares_, readable ? socket->fd : ARES_SOCKET_BAD,
                    readable ? ARES_SOCKET_BAD : socket->fd);
    if (!socket->closed)
    {
        arm(socket);
    }
}

void channel::arm_timer()
{
    timeval next{};
    if (timer_armed_ || open_.empty() || ares_timeout(ares_, nullptr, &next) == nullptr)
    {
        return;
    }
    const auto wait = std::chrono::duration_cast<milliseconds>(
        std::chrono::seconds{next.tv_sec} + std::chrono::microseconds{next.tv_usec});
    timer_armed_ = true;
    timer_.expires_after(std::clamp(wait, tick_min, tick_));
    timer_.async_wait(
        [weak = weak_from_this()](const error_code&)
        {
            if (const auto self = weak.lock())
            {
                self->on_timer();
            }
        });
}

void channel::on_timer()
{
    timer_armed_ = false;
    ares_process_fd(ares_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm_timer();
}

} // namespace hikyaku::resolver
