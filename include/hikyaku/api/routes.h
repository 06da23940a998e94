#pragma once

#include <hikyaku/api/services.h>
#include <hikyaku/http/router.h>

namespace hikyaku::api
{

/// The tenants' listener: /v1/…. `all` outlives the router. Call once per services object.
void add_tenant_routes(http::router& router, services& all);

/// The operator's listener and Unix socket: /platform/v1/…, /healthz, /readyz, /metrics.
void add_platform_routes(http::router& router, services& all);

} // namespace hikyaku::api
