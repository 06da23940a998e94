#include "platform_queue_json.h"

#include <algorithm>

namespace hikyaku::api
{
namespace
{

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

bool same_name(std::string_view a, std::string_view b)
{
    const auto lower = [](char c)
    { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

} // namespace

http::response delivery_off()
{
    return unavailable("delivery_off", "The daemon runs without delivery.");
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

json::object limits_to_json(const shaping::site_limits& limits)
{
    json::object out;
    shaping::for_each_limit([&](std::string_view key, auto member, auto)
                            { out[key] = limit_to_json(limits.*member); });
    return out;
}

json::value adaptation_to_json(const platform_call& call, const shaping::adaptation_event& e)
{
    json::object out{{"what", shaping::to_string(e.what)},
                     {"phase", shaping::to_string(e.phase)},
                     {"scope", shaping::to_string(e.scope)}};
    const std::pair<const char*, const std::string*> names[] = {
        {"site", &e.subject.site},     {"source", &e.subject.source},
        {"tenant", &e.subject.tenant}, {"campaign", &e.subject.campaign},
        {"value", &e.value},           {"configured", &e.configured}};
    for (const auto& [name, text] : names)
    {
        if (!text->empty())
        {
            out[name] = *text;
        }
    }
    out["rule"] = e.cause.rule;
    out["reply"] = e.cause.reply;
    out["began"] = call.time(e.began);
    out["ends"] = e.ends == wall_time{} ? json::value(nullptr) : json::value(call.time(e.ends));
    return out;
}

json::array adaptations_to_json(const platform_call& call,
                                const std::vector<shaping::adaptation_event>& all)
{
    json::array out;
    for (const auto& e : all)
    {
        out.push_back(adaptation_to_json(call, e));
    }
    return out;
}

json::value path_to_json(const platform_call& call, const delivery::path_view& p)
{
    return json::object{{"source", p.source},
                        {"health", p.health},
                        {"sessions", p.sessions},
                        {"idle", p.idle},
                        {"window", p.window},
                        {"sticky", p.sticky},
                        {"resumes_in_ms", p.resumes_in_ms},
                        {"last_reply", p.last_reply},
                        {"limits", limits_to_json(p.limits)},
                        {"adaptations", adaptations_to_json(call, p.adaptations)}};
}

json::value site_to_json(const platform_call& call, const delivery::site_view& s)
{
    json::array mx;
    for (const auto& host : s.mx)
    {
        mx.push_back(json::value(host));
    }
    json::array paths;
    for (const auto& p : s.paths)
    {
        paths.push_back(path_to_json(call, p));
    }
    return json::object{{"site", s.site},
                        {"provider", s.provider},
                        {"mx", std::move(mx)},
                        {"ready", s.ready},
                        {"scheduled", s.scheduled},
                        {"in_flight", s.in_flight},
                        {"lanes_ready", s.lanes_ready},
                        {"parked", s.parked},
                        {"sessions", s.sessions},
                        {"window", s.window},
                        {"health", s.health},
                        {"last_reply", s.last_reply},
                        {"next_action", s.next_action},
                        {"resumes_in_ms", s.resumes_in_ms},
                        {"paths", std::move(paths)}};
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

bool names_site(const delivery::site_view& s, std::string_view name)
{
    return same_name(s.site, name) ||
           std::any_of(s.mx.begin(), s.mx.end(),
                       [&](const std::string& host) { return same_name(host, name); });
}

} // namespace hikyaku::api
