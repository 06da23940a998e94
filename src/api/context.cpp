#include <hikyaku/api/context.h>

#include "admission.h"
#include "idempotent_run.h"

#include <hikyaku/base/assert.h>

namespace hikyaku::api
{
namespace
{

constexpr int platform_offset_minutes = 9 * 60;

bool changes_state(std::string_view method, bool read_only) noexcept
{
    return method != "GET" && !read_only;
}

std::string route_name(std::string_view method, std::string_view pattern)
{
    return std::string(method) + " " + std::string(pattern);
}

http::response run_tenant_route(services& all, const route_guard& guard, const tenant_route& how,
                                const tenant_handler& run, http::request& r)
{
    if (auto refused = admit_tenant(all, guard, r))
    {
        return std::move(*refused);
    }
    const auto& admitted = *std::any_cast<admitted_tenant>(&r.context);
    auto actor = identity::make_actor(admitted.who, r.remote_address, r.request_id);
    if (!guard.mutates || r.method != "POST" || !r.header("Idempotency-Key"))
    {
        tenant_call call(all, r, admitted.who, std::move(actor), admitted.offset_minutes);
        return run(call);
    }
    return run_idempotent(
        all, how, r,
        [&](const idempotency::ticket* ticket)
        {
            auto acting = actor;
            if (ticket != nullptr)
            {
                acting.with_commit = ticket->row_writer();
            }
            return tenant_call(all, r, admitted.who, std::move(acting), admitted.offset_minutes);
        },
        run);
}

} // namespace

queue_access queue_access::of(delivery::engine& engine)
{
    return {.view = [&engine] { return engine.view(); },
            .suspend_site = [&engine](const std::string& site, milliseconds duration)
            { return engine.suspend_site(site, duration); },
            .hurry = [&engine](const queue::campaign_ref& c) { engine.hurry(c); },
            .hold = [&engine](bool on, std::string because)
            { engine.hold(on, std::move(because)); }};
}

oplog::actor tenant_call::preparing_actor() const
{
    auto out = actor_;
    out.with_commit = {};
    return out;
}

void add_tenant_route(http::router& router, services& all, std::string_view method,
                      std::string_view pattern, tenant_handler run, tenant_route how)
{
    const bool mutates = changes_state(method, how.read_only);
    const route_guard guard{.required = how.required, .mutates = mutates, .open = false};
    if (how.http.name.empty())
    {
        how.http.name = route_name(method, pattern);
    }
    all.guards[how.http.name] = guard;
    all.routes.add({std::string(method), std::string(pattern),
                    std::string(identity::to_string(how.required)), mutates && method == "POST",
                    how.text});
    const auto options = how.http;
    router.add(
        method, pattern, [&all, guard, how = std::move(how), run = std::move(run)](http::request& r)
        { return run_tenant_route(all, guard, how, run, r); }, options);
}

http::before_hook make_tenant_hook(services& all)
{
    return [&all](http::request& r) -> std::optional<http::response>
    {
        const auto guard = all.guards.find(r.route);
        return guard == all.guards.end() ? std::nullopt : admit_tenant(all, guard->second, r);
    };
}

std::string platform_call::time(wall_time t) const
{
    return format_rfc3339(t, platform_offset_minutes);
}

void add_platform_route(http::router& router, services& all, std::string_view method,
                        std::string_view pattern, platform_handler run, platform_access access)
{
    // The operator must be able to act on a full disk: what he does writes a log entry at most.
    const route_guard guard{.required = {},
                            .mutates = method == "POST" && pattern == "/platform/v1/tenants",
                            .open = access == platform_access::anybody};
    http::route_options options;
    options.name = route_name(method, pattern);
    all.guards[options.name] = guard;
    router.add(
        method, pattern,
        [&all, guard, run = std::move(run)](http::request& r)
        {
            if (auto refused = admit_operator(all, guard, r))
            {
                return std::move(*refused);
            }
            const auto* who = std::any_cast<admitted_operator>(&r.context);
            platform_call call(all, r,
                               {who != nullptr ? who->name : "anybody",
                                "operator",
                                r.remote_address,
                                r.request_id,
                                {}});
            return run(call);
        },
        options);
}

http::before_hook make_platform_hook(services& all)
{
    return [&all](http::request& r) -> std::optional<http::response>
    {
        const auto guard = all.guards.find(r.route);
        return guard == all.guards.end() ? std::nullopt : admit_operator(all, guard->second, r);
    };
}

} // namespace hikyaku::api
