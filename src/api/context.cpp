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

/// What is left to say when an answer is lost and the route has no better one.
http::response name_object(unsigned status, const std::string& object)
{
    return http::response::json(status, json::object{{"id", object}});
}

http::response run_admitted(services& all, const route_guard& guard, const tenant_route& how,
                            const tenant_handler& run, const admitted_tenant& admitted,
                            http::request& r)
{
    auto actor = identity::make_actor(admitted.who, r.remote_address, r.request_id);
    if (!guard.mutates || r.method != "POST" || !r.header("Idempotency-Key"))
    {
        tenant_call call(all, r, admitted.who, std::move(actor), admitted.offset_minutes);
        return run(call);
    }
    const auto make = [&](std::function<void(store::record&, std::string_view)> with_commit)
    {
        auto acting = actor;
        acting.with_commit = std::move(with_commit);
        return tenant_call(all, r, admitted.who, std::move(acting), admitted.offset_minutes);
    };
    const auto run_first = [&](const idempotency::ticket& ticket)
    {
        auto call = make(ticket.row_writer());
        return run(call);
    };
    const auto replay = [&](const std::string& object)
    {
        auto call = make({});
        return how.replay ? how.replay(call, object) : name_object(how.text.status, object);
    };
    return run_idempotent(all.idempotency, r,
                          {admitted.who.tenant, how.keeps_answer, run_first, replay});
}

http::response run_tenant_route(services& all, const route_guard& guard, const tenant_route& how,
                                const tenant_handler& run, http::request& r)
{
    if (auto refused = admit_tenant(all, guard, r))
    {
        return std::move(*refused);
    }
    const auto& admitted = *std::any_cast<admitted_tenant>(&r.context);
    auto out = run_admitted(all, guard, how, run, admitted, r);
    if (admitted.quota)
    {
        all.limits->tell(*admitted.quota, out);
    }
    return out;
}

http::response run_platform_route(services& all, const route_guard& guard,
                                  const platform_route& how, const platform_handler& run,
                                  http::request& r)
{
    if (auto refused = admit_operator(all, guard, r))
    {
        return std::move(*refused);
    }
    const auto* who = std::any_cast<admitted_operator>(&r.context);
    oplog::actor actor{
        who != nullptr ? who->name : "anybody", "operator", r.remote_address, r.request_id, {}};
    if (r.method != "POST" || !r.header("Idempotency-Key"))
    {
        platform_call call(all, r, std::move(actor));
        return run(call);
    }
    const auto run_first = [&](const idempotency::ticket& ticket)
    {
        actor.with_commit = ticket.row_writer();
        platform_call call(all, r, actor);
        return run(call);
    };
    const auto replay = [&](const std::string& object)
    {
        platform_call call(all, r, actor);
        return how.replay ? how.replay(call, object) : name_object(200, object);
    };
    return run_idempotent(all.idempotency, r,
                          {platform_tenant, how.keeps_answer, run_first, replay});
}

} // namespace

queue_access queue_access::of(delivery::engine& engine)
{
    return {
        .view = [&engine] { return engine.view(); },
        .suspend =
            [&engine](const delivery::scope& what, milliseconds duration, const std::string& why)
        { return engine.suspend(what, duration, why); },
        .resume = [&engine](const delivery::scope& what) { return engine.resume(what); },
        .retry = [&engine](const delivery::scope& what) { return engine.retry(what); },
        .bounce = [&engine](const delivery::scope& what, milliseconds duration,
                            const std::string& why) { return engine.bounce(what, duration, why); },
        .explain = [&engine](const queue::campaign_ref& c, ordinal who, const std::string& domain)
        { return engine.explain(c, who, domain); },
        .forecast = [&engine](const std::vector<std::pair<std::string, std::uint64_t>>& by_domain,
                              const std::string& pool) { return engine.forecast(by_domain, pool); },
        .sessions = [&engine] { return engine.sessions(); },
        .trace = [&engine](const std::string& site) { return engine.trace().subscribe(site); },
        .hold = [&engine](bool on, std::string because) { engine.hold(on, std::move(because)); }};
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
                        std::string_view pattern, platform_handler run, platform_route how)
{
    // The operator must be able to act on a full disk: what he does writes a log entry at most.
    const route_guard guard{.required = {},
                            .mutates = method == "POST" && pattern == "/platform/v1/tenants",
                            .open = how.access == platform_access::anybody};
    http::route_options options;
    options.name = route_name(method, pattern);
    all.guards[options.name] = guard;
    router.add(
        method, pattern, [&all, guard, how = std::move(how), run = std::move(run)](http::request& r)
        { return run_platform_route(all, guard, how, run, r); }, options);
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
