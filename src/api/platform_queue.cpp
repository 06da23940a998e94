#include "resources.h"

#include <hikyaku/api/context.h>

#include <algorithm>

namespace hikyaku::api
{
namespace
{

/// The longest suspension of a site.
constexpr milliseconds suspension_max = std::chrono::hours{30 * 24};

http::response delivery_off()
{
    return unavailable("delivery_off", "The daemon runs without delivery.");
}

json::value counts_to_json(const queue::counters& c)
{
    json::object out;
    for (std::size_t i = 1; i < queue::dispositions_max; ++i)
    {
        const auto d = static_cast<queue::disposition>(i);
        out[queue::to_string(d)] = c.of(d);
    }
    out["deferred_now"] = c.deferred_now;
    out["unknown_now"] = c.unknown_now;
    out["attempts"] = c.attempts;
    return out;
}

json::value site_to_json(const delivery::site_view& s)
{
    return json::object{
        {"site", s.site},         {"provider", s.provider},     {"health", s.health},
        {"sessions", s.sessions}, {"window", s.window},         {"lanes_ready", s.lanes_ready},
        {"parked", s.parked},     {"last_reply", s.last_reply}, {"resumes_in_ms", s.resumes_in_ms}};
}

json::value campaign_to_json(const delivery::campaign_view& c)
{
    return json::object{{"id", format_id("cmp", c.campaign.campaign.value)},
                        {"tenant", identity::public_id(c.campaign.tenant)},
                        {"state", queue::to_string(c.state)},
                        {"recipients", c.recipients},
                        {"pending", c.pending},
                        {"in_flight", c.in_flight},
                        {"counts", counts_to_json(c.counts)}};
}

http::response summary(platform_call& call)
{
    if (!call.all().queue.view)
    {
        return delivery_off();
    }
    const auto v = call.all().queue.view();
    json::array sites;
    for (const auto& s : v.sites)
    {
        sites.push_back(site_to_json(s));
    }
    json::array campaigns;
    for (const auto& c : v.campaigns)
    {
        campaigns.push_back(campaign_to_json(c));
    }
    return http::response::json(200, json::object{{"held", v.held},
                                                  {"held_because", v.held_because},
                                                  {"sessions", v.sessions},
                                                  {"in_flight", v.in_flight},
                                                  {"damaged_lanes", v.damaged_lanes},
                                                  {"sites", std::move(sites)},
                                                  {"campaigns", std::move(campaigns)}});
}

http::response set_suspension(platform_call& call, milliseconds duration, std::string_view verb)
{
    const auto& site = call.parameter("id");
    if (!call.all().queue.suspend)
    {
        return delivery_off();
    }
    delivery::scope what;
    what.site = site;
    const bool known = duration.count() == 0 ? call.all().queue.resume(what)
                                             : call.all().queue.suspend(what, duration, "");
    if (!known)
    {
        return not_found("site");
    }
    call.all().log.note(platform_tenant, call.actor(), verb, site,
                        duration.count() == 0 ? "" : std::to_string(duration.count()) + " ms");
    return http::response::json(
        200, json::object{{"site", site}, {"suspended_for_ms", duration.count()}});
}

http::response suspend(platform_call& call)
{
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    const auto text = in.required_string("duration", 32);
    const auto duration = parse_duration(text);
    if (!text.empty() && !duration)
    {
        in.fail("duration", "invalid", duration.error().text);
    }
    else if (duration && *duration > suspension_max)
    {
        in.fail("duration", "out_of_range", "must be at most 30d");
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    return set_suspension(call, *duration, "queue.suspend_site");
}

http::response retry(platform_call& call)
{
    const auto id = parse_id("cmp", call.parameter("id"));
    if (!call.all().queue.view || !call.all().queue.retry)
    {
        return delivery_off();
    }
    const auto v = call.all().queue.view();
    const auto at =
        std::find_if(v.campaigns.begin(), v.campaigns.end(), [&](const delivery::campaign_view& c)
                     { return id && c.campaign.campaign.value == *id; });
    if (at == v.campaigns.end())
    {
        return not_found("campaign in the queue");
    }
    (void)call.all().queue.retry({delivery::scope::kind::campaign, {}, {}, at->campaign});
    call.all().log.note(platform_tenant, call.actor(), "queue.retry_campaign", call.parameter("id"),
                        identity::public_id(at->campaign.tenant));
    return http::response::json(200, campaign_to_json(*at));
}

json::value limit_to_json(std::uint32_t v)
{
    return v;
}
json::value limit_to_json(bool v)
{
    return v;
}
json::value limit_to_json(milliseconds v)
{
    return json::value(std::to_string(v.count()) + "ms");
}
json::value limit_to_json(shaping::tls_mode v)
{
    return json::value(shaping::to_string(v));
}
json::value limit_to_json(shaping::address_family v)
{
    return json::value(shaping::to_string(v));
}
json::value limit_to_json(const shaping::rate& v)
{
    return json::object{{"count", v.count}, {"per_ms", v.per.count()}, {"burst", v.burst}};
}
template <class T> json::value limit_to_json(const std::optional<T>& v)
{
    return v ? limit_to_json(*v) : json::value(nullptr);
}

http::response show_limits(platform_call& call)
{
    if (const auto known = check_query(call.request(), {"domain"}); known.has_error())
    {
        return known.error();
    }
    const auto domain = call.request().query.find("domain");
    if (!domain || domain->empty())
    {
        return invalid_parameter("domain", "domain names the routing domain: ?domain=example.jp");
    }
    if (!call.all().hooks.shaping)
    {
        return delivery_off();
    }
    const std::string name(*domain);
    const auto hosts =
        call.all().hooks.find_mx ? call.all().hooks.find_mx(name) : std::vector<std::string>();
    const auto effective = call.all().hooks.shaping()->effective(name, hosts);
    json::object limits;
    shaping::for_each_limit(
        [&](std::string_view key, auto member, auto)
        {
            const auto from = std::find_if(effective.trace.begin(), effective.trace.end(),
                                           [&](const auto& o) { return o.key == key; });
            limits[key] = json::object{{"value", limit_to_json(effective.limits.*member)},
                                       {"from", from == effective.trace.end()
                                                    ? std::string_view("built_in")
                                                    : shaping::to_string(from->layer)}};
        });
    json::array mx;
    for (const auto& h : hosts)
    {
        mx.push_back(json::value(h));
    }
    return http::response::json(200, json::object{{"domain", name},
                                                  {"mx", std::move(mx)},
                                                  {"provider", effective.provider},
                                                  {"limits", std::move(limits)}});
}

} // namespace

void add_platform_queue_routes(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/queue", summary);
    add_platform_route(router, all, "POST", "/platform/v1/queue/sites/{id}:suspend", suspend);
    add_platform_route(router, all, "POST", "/platform/v1/queue/sites/{id}:resume",
                       [](platform_call& call)
                       { return set_suspension(call, milliseconds{0}, "queue.resume_site"); });
    add_platform_route(router, all, "POST", "/platform/v1/queue/campaigns/{id}:retry", retry);
    add_platform_route(router, all, "GET", "/platform/v1/shaping", show_limits);
}

} // namespace hikyaku::api
