#pragma once

#include <any>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/http/fields.h>

namespace hikyaku::http
{

/// Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED).
struct peer_credentials
{
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int32_t pid = 0;
};

/// One request, already checked: framing unambiguous, path and query decoded to valid UTF-8
/// without NUL. Owned by the session; a handler gets it on one pool thread at a time.
struct request
{
    /// Upper case: GET HEAD POST PUT PATCH DELETE OPTIONS. Others never reach a handler.
    std::string method;
    /// The request target as it was sent, at most limits::target_bytes_max bytes.
    std::string target;
    /// The path of `target`, percent-decoded per segment. An encoded '/' becomes '/': match
    /// routes by `parameters`, never by cutting this.
    std::string path;
    query_parameters query;
    header_fields headers;
    /// The body, unless the route spools.
    std::string body;
    /// The fsynced file with the body when the route spools. Deleted after the handler unless it
    /// was renamed away (same file system as server_options::spool_dir).
    std::filesystem::path body_file;
    /// Bytes of the body, spooled or not.
    std::uint64_t body_bytes = 0;
    /// Textual IP of the peer; empty over a Unix socket.
    std::string remote_address;
    bool over_unix_socket = false;
    /// Present over a Unix socket only.
    std::optional<peer_credentials> peer;
    /// Came over TLS.
    bool secure = false;
    /// listener_options::name of the listener that took it.
    std::string listener;
    /// route_options::name of the route that matched; "" before routing.
    std::string route;
    /// Path parameters by name, decoded, never empty: {"id": "cmp_…"}.
    std::map<std::string, std::string, std::less<>> parameters;
    /// Made here ("req_…"), sent back as X-Request-Id.
    std::string request_id;
    /// For the layer above: what its `before` hook learned (who is asking), for its handlers.
    std::any context;

    /// The first value of a header, without regard to case, or nullopt.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept
    {
        return headers.find(name);
    }
    /// A path parameter the route's pattern names. @pre the pattern has it
    [[nodiscard]] const std::string& parameter(std::string_view name) const;
};

} // namespace hikyaku::http
