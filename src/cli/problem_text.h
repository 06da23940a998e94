#pragma once

#include <string>

#include <hikyaku/http/response.h>

namespace hikyaku::cli
{

/// The exit status that an answer beyond 2xx stands for.
[[nodiscard]] int exit_status_of(unsigned http_status) noexcept;

/// An error answer for a person: what the server says (RFC 9457), each of its errors with its JSON
/// pointer on a line, and what to do next. Ends without a line end. Any body is taken.
[[nodiscard]] std::string describe_problem(const http::response& answer);

} // namespace hikyaku::cli
