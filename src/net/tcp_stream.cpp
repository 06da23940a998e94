#include "tcp_stream.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/net/tcp_dialer.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace hikyaku::net
{
namespace
{

io_step step_of_errno(io_need need_if_busy)
{
    const int e = errno;
    if (e == EAGAIN || e == EWOULDBLOCK || e == EINTR)
    {
        return {need_if_busy, {}, 0};
    }
    return {io_need::nothing, error_code(e, boost::system::system_category()), 0};
}

iovec to_iovec(std::string_view bytes)
{
    // sendmsg() takes void*, and doesn't write there.
    return {const_cast<char*>(bytes.data()), bytes.size()};
}

} // namespace

tcp_stream::tcp_stream(tcp::socket socket, deadline_sweeper& sweeper, const tls_client_context* tls)
    : deadline(sweeper), socket_(std::move(socket)), sweeper_(sweeper), tls_context_(tls)
{
    error_code ignored; // a connection that is gone already shows at the first operation
    remote_ = socket_.remote_endpoint(ignored);
    local_ = socket_.local_endpoint(ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.native_non_blocking(true, ignored);
}

tcp_stream::tcp_stream(tcp::socket socket, deadline_sweeper& sweeper,
                       std::shared_ptr<const tls_server_context> tls)
    : tcp_stream(std::move(socket), sweeper, static_cast<const tls_client_context*>(nullptr))
{
    server_context_ = std::move(tls);
}

tcp_stream::~tcp_stream()
{
    close();
}

void tcp_stream::on_expired() noexcept
{
    error_code ignored;
    socket_.cancel(ignored);
}

asio::awaitable<error_code> tcp_stream::wait(io_need need)
{
    if (expired())
    {
        co_return errc::timed_out;
    }
    const auto kind = need == io_need::readable ? tcp::socket::wait_read : tcp::socket::wait_write;
    error_code ec;
    co_await socket_.async_wait(kind, asio::redirect_error(asio::use_awaitable, ec));
    if (expired())
    {
        co_return errc::timed_out;
    }
    if (!socket_.is_open())
    {
        co_return errc::closed;
    }
    co_return ec;
}

io_step tcp_stream::try_read(std::span<char> into)
{
    if (tls_)
    {
        return tls_->read(into);
    }
    const ssize_t n = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (n < 0)
    {
        return step_of_errno(io_need::readable);
    }
    if (n == 0)
    {
        return {io_need::nothing, errc::end_of_stream, 0};
    }
    return {io_need::nothing, {}, static_cast<std::size_t>(n)};
}

io_step tcp_stream::try_write(std::string_view first, std::string_view second)
{
    if (tls_)
    {
        const bool more = !first.empty() && !second.empty();
        return tls_->write(first.empty() ? second : first, more);
    }
    std::array<iovec, 2> parts{to_iovec(first), to_iovec(second)};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
    {
        return step_of_errno(io_need::writable);
    }
    return {io_need::nothing, {}, static_cast<std::size_t>(n)};
}

asio::awaitable<io_result> tcp_stream::read_some(std::span<char> into, milliseconds timeout)
{
    HK_ASSERT(!into.empty());
    expire_at(sweeper_.now() + timeout);
    io_result result;
    while (true)
    {
        if (!socket_.is_open())
        {
            result.ec = errc::closed;
            break;
        }
        const io_step step = try_read(into);
        if (step.need == io_need::nothing)
        {
            result = {step.ec, step.bytes};
            break;
        }
        result.ec = co_await wait(step.need);
        if (result.ec)
        {
            break;
        }
    }
    clear();
    co_return result;
}

asio::awaitable<io_result> tcp_stream::write(std::string_view first, std::string_view second,
                                             milliseconds timeout)
{
    expire_at(sweeper_.now() + timeout);
    io_result result;
    while (!first.empty() || !second.empty())
    {
        if (!socket_.is_open())
        {
            result.ec = errc::closed;
            break;
        }
        const io_step step = try_write(first, second);
        if (step.ec)
        {
            result.ec = step.ec;
            break;
        }
        result.bytes += step.bytes;
        const std::size_t of_first = std::min(step.bytes, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(step.bytes - of_first);
        if (step.need != io_need::nothing)
        {
            result.ec = co_await wait(step.need);
            if (result.ec)
            {
                break;
            }
        }
    }
    clear();
    co_return result;
}

asio::awaitable<tls_result> tcp_stream::start_tls(std::string_view server_name,
                                                  milliseconds timeout)
{
    HK_ASSERT((tls_context_ != nullptr || server_context_ != nullptr) && !tls_);
    expire_at(sweeper_.now() + timeout);
    tls_result result;
    const int descriptor = socket_.native_handle();
    tls_ = server_context_ != nullptr
               ? tls_channel::make_server(server_context_->native(), descriptor)
               : tls_channel::make(tls_context_->native(), descriptor, server_name);
    if (!tls_)
    {
        result.ec = errc::tls_failed;
        result.reason = "no TLS channel";
    }
    while (!result.ec)
    {
        if (!socket_.is_open())
        {
            result.ec = errc::closed;
            break;
        }
        const io_step step = tls_->handshake();
        if (step.need == io_need::nothing)
        {
            result.ec = step.ec;
            result.reason = tls_->reason();
            secured_ = !step.ec;
            break;
        }
        result.ec = co_await wait(step.need);
    }
    if (result.ec && result.reason.empty())
    {
        result.reason = result.ec.message();
    }
    clear();
    co_return result;
}

bool tcp_stream::input_ready()
{
    if (!socket_.is_open())
    {
        return true;
    }
    if (tls_)
    {
        return tls_->input_ready();
    }
    char byte = 0;
    const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void tcp_stream::end_writing() noexcept
{
    if (!socket_.is_open())
    {
        return;
    }
    if (secured_)
    {
        tls_->close_notify();
    }
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void tcp_stream::close() noexcept
{
    if (!socket_.is_open())
    {
        return;
    }
    if (secured_)
    {
        tls_->close_notify();
    }
    error_code ignored;
    socket_.close(ignored);
}

std::optional<tls_info> tcp_stream::tls() const
{
    if (!secured_)
    {
        return std::nullopt;
    }
    return tls_->info();
}

std::unique_ptr<stream> make_tcp_stream(tcp::socket socket, deadline_sweeper& sweeper,
                                        const tls_client_context* tls)
{
    return std::make_unique<tcp_stream>(std::move(socket), sweeper, tls);
}

std::unique_ptr<stream> make_accepted_stream(tcp::socket socket, deadline_sweeper& sweeper,
                                             std::shared_ptr<const tls_server_context> tls)
{
    return std::make_unique<tcp_stream>(std::move(socket), sweeper, std::move(tls));
}

} // namespace hikyaku::net
