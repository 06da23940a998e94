#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/http/fields.h>

namespace hikyaku::http
{

/// Why a message is refused. After one, framing is lost: answer and close.
struct refusal
{
    unsigned status = 400;
    std::string_view code;
    std::string_view detail;
};

/// How the end of a body is found (RFC 9112 section 6.3).
enum class framing
{
    none,        ///< there is no body
    length,      ///< Content-Length
    chunked,     ///< Transfer-Encoding: chunked
    until_close, ///< responses only
};

/// What the head of a message says.
struct message_head
{
    std::string method;
    std::string target;
    unsigned status = 0;
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    int minor_version = 1;
    header_fields fields;
    framing body = framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = true;
    bool expects_continue = false;
};

struct head_limits
{
    std::size_t header_bytes_max = 16u << 10;
    std::size_t headers_max = 100;
    std::size_t target_bytes_max = 8u << 10;
};

/// Finds the end of a head in bytes that arrive piecemeal, looking at each byte once.
class head_scanner
{
public:
    /// `bytes` is everything since the head's start, and only grows between calls.
    /// @returns the size of the head with its empty line, or nullopt: more is needed
    /// @error 400 a CR or LF that is not part of CRLF; 414 or 431 too long
    [[nodiscard]] result<std::optional<std::size_t>, refusal> scan(std::string_view bytes,
                                                                   const head_limits& limits);

private:
    std::size_t scanned_ = 0;
    std::size_t line_start_ = 0;
};

/// Parses a request head (RFC 9112 sections 2 to 6), stricter than the RFC where a proxy in
/// front could read it another way: no obsolete folding, no space before a colon, one
/// Content-Length of digits only, Transfer-Encoding exactly "chunked", never both, one Host.
/// `head` ends with the empty line.
[[nodiscard]] result<message_head, refusal> parse_request_head(std::string_view head,
                                                               const head_limits& limits);

/// Parses a response head with the same strictness. `request_method` decides whether a body
/// follows.
[[nodiscard]] result<message_head, refusal> parse_response_head(std::string_view head,
                                                                std::string_view request_method,
                                                                const head_limits& limits);

/// Whether the text is a token (RFC 9110 section 5.6.2).
[[nodiscard]] bool is_token(std::string_view text) noexcept;

} // namespace hikyaku::http
