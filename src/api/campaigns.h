#pragma once

#include <hikyaku/api/services.h>
#include <hikyaku/http/router.h>

namespace hikyaku::api
{

/// /v1/campaigns and its actions.
void add_campaign_routes(http::router& router, services& all);

} // namespace hikyaku::api
