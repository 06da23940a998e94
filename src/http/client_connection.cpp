#include "client_connection.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include <openssl/ssl.h>
#include <poll.h>

#include "listen_socket.h"
#include "tls_context.h"

namespace hikyaku::http
{

namespace asio = boost::asio;

namespace
{

constexpr std::size_t read_bytes = 64u << 10;
/// sun_path of Linux, with its NUL.
constexpr std::size_t socket_path_max = 107;

} // namespace

client_connection::client_connection(client_url where, const client_options& options)
    : where_(std::move(where)), options_(options)
{
}

template <class Start>
client_connection::ended client_connection::run(milliseconds limit, Start start)
{
    std::optional<ended> end;
    start([&end](const error_code& error, std::size_t size = 0) { end = ended{error, size}; });
    io_.restart();
    io_.run_for(limit);
    if (!end)
    {
        error_code ignored;
        socket_.close(ignored);
        io_.restart();
        io_.run();
        return {asio::error::timed_out, 0};
    }
    return *end;
}

bool client_connection::is_stale() noexcept
{
    pollfd poll_for{socket_.native_handle(), POLLIN | POLLRDHUP, 0};
    return ::poll(&poll_for, 1, 0) != 0;
}

void client_connection::close() noexcept
{
    tls_.reset();
    error_code ignored;
    socket_.close(ignored);
}

error_code client_connection::connect_to(const socket::endpoint_type& to)
{
    close();
    const auto end = run(options_.connect_timeout,
                         [&](auto done) { socket_.async_connect(to, std::move(done)); });
    return end.error;
}

std::optional<failure> client_connection::open_tcp()
{
    error_code error;
    asio::ip::tcp::resolver resolver(io_);
    const auto found = resolver.resolve(where_.host, where_.port, error);
    if (error)
    {
        return failure{"cannot find " + where_.host + ": " + error.message()};
    }
    for (const auto& entry : found)
    {
        error = connect_to(entry.endpoint());
        if (!error)
        {
            send_at_once(socket_.native_handle());
            return std::nullopt;
        }
    }
    close();
    return failure{"cannot connect to " + where_.authority() + ": " + error.message()};
}

std::optional<failure> client_connection::start_tls()
{
    auto context = make_client_context(options_.ca_file);
    if (context.has_error())
    {
        return context.error();
    }
    context_ = std::move(*context);
    tls_ = std::make_unique<asio::ssl::stream<socket&>>(socket_, *context_);
    tls_->set_verify_callback(asio::ssl::host_name_verification(where_.host));
    SSL_set_tlsext_host_name(tls_->native_handle(), where_.host.c_str());
    const auto end =
        run(options_.connect_timeout, [&](auto done)
            { tls_->async_handshake(asio::ssl::stream_base::client, std::move(done)); });
    if (end.error)
    {
        return failure{"TLS with " + where_.authority() + " failed: " + end.error.message()};
    }
    return std::nullopt;
}

std::optional<failure> client_connection::open()
{
    if (!where_.unix_socket.empty())
    {
        const auto path = where_.unix_socket.string();
        if (path.size() > socket_path_max)
        {
            return failure{"the socket path " + path + " is too long"};
        }
        const auto error = connect_to(asio::local::stream_protocol::endpoint(path));
        return error ? std::optional(failure{"cannot connect to " + path + ": " + error.message()})
                     : std::nullopt;
    }
    if (auto failed = open_tcp())
    {
        return failed;
    }
    return where_.secure ? start_tls() : std::nullopt;
}

error_code client_connection::write(std::string_view bytes)
{
    while (!bytes.empty())
    {
        const auto buffer = asio::buffer(bytes.data(), bytes.size());
        const auto end = run(options_.io_timeout,
                             [&](auto done)
                             {
                                 if (tls_ != nullptr)
                                 {
                                     tls_->async_write_some(buffer, std::move(done));
                                 }
                                 else
                                 {
                                     socket_.async_write_some(buffer, std::move(done));
                                 }
                             });
        if (end.error)
        {
            return end.error;
        }
        bytes.remove_prefix(end.size);
    }
    return {};
}

error_code client_connection::read_some(std::string& out)
{
    const auto before = out.size();
    out.resize(before + read_bytes);
    const auto buffer = asio::buffer(out.data() + before, read_bytes);
    const auto end = run(options_.io_timeout,
                         [&](auto done)
                         {
                             if (tls_ != nullptr)
                             {
                                 tls_->async_read_some(buffer, std::move(done));
                             }
                             else
                             {
                                 socket_.async_read_some(buffer, std::move(done));
                             }
                         });
    out.resize(before + end.size);
    return end.error;
}

} // namespace hikyaku::http
