#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/time.h>
#include <hikyaku/http/response.h>

namespace hikyaku::http
{

/// How an answer is framed on the wire.
struct response_frame
{
    /// Of the request: 1.0 clients get no chunks.
    int minor_version = 1;
    bool keep_alive = true;
    /// nullopt: until close (1.0) or chunked (1.1).
    std::optional<std::uint64_t> length;
    std::string_view request_id;
    wall_time now;
};

/// Whether an answer with this status has no body at all (RFC 9110 section 6.4.1).
[[nodiscard]] bool has_no_body(unsigned status) noexcept;

/// Status line and headers with the empty line. No value carries CR, LF or another control
/// character; framing headers of the handler are dropped; nosniff, no-store, Date and
/// X-Request-Id are added.
[[nodiscard]] std::string make_response_head(const response& r, const response_frame& frame);

/// "Tue, 15 Nov 1994 08:12:31 GMT" (RFC 9110 section 5.6.7).
[[nodiscard]] std::string format_http_date(wall_time t);

} // namespace hikyaku::http
