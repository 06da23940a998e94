#pragma once

#include <functional>

#include <hikyaku/api/context.h>

namespace hikyaku::api
{

/// Makes the call of a request: with the ticket of its Idempotency-Key, or (to tell of an object
/// only) without.
using make_call = std::function<tenant_call(const idempotency::ticket*)>;

/// Runs a request that has an Idempotency-Key, or answers it as it was answered before.
[[nodiscard]] http::response run_idempotent(services& all, const tenant_route& how,
                                            http::request& r, const make_call& make,
                                            const tenant_handler& run);

} // namespace hikyaku::api
