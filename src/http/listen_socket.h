#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hikyaku/base/result.h>
#include <hikyaku/http/request.h>
#include <hikyaku/http/server.h>

namespace hikyaku::http
{

/// A bound, listening, non-blocking descriptor; the caller closes it.
struct listening
{
    int descriptor = -1;
    int family = 0;
    bound_endpoint where;
};

/// Binds and listens. @error a sentence that names the address
[[nodiscard]] result<listening, failure> open_listening(const listener_options& options);

/// The peer of an accepted connection.
struct peer_identity
{
    /// Textual IP, IPv4-mapped IPv6 as IPv4; empty over a Unix socket.
    std::string address;
    bool over_unix_socket = false;
    std::optional<peer_credentials> credentials;
};
[[nodiscard]] peer_identity identify_peer(int descriptor);

/// TCP_NODELAY; no effect on other sockets.
void send_at_once(int descriptor) noexcept;

} // namespace hikyaku::http
