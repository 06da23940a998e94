#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/http/client.h>

#include "client_url.h"

namespace hikyaku::http
{

/// A blocking connection with timeouts, plain, TLS or over a Unix socket. One thread at a time.
class client_connection
{
public:
    client_connection(client_url where, const client_options& options);

    /// Connects, with TLS when the URL says so. @error a sentence
    [[nodiscard]] std::optional<failure> open();
    [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }
    /// A kept connection that the peer has closed, or on which unasked bytes wait.
    [[nodiscard]] bool is_stale() noexcept;
    void close() noexcept;

    [[nodiscard]] error_code write(std::string_view bytes);
    /// Appends at least one byte to `out`, or fails; end of stream is asio::error::eof.
    [[nodiscard]] error_code read_some(std::string& out);

    [[nodiscard]] const client_url& where() const noexcept { return where_; }

private:
    using socket = boost::asio::generic::stream_protocol::socket;
    struct ended
    {
        error_code error;
        std::size_t size = 0;
    };
    /// Starts an operation with a completion that notes its end, and runs it for `limit`.
    template <class Start> ended run(milliseconds limit, Start start);
    [[nodiscard]] error_code connect_to(const socket::endpoint_type& to);
    [[nodiscard]] std::optional<failure> open_tcp();
    [[nodiscard]] std::optional<failure> start_tls();

    client_url where_;
    const client_options& options_;
    boost::asio::io_context io_{1};
    /// Shared because make_client_context shares; only this connection has it.
    std::shared_ptr<boost::asio::ssl::context> context_;
    socket socket_{io_};
    std::unique_ptr<boost::asio::ssl::stream<socket&>> tls_;
};

} // namespace hikyaku::http
