#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hikyaku/base/json.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>

namespace hikyaku::http
{

/// One thing wrong in a request body.
struct field_error
{
    /// JSON pointer (RFC 6901) into the body: "/from/email".
    std::string pointer{};
    /// unknown_field, missing, wrong_type, too_long, too_short, too_many, out_of_range,
    /// not_allowed, invalid, or one of the caller's.
    std::string code{};
    /// A sentence for a person.
    std::string detail{};
};

/// An error answer, RFC 9457: application/problem+json.
struct problem
{
    /// 400 to 599.
    unsigned status = 500;
    /// Stable, snake_case: "idempotency_key_reused".
    std::string code{};
    /// The same for every occurrence of `code`. Empty: the status' reason phrase.
    std::string title{};
    /// About this occurrence, a sentence that says what to do; no secrets. Empty: made from
    /// `errors`, else the status' reason phrase.
    std::string detail{};
    std::vector<field_error> errors{};
    /// Sent as Retry-After.
    std::optional<seconds> retry_after{};
};

/// {type,title,status,detail,instance,code,errors}; instance, code and errors are left out when
/// they are empty.
/// `instance` names this occurrence; the server passes the request id as a URN.
[[nodiscard]] json::value to_json(const problem& p, std::string_view instance = {});

/// Yields the next piece of an endless answer; an empty string means "nothing yet", nullopt ends
/// it. Called on a thread of the stream pool, never concurrently with itself. It should return
/// within a second or so: only between calls is a client that went away, or a stop, noticed.
using pull_generator = std::function<std::optional<std::string>()>;

/// What a handler answers. Exactly one of body, body_file and stream is used: stream wins over
/// body_file, which wins over body.
struct response
{
    unsigned status = 200;
    /// Empty with an empty body: no Content-Type.
    std::string content_type{};
    /// Further headers. A name that is no token is dropped, CR, LF and other control characters
    /// in a value become spaces. Framing headers (Content-Length, Transfer-Encoding, Connection)
    /// belong to the server and are dropped here.
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    /// A regular file sent with bounded memory. Opened when the answer starts: missing → 500.
    std::filesystem::path body_file{};
    /// Sent chunked (HTTP/1.0: until close) as the generator yields it: SSE, tail -f.
    pull_generator stream{};
    /// Set by problem(): the server writes the body from it again, with the instance.
    std::optional<http::problem> details{};

    /// `value` as application/json.
    [[nodiscard]] static response json(unsigned status, const hikyaku::json::value& value);
    /// The problem as application/problem+json; Retry-After as told.
    [[nodiscard]] static response problem(http::problem p);
    /// An answer with a body of any type.
    [[nodiscard]] static response text(unsigned status, std::string content_type, std::string body);
    /// A status alone: 204, 304.
    [[nodiscard]] static response empty(unsigned status);

    /// The first value of a header, without regard to case; content_type is no member of headers.
    [[nodiscard]] std::optional<std::string_view> find_header(std::string_view name) const noexcept;
    /// Replaces or adds a header.
    void set_header(std::string_view name, std::string value);
};

/// The reason phrase of RFC 9110 section 15; "Unknown" for others.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

/// Lets result<T, response>::value() throw; only a bug reaches it. Found by argument lookup.
[[noreturn]] void throw_exception_from_error(const response& r, const boost::source_location& at);

} // namespace hikyaku::http
