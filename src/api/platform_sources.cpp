#include "resources.h"

#include <hikyaku/api/context.h>

namespace hikyaku::api
{
namespace
{

/// All at once: a host has few.
http::response show(const std::function<json::array()>& all)
{
    return all ? list_answer(all(), std::nullopt)
               : unavailable("delivery_off", "The daemon runs without delivery.");
}

} // namespace

void add_platform_source_routes(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/sources",
                       [](platform_call& call) { return show(call.all().hooks.sources); });
    add_platform_route(router, all, "GET", "/platform/v1/pools",
                       [](platform_call& call) { return show(call.all().hooks.pools); });
}

} // namespace hikyaku::api
