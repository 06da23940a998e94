#include <hikyaku/net/tcp_dialer.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <netinet/in.h>

#include <utility>

namespace hikyaku::net
{
namespace
{

/// Cancels a connect that takes too long.
class connect_deadline final : public deadline
{
public:
    connect_deadline(deadline_sweeper& sweeper, tcp::socket& socket) noexcept
        : deadline(sweeper), socket_(socket)
    {
    }

private:
    void on_expired() noexcept override
    {
        error_code ignored;
        socket_.cancel(ignored);
    }
    tcp::socket& socket_;
};

/// The port is chosen at connect(), when the peer is known: else a source could not have more
/// connections than the system has ephemeral ports.
using bind_address_no_port =
    asio::detail::socket_option::boolean<IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT>;

error_code open_socket(tcp::socket& socket, const dial_target& target)
{
    error_code ec;
    socket.open(target.remote.protocol(), ec);
    if (ec || !target.local)
    {
        return ec;
    }
    error_code ignored; // an optimisation only
    socket.set_option(bind_address_no_port(true), ignored);
    socket.bind(tcp::endpoint(*target.local, 0), ec);
    return ec;
}

} // namespace

tcp_dialer::tcp_dialer(asio::any_io_executor executor, deadline_sweeper& sweeper,
                       const tls_client_context& tls, const network_list& forbidden)
    : executor_(std::move(executor)), sweeper_(sweeper), tls_(tls), forbidden_(forbidden)
{
}

asio::awaitable<dial_result> tcp_dialer::dial(dial_target target)
{
    dial_result result;
    if (forbidden_.contains(target.remote.address()))
    {
        result.ec = errc::forbidden_address;
        co_return result;
    }
    tcp::socket socket(executor_);
    result.ec = open_socket(socket, target);
    if (result.ec)
    {
        co_return result;
    }
    connect_deadline limit(sweeper_, socket);
    limit.expire_at(sweeper_.now() + target.timeout);
    co_await socket.async_connect(target.remote,
                                  asio::redirect_error(asio::use_awaitable, result.ec));
    if (limit.expired())
    {
        result.ec = errc::timed_out;
    }
    if (!result.ec)
    {
        result.stream = make_tcp_stream(std::move(socket), sweeper_, &tls_);
    }
    co_return result;
}

} // namespace hikyaku::net
