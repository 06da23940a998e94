#include "resources.h"

#include <hikyaku/api/context.h>

#include <mutex>

namespace hikyaku::api
{
namespace
{

json::value store_to_json(const services& all)
{
    const auto s = all.db.stats();
    json::array damaged;
    for (const auto& name : all.db.damaged_tables())
    {
        damaged.push_back(json::value(name));
    }
    json::object out{{"bytes", all.db.disk_bytes()},
                     {"backlog_bytes", all.db.backlog_bytes()},
                     {"commits", json::object{{"groups", s.groups},
                                              {"records", s.records},
                                              {"bytes", s.bytes},
                                              {"last_us", s.last_us}}},
                     {"damaged_tables", std::move(damaged)},
                     {"missing", nullptr}};
    if (const auto& gap = all.db.missing())
    {
        out["missing"] = json::object{{"acknowledged", gap->acknowledged}, {"found", gap->found}};
    }
    return out;
}

http::response status(platform_call& call)
{
    auto& all = call.all();
    json::object out;
    if (all.hooks.status)
    {
        out = all.hooks.status();
    }
    out["version"] = all.version;
    out["started_at"] = call.time(all.started);
    out["uptime_s"] = std::chrono::duration_cast<seconds>(call.now() - all.started).count();
    out["tenants"] = all.db.tenants().size();
    out["jobs_active"] = all.work.active();
    out["disk"] = json::object{{"low", all.disk.low()}, {"free_bytes", all.disk.free_bytes()}};
    out["store"] = store_to_json(all);
    out["delivery"] = nullptr;
    if (all.queue.view)
    {
        const auto v = all.queue.view();
        json::object totals;
        for (std::size_t i = 1; i < queue::dispositions_max; ++i)
        {
            totals[queue::to_string(static_cast<queue::disposition>(i))] = v.dispositions[i];
        }
        out["delivery"] = json::object{{"held", v.held},
                                       {"held_because", v.held_because},
                                       {"sessions", v.sessions},
                                       {"in_flight", v.in_flight},
                                       {"sites", v.sites.size()},
                                       {"campaigns", v.campaigns.size()},
                                       {"damaged_lanes", v.damaged_lanes},
                                       {"loop_lag_ms", v.loop_lag_ms},
                                       {"dispositions", std::move(totals)}};
    }
    return http::response::json(200, out);
}

http::response reload(platform_call& call)
{
    if (!call.all().hooks.reload)
    {
        return unavailable("not_available", "The daemon can't reload now.");
    }
    const auto done = call.all().hooks.reload();
    if (!done)
    {
        return http::response::problem(
            {.status = 422, .code = "invalid_configuration", .detail = done.error().text});
    }
    call.all().log.note(platform_tenant, call.actor(), "platform.reload", "", "");
    json::array left;
    for (const auto& text : *done)
    {
        left.push_back(json::value(text));
    }
    return http::response::json(200, json::object{{"needs_restart", std::move(left)}});
}

http::response accept_gap(platform_call& call)
{
    auto& all = call.all();
    // Two operators at once: only one of them accepts.
    static std::mutex accepting;
    const std::lock_guard lock(accepting);
    const auto gap = all.db.missing();
    if (!gap)
    {
        return http::response::problem(
            {.status = 409, .code = "no_gap", .detail = "No acknowledged data is missing."});
    }
    all.db.accept_missing();
    all.log.note(platform_tenant, call.actor(), "store.accept_gap", "",
                 std::to_string(gap->found) + " of " + std::to_string(gap->acknowledged));
    if (all.queue.hold)
    {
        all.queue.hold(false, "");
    }
    return http::response::json(200, store_to_json(all));
}

http::response is_alive(platform_call&)
{
    return http::response::text(200, "text/plain; charset=utf-8", "ok\n");
}

http::response is_ready(platform_call& call)
{
    const auto& hooks = call.all().hooks;
    const std::string why = hooks.not_ready ? hooks.not_ready() : std::string();
    if (!why.empty() || call.all().disk.low())
    {
        return unavailable("not_ready", why.empty() ? "The disk is nearly full." : why);
    }
    return http::response::text(200, "text/plain; charset=utf-8", "ready\n");
}

http::response metrics(platform_call& call)
{
    if (!call.all().hooks.metrics)
    {
        return unavailable("not_available", "There are no metrics now.");
    }
    return http::response::text(200, "text/plain; version=0.0.4; charset=utf-8",
                                call.all().hooks.metrics());
}

} // namespace

void add_platform_status_routes(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/status", status);
    add_platform_route(router, all, "POST", "/platform/v1/reload", reload);
    add_platform_route(router, all, "POST", "/platform/v1/store:accept-gap", accept_gap);
    add_platform_route(router, all, "GET", "/healthz", is_alive, {platform_access::anybody});
    add_platform_route(router, all, "GET", "/readyz", is_ready, {platform_access::anybody});
    add_platform_route(router, all, "GET", "/metrics", metrics, {platform_access::anybody});
}

} // namespace hikyaku::api
