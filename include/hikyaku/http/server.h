#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/http/router.h>

namespace hikyaku::http
{

/// Bounds of every connection of a listener. Beyond them: 4xx or 503, and close.
struct connection_limits
{
    /// Request line and headers together; more is 431.
    std::size_t header_bytes_max = 16u << 10;
    /// More is 431.
    std::size_t headers_max = 100;
    /// More is 414.
    std::size_t target_bytes_max = 8u << 10;
    /// More connections than this are closed as they come.
    std::size_t connections_max = 1000;
    /// Of one IP address (not over Unix sockets). Loopback counts too.
    std::size_t connections_per_ip_max = 200;
    /// From the first byte of a request (or the TLS handshake's start) to the end of its headers.
    milliseconds header_timeout{10'000};
    /// A body, or an answer, must have moved body_rate_min × (elapsed − this) bytes: else closed.
    milliseconds body_grace{10'000};
    /// Bytes per second, both ways.
    std::size_t body_rate_min = 1024;
    /// Keep-alive: waiting for the next request's first byte.
    milliseconds idle_timeout{60'000};
    /// Then the connection is closed, so that load spreads.
    std::size_t requests_per_connection_max = 100'000;
};

/// Where to listen. Either address and port, or a Unix socket.
struct listener_options
{
    /// For logs and request::listener: "api".
    std::string name{};
    /// A literal IPv4 or IPv6 address.
    std::string address = "127.0.0.1";
    /// 0: a free port; start() tells which.
    std::uint16_t port = 0;
    /// Not empty: a Unix socket instead. A stale socket file is replaced; another file is an error.
    std::filesystem::path unix_socket{};
    /// Permission bits of the socket file.
    unsigned unix_socket_mode = 0660;
    /// PEM chain and key: TLS 1.2 and 1.3 only. Both or none.
    std::filesystem::path certificate_file{};
    std::filesystem::path key_file{};
    connection_limits limits{};
};

/// Runs before the handler, on the pool, when the route is known; an answer ends the request.
/// Of a large or spooled body nothing has been read yet: don't look at request::body.
using before_hook = std::function<std::optional<response>(request&)>;
/// Runs on the I/O thread after each answer: must be fast, must not throw. `route` is "" when none
/// matched. Duration: from the end of the headers to the last byte of the answer.
using observer_hook = std::function<void(std::string_view route, unsigned status,
                                         std::chrono::microseconds duration)>;

/// What a listener serves.
struct service
{
    router routes{};
    before_hook before{};
    observer_hook observe{};
};

struct server_options
{
    /// Threads that run handlers.
    std::size_t workers = 8;
    /// Requests that wait for one; more are answered 503 with Retry-After.
    std::size_t queued_max = 256;
    /// Streams (response::stream) at once, each with a thread while it yields; more are 503.
    std::size_t streams_max = 16;
    /// Bodies held in memory, all connections together; more are answered 503.
    std::size_t body_memory_max = 128u << 20;
    /// Told to clients that get a 503 from here.
    seconds retry_after{2};
    /// Requests in flight get this long at stop(); then connections are cut.
    milliseconds drain_timeout{10'000};
    /// Where bodies are spooled; must exist when a route spools. Emptied of our leftovers
    /// ("upload-*.part") at start().
    std::filesystem::path spool_dir{};
};

/// Where a listener ended up.
struct bound_endpoint
{
    std::string name{};
    std::string address{};
    std::uint16_t port = 0;
    std::filesystem::path unix_socket{};
};

/// HTTP/1.1 (RFC 9110, 9112) with one I/O thread and a bounded pool for handlers.
///
/// States: made → started → stopped. add_listener, start and stop are called by one owner thread.
class server
{
public:
    explicit server(server_options options);
    /// Stops.
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Adds a listener before start(). `what` is borrowed: it outlives the server, and its routes
    /// don't change any more. Several listeners may share it.
    void add_listener(listener_options where, const service& what);

    /// Binds every listener and starts the threads.
    /// @returns the endpoints in the order they were added
    /// @error address in use, bad certificate, unusable socket path or spool directory: a sentence
    [[nodiscard]] result<std::vector<bound_endpoint>, failure> start();

    /// Stops listening, closes idle connections, lets requests in flight finish (at most
    /// drain_timeout), ends streams, joins the threads. Blocks. Idempotent.
    void stop();

    /// Takes new connections no more, keeps the open ones: the first step of a shutdown.
    void close_listeners();

    /// Reads certificate and key files again (SIGHUP); new connections use them.
    /// @error names the file; the old ones stay in use
    [[nodiscard]] result<void, failure> reload_certificates();

    /// Open connections now. Any thread.
    [[nodiscard]] std::size_t connections() const noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::http
