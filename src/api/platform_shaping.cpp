#include "platform_queue_json.h"

#include <algorithm>

namespace hikyaku::api
{
namespace
{

json::object configured_limits(const shaping::effective_limits& effective)
{
    json::object out;
    shaping::for_each_limit(
        [&](std::string_view key, auto member, auto)
        {
            const auto from = std::find_if(effective.trace.begin(), effective.trace.end(),
                                           [&](const auto& o) { return o.key == key; });
            out[key] = json::object{{"value", limit_to_json(effective.limits.*member)},
                                    {"from", from == effective.trace.end()
                                                 ? std::string_view("built_in")
                                                 : shaping::to_string(from->layer)}};
        });
    return out;
}

/// The reply rules that are asked about mail to the domain, in their order.
json::object rules_of(const shaping::shaping_table& table, std::string_view provider)
{
    json::array own;
    json::array common;
    table.rules().for_each(
        [&](std::string_view of, const shaping::reply_rule& rule)
        {
            if (of.empty())
            {
                common.push_back(json::value(rule.name));
            }
            else if (of == provider)
            {
                own.push_back(json::value(rule.name));
            }
        });
    own.insert(own.end(), common.begin(), common.end());
    return json::object{{"count", own.size()}, {"names", std::move(own)}};
}

/// The site with these hosts as it is now; null when nothing was sent to it lately.
json::value live_site(platform_call& call, const std::vector<std::string>& hosts)
{
    if (!call.all().queue.view)
    {
        return nullptr;
    }
    const auto v = call.all().queue.view();
    const auto at =
        std::find_if(v.sites.begin(), v.sites.end(),
                     [&](const delivery::site_view& s)
                     {
                         return s.mx.size() == hosts.size() &&
                                std::all_of(hosts.begin(), hosts.end(),
                                            [&](const std::string& h) { return names_site(s, h); });
                     });
    if (at == v.sites.end() || hosts.empty())
    {
        return nullptr;
    }
    json::array sources;
    for (const auto& p : at->paths)
    {
        sources.push_back(path_to_json(call, p));
    }
    return json::object{{"site", at->site},
                        {"health", at->health},
                        {"next_action", at->next_action},
                        {"sources", std::move(sources)}};
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
    const auto table = call.all().hooks.shaping();
    const auto effective = table->effective(name, hosts);
    json::array mx;
    for (const auto& h : hosts)
    {
        mx.push_back(json::value(h));
    }
    return http::response::json(200, json::object{{"domain", name},
                                                  {"mx", std::move(mx)},
                                                  {"provider", effective.provider},
                                                  {"limits", configured_limits(effective)},
                                                  {"rules", rules_of(*table, effective.provider)},
                                                  {"live", live_site(call, hosts)}});
}

} // namespace

void add_platform_shaping_routes(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/shaping", show_limits);
}

} // namespace hikyaku::api
