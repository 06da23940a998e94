#pragma once

#include <functional>

#include <hikyaku/api/idempotency.h>
#include <hikyaku/http/request.h>
#include <hikyaku/http/response.h>

namespace hikyaku::api
{

/// How a request with an Idempotency-Key is run. Lives as long as the call.
struct idempotent_route
{
    /// Whose keys these are; the platform's (0) for the operator.
    tenant_id owner;
    /// False: the answer holds a secret and is never stored.
    bool keeps_answer = true;
    /// Runs the request for the first time, with the row that its first change carries.
    std::function<http::response(const idempotency::ticket&)> run;
    /// Answers from the object alone: the answer was lost, or is not kept.
    std::function<http::response(const std::string& object)> replay;
};

/// Runs a request that has an Idempotency-Key, or answers it as it was answered before.
/// Refusals: 400 `invalid_idempotency_key`; 409 `idempotency_key_reused`,
/// `idempotency_in_progress`; 503.
[[nodiscard]] http::response run_idempotent(idempotency& keys, const http::request& r,
                                            const idempotent_route& how);

} // namespace hikyaku::api
