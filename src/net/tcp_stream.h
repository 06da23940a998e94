#pragma once

#include "tls_channel.h"

#include <hikyaku/net/deadline_sweeper.h>
#include <hikyaku/net/stream.h>
#include <hikyaku/net/tls_client_context.h>
#include <hikyaku/net/tls_server_context.h>

#include <memory>

namespace hikyaku::net
{

/// The real stream. Tries the system call first and waits for readiness only when it must: a write
/// that the socket takes never leaves the coroutine.
class tcp_stream final : public stream, private deadline
{
public:
    tcp_stream(tcp::socket socket, deadline_sweeper& sweeper, const tls_client_context* tls);
    /// An accepted one.
    tcp_stream(tcp::socket socket, deadline_sweeper& sweeper,
               std::shared_ptr<const tls_server_context> tls);
    ~tcp_stream() override;

    [[nodiscard]] asio::awaitable<io_result> read_some(std::span<char> into,
                                                       milliseconds timeout) override;
    [[nodiscard]] asio::awaitable<io_result> write(std::string_view first, std::string_view second,
                                                   milliseconds timeout) override;
    [[nodiscard]] asio::awaitable<tls_result> start_tls(std::string_view server_name,
                                                        milliseconds timeout) override;
    [[nodiscard]] bool input_ready() override;
    void end_writing() noexcept override;
    void close() noexcept override;
    [[nodiscard]] std::optional<tls_info> tls() const override;
    [[nodiscard]] tcp::endpoint remote_endpoint() const override { return remote_; }
    [[nodiscard]] tcp::endpoint local_endpoint() const override { return local_; }

private:
    void on_expired() noexcept override;
    [[nodiscard]] io_step try_read(std::span<char> into);
    [[nodiscard]] io_step try_write(std::string_view first, std::string_view second);
    /// Waits until the socket is ready. @error errc::timed_out, errc::closed, the system's
    [[nodiscard]] asio::awaitable<error_code> wait(io_need need);

    tcp::socket socket_;
    deadline_sweeper& sweeper_;
    const tls_client_context* tls_context_;
    /// Shared with the listener, which takes another one at a reload.
    std::shared_ptr<const tls_server_context> server_context_;
    std::unique_ptr<tls_channel> tls_;
    tcp::endpoint remote_;
    tcp::endpoint local_;
    bool secured_ = false; // the handshake is done
};

} // namespace hikyaku::net
