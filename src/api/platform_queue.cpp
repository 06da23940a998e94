#include "platform_queue_json.h"
#include "resources.h"

#include <algorithm>
#include <charconv>

namespace hikyaku::api
{
namespace
{

/// Where a page of sites ended: sites stand by ready recipients, most first, then by name.
struct site_place
{
    std::uint64_t ready = 0;
    std::string site;
};

bool stands_before(const delivery::site_view& a, std::uint64_t ready, std::string_view site)
{
    return a.ready != ready ? a.ready > ready : a.site < site;
}

/// "1234:mx1.example,mx2.example"
std::optional<site_place> parse_place(std::string_view text)
{
    site_place out;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
    {
        return std::nullopt;
    }
    const auto* end = text.data() + colon;
    const auto read = std::from_chars(text.data(), end, out.ready);
    if (read.ec != std::errc{} || read.ptr != end)
    {
        return std::nullopt;
    }
    out.site = text.substr(colon + 1);
    return out;
}

/// Sorts, and leaves those of the page; where the next page begins, when there is one.
std::optional<std::string> cut_page(std::vector<delivery::site_view>& sites, const page& p,
                                    const std::optional<site_place>& after)
{
    std::sort(sites.begin(), sites.end(),
              [](const delivery::site_view& a, const delivery::site_view& b)
              { return stands_before(a, b.ready, b.site); });
    if (after)
    {
        std::erase_if(
            sites, [&](const delivery::site_view& s)
            { return s.site == after->site || stands_before(s, after->ready, after->site); });
    }
    if (sites.size() <= p.limit)
    {
        return std::nullopt;
    }
    sites.resize(p.limit);
    return std::to_string(sites.back().ready) + ":" + sites.back().site;
}

struct tenant_sum
{
    std::uint64_t campaigns = 0;
    std::uint64_t pending = 0;
    std::uint64_t in_flight = 0;
};

json::array tenants_to_json(const std::vector<delivery::campaign_view>& campaigns)
{
    std::map<tenant_id, tenant_sum> sums;
    for (const auto& c : campaigns)
    {
        auto& sum = sums[c.campaign.tenant];
        ++sum.campaigns;
        sum.pending += c.pending;
        sum.in_flight += c.in_flight;
    }
    json::array out;
    for (const auto& [id, sum] : sums)
    {
        out.push_back(json::object{{"id", identity::public_id(id)},
                                   {"campaigns", sum.campaigns},
                                   {"pending", sum.pending},
                                   {"in_flight", sum.in_flight}});
    }
    return out;
}

/// What stands beside the sites on the first page.
void add_totals(const platform_call& call, const delivery::engine_view& v, json::object& out)
{
    json::array campaigns;
    for (const auto& c : v.campaigns)
    {
        campaigns.push_back(campaign_to_json(c));
    }
    out["held"] = v.held;
    out["held_because"] = v.held_because;
    out["sessions"] = v.sessions;
    out["in_flight"] = v.in_flight;
    out["damaged_lanes"] = v.damaged_lanes;
    out["adaptations"] = v.adaptations;
    out["suspensions"] = adaptations_to_json(call, v.suspensions);
    out["tenants"] = tenants_to_json(v.campaigns);
    out["campaigns"] = std::move(campaigns);
}

http::response summary(platform_call& call)
{
    const auto p = read_page(call.request(), {"site"});
    if (!p)
    {
        return p.error();
    }
    std::optional<site_place> after;
    if (!p->cursor.empty())
    {
        after = parse_place(p->cursor);
        if (!after)
        {
            return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
        }
    }
    if (!call.all().queue.view)
    {
        return delivery_off();
    }
    auto v = call.all().queue.view();
    if (const auto site = call.request().query.find("site"))
    {
        std::erase_if(v.sites, [&](const delivery::site_view& s) { return !names_site(s, *site); });
    }
    const auto next = cut_page(v.sites, *p, after);
    json::object out;
    if (!after)
    {
        add_totals(call, v, out);
    }
    json::array sites;
    for (const auto& s : v.sites)
    {
        sites.push_back(site_to_json(call, s));
    }
    out["sites"] = std::move(sites);
    out["next_cursor"] = next ? json::value(*next) : json::value(nullptr);
    return http::response::json(200, out);
}

http::response history(platform_call& call)
{
    const auto p = read_page(call.request());
    if (!p)
    {
        return p.error();
    }
    if (!p->cursor.empty())
    {
        return invalid_parameter("cursor", "The history is one page: ask with a larger limit.");
    }
    if (!call.all().queue.view)
    {
        return delivery_off();
    }
    auto all = call.all().queue.view().history;
    std::reverse(all.begin(), all.end());
    all.resize(std::min(all.size(), p->limit));
    return list_answer(adaptations_to_json(call, all), std::nullopt);
}

/// The key of the site that is called so; the name itself when there is none.
std::string key_of_site(const queue_access& access, std::string_view name)
{
    const auto v = access.view();
    const auto found = std::find_if(v.sites.begin(), v.sites.end(),
                                    [&](const auto& s) { return names_site(s, name); });
    return found == v.sites.end() ? std::string(name) : found->site;
}

http::response sessions(platform_call& call)
{
    const auto p = read_page(call.request(), {"site"});
    if (!p)
    {
        return p.error();
    }
    std::uint64_t after = 0;
    const auto* end = p->cursor.data() + p->cursor.size();
    if (const auto read = std::from_chars(p->cursor.data(), end, after);
        !p->cursor.empty() && (read.ec != std::errc{} || read.ptr != end))
    {
        return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
    }
    const auto& access = call.all().queue;
    if (!access.sessions || !access.view)
    {
        return delivery_off();
    }
    const auto site = call.request().query.find("site");
    const auto key = site ? key_of_site(access, *site) : std::string();
    auto all = access.sessions();
    std::erase_if(all, [&](const delivery::session_view& s)
                  { return (!p->cursor.empty() && s.id <= after) || (site && s.site != key); });
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::optional<std::string> next;
    if (all.size() > p->limit)
    {
        all.resize(p->limit);
        next = std::to_string(all.back().id);
    }
    json::array data;
    for (const auto& s : all)
    {
        data.push_back(json::object{{"id", s.id},
                                    {"site", s.site},
                                    {"source", s.source},
                                    {"state", s.state},
                                    {"age_ms", s.age_ms},
                                    {"messages", s.messages}});
    }
    return list_answer(std::move(data), std::move(next));
}

} // namespace

void add_platform_queue_routes(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/queue", summary);
    add_platform_route(router, all, "GET", "/platform/v1/adaptations", history);
    add_platform_route(router, all, "GET", "/platform/v1/sessions", sessions);
    add_platform_order_routes(router, all);
    add_platform_trace_routes(router, all);
    add_platform_shaping_routes(router, all);
    add_platform_document_route(router, all);
}

} // namespace hikyaku::api
