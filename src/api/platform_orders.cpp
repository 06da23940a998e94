#include "platform_queue_json.h"

#include <algorithm>

namespace hikyaku::api
{
namespace
{

/// The longest suspension, and the longest time for which a site's mail is bounced.
constexpr milliseconds duration_max = std::chrono::hours{30 * 24};
constexpr std::size_t duration_chars_max = 32;
constexpr std::size_t reason_chars_max = 200;

using kind = delivery::scope::kind;

std::string_view noun_of(kind k)
{
    switch (k)
    {
    case kind::site:
        return "site";
    case kind::tenant:
        return "tenant";
    case kind::campaign:
        return "campaign";
    }
    return "site";
}

/// What an order's body may say.
struct order_text
{
    milliseconds duration{0};
    std::string reason;
};

milliseconds read_duration(http::object_reader& in, bool required)
{
    const auto text = required ? in.required_string("duration", duration_chars_max)
                               : in.optional_string("duration", duration_chars_max).value_or("");
    if (text.empty())
    {
        return milliseconds{0};
    }
    const auto duration = parse_duration(text);
    if (!duration)
    {
        in.fail("duration", "invalid", duration.error().text);
        return milliseconds{0};
    }
    if (*duration <= milliseconds{0} || *duration > duration_max)
    {
        in.fail("duration", "out_of_range", "must be more than 0 and at most 30d");
    }
    return *duration;
}

enum class verb
{
    suspend,
    resume,
    retry,
    bounce,
};

/// No body is an empty one.
result<order_text, http::response> read_order(platform_call& call, verb v)
{
    json::value body = json::object{};
    if (!call.request().body.empty() || v == verb::suspend)
    {
        auto read = call.body();
        if (!read)
        {
            return read.error();
        }
        body = std::move(*read);
    }
    http::object_reader in(body);
    order_text out;
    if (v == verb::suspend || v == verb::bounce)
    {
        out.duration = read_duration(in, v == verb::suspend);
        out.reason = in.optional_string("reason", reason_chars_max).value_or("");
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    return out;
}

/// The key of a live site; of one that is not, if its suspension shall end.
std::optional<std::string> find_site(const delivery::engine_view& v, const std::string& name,
                                     verb order)
{
    const auto at = std::find_if(v.sites.begin(), v.sites.end(),
                                 [&](const auto& s) { return names_site(s, name); });
    if (at != v.sites.end())
    {
        return at->site;
    }
    // Of a site that is not live only the key is known: the names of its hosts.
    const auto held = std::find_if(
        v.suspensions.begin(), v.suspensions.end(),
        [&](const shaping::adaptation_event& e)
        {
            return e.scope == shaping::suspension_kind::site && !name.empty() &&
                   (e.subject.site == name ||
                    ("," + e.subject.site + ",").find("," + name + ",") != std::string::npos);
        });
    return order == verb::resume && held != v.suspensions.end() ? std::optional(held->subject.site)
                                                                : std::nullopt;
}

/// What the path names; nullopt: nothing.
std::optional<delivery::scope> find_scope(platform_call& call, kind k, verb order)
{
    const auto& id = call.parameter("id");
    delivery::scope out;
    out.what = k;
    const auto v = k == kind::tenant ? delivery::engine_view{} : call.all().queue.view();
    switch (k)
    {
    case kind::site:
    {
        const auto key = find_site(v, id, order);
        out.site = key.value_or("");
        return key ? std::optional(std::move(out)) : std::nullopt;
    }
    case kind::tenant:
    {
        const auto tenant = identity::parse_tenant_id(id);
        if (!tenant || !call.all().tenants.find(*tenant))
        {
            return std::nullopt;
        }
        out.tenant = *tenant;
        return out;
    }
    case kind::campaign:
    {
        const auto wanted = parse_id("cmp", id);
        const auto at = std::find_if(v.campaigns.begin(), v.campaigns.end(), [&](const auto& c)
                                     { return wanted && c.campaign.campaign.value == *wanted; });
        if (at == v.campaigns.end())
        {
            return std::nullopt;
        }
        out.campaign = at->campaign;
        out.tenant = at->campaign.tenant;
        return out;
    }
    }
    return std::nullopt;
}

std::string public_name(const delivery::scope& what)
{
    switch (what.what)
    {
    case kind::site:
        return what.site;
    case kind::tenant:
        return identity::public_id(what.tenant);
    case kind::campaign:
        return format_id("cmp", what.campaign.campaign.value);
    }
    return what.site;
}

std::string_view word_of(verb v)
{
    switch (v)
    {
    case verb::suspend:
        return "suspend";
    case verb::resume:
        return "resume";
    case verb::retry:
        return "retry";
    case verb::bounce:
        return "bounce";
    }
    return "suspend";
}

/// Gives the order. @returns whether something of that name was there
bool carry_out(queue_access& access, verb v, const delivery::scope& what, const order_text& order)
{
    switch (v)
    {
    case verb::suspend:
        return access.suspend(what, order.duration, order.reason);
    case verb::resume:
        return access.resume(what);
    case verb::retry:
        return access.retry(what);
    case verb::bounce:
        return access.bounce(what, order.duration, order.reason);
    }
    return false;
}

bool is_on(const queue_access& access)
{
    return access.view && access.suspend && access.resume && access.retry && access.bounce;
}

http::response run_order(platform_call& call, kind k, verb v)
{
    auto order = read_order(call, v);
    if (!order)
    {
        return order.error();
    }
    if (!is_on(call.all().queue))
    {
        return delivery_off();
    }
    const std::string noun(noun_of(k));
    const auto what = find_scope(call, k, v);
    if (!what)
    {
        return not_found(k == kind::tenant ? noun : noun + " in the queue");
    }
    const bool done = carry_out(call.all().queue, v, *what, *order);
    // A tenant may have nothing in the queue: then there is nothing to resume, retry or bounce.
    if (!done && v == verb::suspend)
    {
        return unavailable("too_many_suspensions",
                           "It is gone, or too many suspensions are in force.");
    }
    if (!done && k != kind::tenant)
    {
        return not_found(noun + " in the queue");
    }
    const auto name = public_name(*what);
    std::string detail = order->duration.count() == 0
                             ? std::string()
                             : std::to_string(order->duration.count()) + " ms";
    detail += (detail.empty() || order->reason.empty() ? "" : ": ") + order->reason;
    call.all().log.note(platform_tenant, call.actor(),
                        "queue." + std::string(word_of(v)) + "_" + noun, name, detail);
    json::object out{{noun, name}, {"action", word_of(v)}};
    if (order->duration.count() > 0)
    {
        out["duration_ms"] = order->duration.count();
        out["until"] = call.time(call.now() + order->duration);
    }
    if (!order->reason.empty())
    {
        out["reason"] = order->reason;
    }
    return http::response::json(200, out);
}

} // namespace

void add_platform_order_routes(http::router& router, services& all)
{
    for (const auto k : {kind::site, kind::tenant, kind::campaign})
    {
        for (const auto v : {verb::suspend, verb::resume, verb::retry, verb::bounce})
        {
            const std::string noun(noun_of(k));
            const std::string word(word_of(v));
            platform_route how;
            how.replay = [noun, word](platform_call&, const std::string& object)
            { return http::response::json(200, json::object{{noun, object}, {"action", word}}); };
            add_platform_route(
                router, all, "POST", "/platform/v1/queue/" + noun + "s/{id}:" + word,
                [k, v](platform_call& call) { return run_order(call, k, v); }, std::move(how));
        }
    }
}

} // namespace hikyaku::api
