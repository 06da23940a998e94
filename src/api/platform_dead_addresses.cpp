#include "resources.h"

#include <hikyaku/api/context.h>
#include <hikyaku/feedback/dead_addresses.h>

namespace hikyaku::api
{
namespace
{

http::response off()
{
    return unavailable("delivery_off", "The daemon runs without delivery.");
}

http::response unknown_address()
{
    return http::response::problem(
        {.status = 404, .code = "not_found", .detail = "The address is not in the list."});
}

http::response refused(const failure& f)
{
    return invalid_field("/address", "invalid", f.text);
}

http::response summary(platform_call& call)
{
    const auto* dead = call.all().dead;
    if (dead == nullptr)
    {
        return off();
    }
    const auto o = dead->options();
    return http::response::json(
        200, json::object{
                 {"size", dead->size()},
                 {"enabled", o.enabled},
                 {"expires_after_s", std::chrono::duration_cast<seconds>(o.expires_after).count()},
                 {"tenants_min", o.tenants_min}});
}

http::response show(platform_call& call)
{
    const auto* dead = call.all().dead;
    if (dead == nullptr)
    {
        return off();
    }
    const auto found = dead->find(call.parameter("address"));
    if (found.has_error())
    {
        return refused(found.error());
    }
    if (!*found)
    {
        return unknown_address();
    }
    const auto& d = **found;
    json::array tenants;
    for (const auto t : d.tenants)
    {
        tenants.emplace_back(identity::public_id(t));
    }
    const auto o = dead->options();
    const auto expires = d.last + o.expires_after;
    return http::response::json(200,
                                json::object{{"first_at", call.time(d.first)},
                                             {"last_at", call.time(d.last)},
                                             {"expires_at", call.time(expires)},
                                             {"class", d.cls},
                                             {"tenants", std::move(tenants)},
                                             {"active", o.enabled && call.now() < expires &&
                                                            d.tenants.size() >= o.tenants_min}});
}

http::response remove(platform_call& call)
{
    auto* dead = call.all().dead;
    if (dead == nullptr)
    {
        return off();
    }
    const auto done = dead->remove(call.actor(), call.parameter("address"));
    if (done.has_error())
    {
        return refused(done.error());
    }
    return *done ? http::response::empty(204) : unknown_address();
}

} // namespace

void add_platform_dead_address_routes(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/dead-addresses", summary);
    add_platform_route(router, all, "GET", "/platform/v1/dead-addresses/{address}", show);
    add_platform_route(router, all, "DELETE", "/platform/v1/dead-addresses/{address}", remove);
}

} // namespace hikyaku::api
