#pragma once

#include <hikyaku/api/context.h>

namespace hikyaku::api
{

/// Parts of add_platform_queue_routes.
void add_platform_order_routes(http::router& router, services& all);
void add_platform_trace_routes(http::router& router, services& all);
void add_platform_shaping_routes(http::router& router, services& all);
/// GET /platform/v1/openapi.json: the operator's routes.
void add_platform_document_route(http::router& router, services& all);

// What the operator's pages about delivery say. Times are the call's.

/// 503: the daemon runs without delivery.
[[nodiscard]] http::response delivery_off();
/// {what, phase, scope, site, source, tenant, campaign, rule, reply, began, ends, value,
/// configured}; names and values that do not apply are left out.
[[nodiscard]] json::value adaptation_to_json(const platform_call& call,
                                             const shaping::adaptation_event& e);
[[nodiscard]] json::array adaptations_to_json(const platform_call& call,
                                              const std::vector<shaping::adaptation_event>& all);
/// {key: value} of every limit.
[[nodiscard]] json::object limits_to_json(const shaping::site_limits& limits);
[[nodiscard]] json::value path_to_json(const platform_call& call, const delivery::path_view& p);
[[nodiscard]] json::value site_to_json(const platform_call& call, const delivery::site_view& s);
[[nodiscard]] json::value campaign_to_json(const delivery::campaign_view& c);

/// Whether `name` is the site's key or one of its MX hosts, in any case.
[[nodiscard]] bool names_site(const delivery::site_view& s, std::string_view name);

/// A rate as {count, per_ms, burst}, a duration as "30000ms", a word, a number or null.
[[nodiscard]] json::value limit_to_json(std::uint32_t v);
[[nodiscard]] json::value limit_to_json(bool v);
[[nodiscard]] json::value limit_to_json(milliseconds v);
[[nodiscard]] json::value limit_to_json(shaping::tls_mode v);
[[nodiscard]] json::value limit_to_json(shaping::address_family v);
[[nodiscard]] json::value limit_to_json(const shaping::rate& v);
template <class T> [[nodiscard]] json::value limit_to_json(const std::optional<T>& v)
{
    return v ? limit_to_json(*v) : json::value(nullptr);
}

} // namespace hikyaku::api
