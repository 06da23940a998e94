#include "worker.h"

#include <array>
#include <cerrno>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace hikyaku::sink
{

namespace
{

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::uint64_t wake_tag = UINT64_MAX;
constexpr std::uint64_t first_connection_id = 1ULL << 32U; // below: indexes of listeners
constexpr auto drain_max = std::chrono::seconds(2);

// What a read or write says apart from a number of octets.
constexpr std::ptrdiff_t would_block = -1;
constexpr std::ptrdiff_t broken = -2;

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

std::ptrdiff_t tls_result(SSL* tls, int done)
{
    const int error = SSL_get_error(tls, done);
    ERR_clear_error();
    switch (error)
    {
    case SSL_ERROR_NONE:
        return done;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return would_block;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default: // a set of int constants of OpenSSL, not an enum of ours
        return broken;
    }
}

} // namespace

worker::connection::connection(worker& home_worker, int socket, listener& from,
                               std::uint64_t number)
    : fd(socket), id(number), via(from), home(home_worker),
      talk(home_worker.state_, local_name(socket), peer_name(socket))
{
    home.state_.count.add(tally::sessions);
    via.sessions.fetch_add(1);
    const auto raise = [](std::atomic<std::uint64_t>& open, std::atomic<std::uint64_t>& peak)
    {
        const auto now = open.fetch_add(1) + 1;
        auto seen = peak.load();
        while (seen < now && !peak.compare_exchange_weak(seen, now))
        {
        }
    };
    raise(via.sessions_open, via.sessions_peak);
    raise(home.all_.sessions_open, home.all_.sessions_peak);
}

worker::connection::~connection()
{
    SSL_free(tls);
    ::close(fd);
    via.sessions_open.fetch_sub(1);
    home.all_.sessions_open.fetch_sub(1);
    home.state_.count.add(tally::sessions_ended);
}

worker::worker(common& all, std::vector<std::unique_ptr<listener>>& listeners, SSL_CTX* tls,
               std::uint64_t seed)
    : all_(all), listeners_(listeners), tls_(tls), state_{all, {}, std::mt19937_64(seed)},
      epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      buffer_(read_bytes), next_id_(first_connection_id)
{
    if (epoll_ < 0 || wake_ < 0)
    {
        fail("epoll");
    }
    const auto add = [this](int fd, std::uint64_t tag, std::uint32_t events)
    {
        epoll_event event{events, {}};
        event.data.u64 = tag;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
        {
            fail("epoll_ctl");
        }
    };
    add(wake_, wake_tag, EPOLLIN);
    for (std::size_t i = 0; i != listeners_.size(); ++i)
    {
        add(listeners_[i]->fd, i, EPOLLIN | EPOLLEXCLUSIVE);
    }
}

worker::~worker()
{
    stop();
    connections_.clear();
    ::close(epoll_);
    ::close(wake_);
}

void worker::start()
{
    thread_ = std::thread([this] { run(); });
}

void worker::stop()
{
    stopping_ = true;
    const std::uint64_t one = 1;
    // It can fail only when the counter is full, and then the worker is awake anyway.
    static_cast<void>(!::write(wake_, &one, sizeof one));
    if (thread_.joinable())
    {
        thread_.join();
    }
}

void worker::run()
{
    std::array<epoll_event, 256> events{};
    while (!stopping_)
    {
        const int ready =
            epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), next_timeout_ms());
        for (int i = 0; i < ready; ++i)
        {
            // A copy: the fields of epoll_event are packed, and must not be bound to references.
            const epoll_event event = events[static_cast<std::size_t>(i)];
            const std::uint64_t tag = event.data.u64;
            if (tag == wake_tag)
            {
                continue;
            }
            if (tag < first_connection_id)
            {
                accept_one(static_cast<std::size_t>(tag));
                continue;
            }
            const auto found = connections_.find(tag);
            if (found != connections_.end())
            {
                on_event(*found->second, event.events);
            }
        }
        ring_alarms();
    }
}

void worker::accept_one(std::size_t index)
{
    listener& via = *listeners_[index];
    const int fd = accept4(via.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
    {
        return; // another worker took it, or the client left
    }
    if (!is_loopback(fd))
    {
        ::close(fd);
        return;
    }
    const auto id = next_id_++;
    auto made = std::make_unique<connection>(*this, fd, via, id);
    connection& at = *made;
    connections_.emplace(id, std::move(made));
    epoll_event event{EPOLLIN, {}};
    event.data.u64 = id;
    at.events = EPOLLIN;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
    {
        destroy(at);
        return;
    }
    const auto limit = all_.wanted.connections_max;
    if (limit != 0 && all_.sessions_open.load() > limit)
    {
        state_.count.add(tally::refused);
        at.out = "421 4.7.0 Too many connections\r\n";
        if (flush(at))
        {
            apply(at, {step::close});
        }
        return;
    }
    const progress done = at.talk.greet(at.out);
    if (flush(at))
    {
        apply(at, done);
    }
}

void worker::on_event(connection& at, std::uint32_t events)
{
    if (at.now == mode::handshaking)
    {
        handshake(at);
        return;
    }
    if ((events & EPOLLOUT) != 0 && !flush(at))
    {
        return;
    }
    if ((events & EPOLLIN) != 0)
    {
        on_readable(at);
    }
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
    {
        destroy(at);
    }
}

void worker::on_readable(connection& at)
{
    do
    {
        const auto size = read_some(at);
        if (size == would_block)
        {
            return;
        }
        if (size <= 0)
        {
            destroy(at);
            return;
        }
        if (at.now != mode::open)
        {
            continue; // draining or stalled
        }
        const auto id = at.id;
        process(at, {buffer_.data(), static_cast<std::size_t>(size)});
        if (!connections_.contains(id))
        {
            return;
        }
        // OpenSSL may hold decrypted octets that epoll knows nothing of.
    } while (at.tls != nullptr && at.now != mode::paused && SSL_pending(at.tls) > 0);
}

void worker::process(connection& at, std::string_view in)
{
    const auto before = state_.count.get(tally::messages);
    const progress done = at.talk.consume(in, at.out);
    const auto accepted = state_.count.get(tally::messages) - before;
    if (accepted != 0)
    {
        at.via.messages.fetch_add(accepted, std::memory_order_relaxed);
    }
    if (!in.empty())
    {
        at.pending = std::string(in);
    }
    if (flush(at))
    {
        apply(at, done);
    }
}

void worker::apply(connection& at, const progress& done)
{
    switch (done.what)
    {
    case step::more:
        return;
    case step::pause:
        at.now = mode::paused;
        watch(at, at.events & ~static_cast<std::uint32_t>(EPOLLIN));
        arm(at, done.delay);
        return;
    case step::start_tls:
        at.pending.clear();
        at.now = mode::handshaking;
        at.tls = SSL_new(tls_);
        SSL_set_fd(at.tls, at.fd);
        SSL_set_accept_state(at.tls);
        handshake(at);
        return;
    case step::close:
        at.pending.clear();
        at.after_flush = step::close;
        if (at.out.empty())
        {
            close_in_order(at);
        }
        return;
    case step::drop:
        destroy(at);
        return;
    case step::reset:
    {
        const linger now{1, 0};
        setsockopt(at.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        destroy(at);
        return;
    }
    case step::stall:
        at.pending.clear();
        at.now = mode::stalled;
        return;
    }
}

void worker::close_in_order(connection& at)
{
    if (at.tls != nullptr)
    {
        SSL_shutdown(at.tls);
    }
    // Closing with unread octets would send a reset, which may destroy our last reply.
    ::shutdown(at.fd, SHUT_WR);
    at.now = mode::draining;
    at.after_flush = step::more;
    arm(at, drain_max);
}

void worker::handshake(connection& at)
{
    const auto done = tls_result(at.tls, SSL_do_handshake(at.tls));
    if (done == would_block)
    {
        watch(at, SSL_want_write(at.tls) ? EPOLLOUT : EPOLLIN);
        return;
    }
    if (done <= 0)
    {
        state_.count.add(tally::tls_failures);
        destroy(at);
        return;
    }
    at.now = mode::open;
    at.talk.tls_started();
    watch(at, EPOLLIN);
    if (SSL_has_pending(at.tls) != 0)
    {
        on_readable(at);
    }
}

bool worker::flush(connection& at)
{
    while (at.out_sent != at.out.size())
    {
        const auto sent = write_some(at);
        if (sent == would_block)
        {
            watch(at, EPOLLOUT); // read on only when the client takes its replies
            return true;
        }
        if (sent <= 0)
        {
            destroy(at);
            return false;
        }
        at.out_sent += static_cast<std::size_t>(sent);
    }
    at.out.clear();
    at.out_sent = 0;
    if ((at.events & EPOLLOUT) != 0)
    {
        watch(at, at.now == mode::paused ? 0U : static_cast<std::uint32_t>(EPOLLIN));
    }
    if (at.after_flush == step::close)
    {
        close_in_order(at);
    }
    return true;
}

std::ptrdiff_t worker::read_some(connection& at)
{
    if (at.tls != nullptr)
    {
        return tls_result(at.tls,
                          SSL_read(at.tls, buffer_.data(), static_cast<int>(buffer_.size())));
    }
    const auto size = ::recv(at.fd, buffer_.data(), buffer_.size(), 0);
    return size >= 0 ? size : errno == EAGAIN || errno == EINTR ? would_block : broken;
}

std::ptrdiff_t worker::write_some(connection& at)
{
    const auto* const data = at.out.data() + at.out_sent;
    const auto left = at.out.size() - at.out_sent;
    if (at.tls != nullptr)
    {
        return tls_result(at.tls, SSL_write(at.tls, data, static_cast<int>(left)));
    }
    const auto size = ::send(at.fd, data, left, MSG_NOSIGNAL);
    return size >= 0 ? size : errno == EAGAIN || errno == EINTR ? would_block : broken;
}

void worker::watch(connection& at, std::uint32_t events)
{
    if (at.events == events)
    {
        return;
    }
    at.events = events;
    epoll_event event{events, {}};
    event.data.u64 = at.id;
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, at.fd, &event) != 0)
    {
        fail("epoll_ctl");
    }
}

void worker::arm(connection& at, clock::duration after)
{
    alarms_.push({clock::now() + after, at.id});
}

int worker::next_timeout_ms() const
{
    if (alarms_.empty())
    {
        return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(alarms_.top().when - clock::now());
    return left.count() < 0 ? 0 : static_cast<int>(left.count());
}

void worker::ring_alarms()
{
    while (!alarms_.empty() && alarms_.top().when <= clock::now())
    {
        const auto found = connections_.find(alarms_.top().id);
        alarms_.pop();
        if (found != connections_.end())
        {
            on_alarm(*found->second);
        }
    }
}

void worker::on_alarm(connection& at)
{
    if (at.now == mode::draining)
    {
        destroy(at);
        return;
    }
    if (at.now != mode::paused)
    {
        return;
    }
    at.now = mode::open;
    watch(at, EPOLLIN);
    const std::string in = std::move(at.pending);
    at.pending.clear();
    process(at, in);
}

} // namespace hikyaku::sink
