#pragma once

#include <hikyaku/base/time.h>
#include <hikyaku/net/io_result.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hikyaku::net
{

namespace asio = boost::asio;
using asio::ip::tcp;

/// A connected byte stream: the seam between sessions and sockets.
///
/// One operation at a time, on the thread of the stream's executor; the stream and the buffers
/// outlive the awaitable. No operation throws. After a failed operation only close() makes sense; a
/// read that timed out may be tried again.
class stream
{
public:
    virtual ~stream() = default;

    /// Reads at least one byte. @error errc::end_of_stream, errc::timed_out, the system's
    [[nodiscard]] virtual asio::awaitable<io_result> read_some(std::span<char> into,
                                                               milliseconds timeout) = 0;
    /// Writes `first` and then `second`, all of it. On failure `bytes` is what the transport took:
    /// of the rest nothing has reached the peer.
    [[nodiscard]] virtual asio::awaitable<io_result>
    write(std::string_view first, std::string_view second, milliseconds timeout) = 0;
    /// Turns this stream into a TLS stream, in place; an accepted one (make_accepted_stream) is the
    /// server then. Of a client, `server_name` (may be empty) is sent
    /// as SNI and compared with the certificate; a certificate that doesn't verify is told by
    /// tls(), it doesn't fail the handshake. @pre no TLS yet
    [[nodiscard]] virtual asio::awaitable<tls_result> start_tls(std::string_view server_name,
                                                                milliseconds timeout) = 0;
    /// Whether read_some() would return at once: bytes, or the end of the stream. Never waits.
    [[nodiscard]] virtual bool input_ready() = 0;
    /// Tells the peer that nothing more will come; reading goes on. Best effort, never waits.
    virtual void end_writing() noexcept {}
    /// Closes at once; pending operations end with errc::closed. Idempotent.
    virtual void close() noexcept = 0;

    /// Nullopt before TLS.
    [[nodiscard]] virtual std::optional<tls_info> tls() const = 0;
    [[nodiscard]] virtual tcp::endpoint remote_endpoint() const = 0;
    [[nodiscard]] virtual tcp::endpoint local_endpoint() const = 0;
};

struct dial_target
{
    tcp::endpoint remote;
    /// Source address; must be of the same family. Unset: the system chooses.
    std::optional<asio::ip::address> local;
    /// RFC 5321 names no connect limit; Linux would try for two minutes.
    milliseconds timeout = seconds{60};
};

struct dial_result
{
    error_code ec;
    /// Null on failure.
    std::unique_ptr<net::stream> stream;

    [[nodiscard]] bool ok() const noexcept { return !ec; }
};

/// Opens streams: the seam to the network.
class dialer
{
public:
    virtual ~dialer() = default;
    /// @error errc::timed_out, errc::forbidden_address, the system's. Never throws.
    [[nodiscard]] virtual asio::awaitable<dial_result> dial(dial_target target) = 0;
};

} // namespace hikyaku::net
