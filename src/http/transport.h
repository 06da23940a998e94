#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <cstddef>
#include <memory>

#include <hikyaku/base/result.h>

namespace hikyaku::http
{

namespace asio = boost::asio;

/// What a read brought.
struct io_result
{
    error_code error;
    std::size_t size = 0;
};

/// A TCP or Unix connection, plain or TLS. One coroutine at a time; deadlines are the owner's:
/// cancel() makes the pending operation fail.
class transport
{
public:
    using socket = asio::generic::stream_protocol::socket;

    explicit transport(socket connected);

    /// TLS as a server. `context` is kept as long as the connection: reload may replace it.
    [[nodiscard]] asio::awaitable<error_code>
    accept_tls(std::shared_ptr<asio::ssl::context> context);
    [[nodiscard]] asio::awaitable<io_result> read_some(asio::mutable_buffer into);
    /// All of `bytes`, or an error.
    [[nodiscard]] asio::awaitable<error_code> write(asio::const_buffer bytes);
    /// TLS: sends close_notify. Then no more is sent.
    [[nodiscard]] asio::awaitable<void> finish_sending();
    /// Reads past TLS, for throwing away.
    [[nodiscard]] asio::awaitable<io_result> read_raw(asio::mutable_buffer into);

    void cancel() noexcept;
    void close() noexcept;
    /// The peer has closed its side or reset, as far as the kernel knows now.
    [[nodiscard]] bool peer_is_gone() noexcept;
    [[nodiscard]] bool secure() const noexcept { return tls_ != nullptr; }

private:
    socket socket_;
    /// Shared with the listener, which replaces it when certificates are reloaded.
    std::shared_ptr<asio::ssl::context> context_;
    std::unique_ptr<asio::ssl::stream<socket&>> tls_;
};

} // namespace hikyaku::http
