#pragma once

#include <string>
#include <string_view>

#include <hikyaku/crm/problem.h>
#include <hikyaku/http/json_body.h>
#include <hikyaku/http/response.h>
#include <hikyaku/identity/problem.h>
#include <hikyaku/jobs/jobs.h>

namespace hikyaku::api
{

/// Told to clients with a 503.
inline constexpr seconds retry_after_s{5};

/// The problem answer of a failed call. `prefix` stands before the field's name in the pointer:
/// "/fields/" for contacts.
[[nodiscard]] http::response to_response(const crm::problem& p, std::string_view prefix = "/");
[[nodiscard]] http::response to_response(const identity::problem& p);
[[nodiscard]] http::response to_response(const hikyaku::jobs::job_error& e);

/// 404 `not_found`: "There is no <noun> with this id."
[[nodiscard]] http::response not_found(std::string_view noun);
/// 422 `invalid_fields` with one error.
[[nodiscard]] http::response invalid_field(std::string pointer, std::string code,
                                           std::string detail);
/// 503 with Retry-After.
[[nodiscard]] http::response unavailable(std::string code, std::string detail);

using http::escape_pointer;

} // namespace hikyaku::api
