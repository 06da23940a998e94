#pragma once

#include <hikyaku/net/address.h>
#include <hikyaku/net/deadline_sweeper.h>
#include <hikyaku/net/stream.h>
#include <hikyaku/net/tls_client_context.h>
#include <hikyaku/net/tls_server_context.h>

namespace hikyaku::net
{

/// Opens real TCP connections. One per shard; used on the thread of `executor` only.
class tcp_dialer final : public dialer
{
public:
    /// `sweeper` (of the same io_context), `tls` and `forbidden` outlive the dialer and its
    /// streams.
    tcp_dialer(asio::any_io_executor executor, deadline_sweeper& sweeper,
               const tls_client_context& tls, const network_list& forbidden);

    [[nodiscard]] asio::awaitable<dial_result> dial(dial_target target) override;

private:
    asio::any_io_executor executor_;
    deadline_sweeper& sweeper_;
    const tls_client_context& tls_;
    const network_list& forbidden_;
};

/// A stream over a socket that is connected already: accepted ones, and tests. `tls` may be null
/// where start_tls() is never called.
[[nodiscard]] std::unique_ptr<stream> make_tcp_stream(tcp::socket socket, deadline_sweeper& sweeper,
                                                      const tls_client_context* tls);

/// A stream over an accepted socket: its start_tls() is the server's side. `tls` may be null where
/// start_tls() is never called; the stream shares it, so that a reload doesn't take it away.
[[nodiscard]] std::unique_ptr<stream>
make_accepted_stream(tcp::socket socket, deadline_sweeper& sweeper,
                     std::shared_ptr<const tls_server_context> tls);

} // namespace hikyaku::net
