#include "transport.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>

namespace hikyaku::http
{
namespace
{

constexpr auto token = asio::as_tuple(asio::use_awaitable);

} // namespace

transport::transport(socket connected) : socket_(std::move(connected)) {}

asio::awaitable<error_code> transport::accept_tls(std::shared_ptr<asio::ssl::context> context)
{
    context_ = std::move(context);
    tls_ = std::make_unique<asio::ssl::stream<socket&>>(socket_, *context_);
    const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, token);
    co_return error;
}

asio::awaitable<io_result> transport::read_some(asio::mutable_buffer into)
{
    if (tls_ != nullptr)
    {
        const auto [error, size] = co_await tls_->async_read_some(into, token);
        co_return io_result{error, size};
    }
    const auto [error, size] = co_await socket_.async_read_some(into, token);
    co_return io_result{error, size};
}

asio::awaitable<error_code> transport::write(asio::const_buffer bytes)
{
    if (tls_ != nullptr)
    {
        const auto [error, size] = co_await asio::async_write(*tls_, bytes, token);
        co_return error;
    }
    const auto [error, size] = co_await asio::async_write(socket_, bytes, token);
    co_return error;
}

asio::awaitable<void> transport::finish_sending()
{
    if (tls_ != nullptr)
    {
        // Waits for the peer's close_notify too; the deadline of the owner bounds it.
        co_await tls_->async_shutdown(token);
    }
    error_code ignored;
    socket_.shutdown(socket::shutdown_send, ignored);
}

asio::awaitable<io_result> transport::read_raw(asio::mutable_buffer into)
{
    const auto [error, size] = co_await socket_.async_read_some(into, token);
    co_return io_result{error, size};
}

void transport::cancel() noexcept
{
    error_code ignored;
    socket_.cancel(ignored);
}

void transport::close() noexcept
{
    error_code ignored;
    socket_.close(ignored);
}

bool transport::peer_is_gone() noexcept
{
    pollfd poll_for{socket_.native_handle(), POLLRDHUP, 0};
    return ::poll(&poll_for, 1, 0) == 1;
}

} // namespace hikyaku::http
