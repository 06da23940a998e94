#include "breaker_json.h"
#include "resources.h"

#include <hikyaku/api/context.h>
#include <hikyaku/feedback/tenant_settings.h>

namespace hikyaku::api
{
namespace
{

using feedback::tenant_settings;
using identity::scope;

constexpr std::chrono::hours expiry_max{24 * 3650};

http::response settings_unreadable()
{
    return unavailable("store_damaged", "The settings can't be read.");
}

/// "90d", as durations are written everywhere; null: for ever.
json::value duration_or_null(const std::optional<milliseconds>& d)
{
    if (!d)
    {
        return nullptr;
    }
    const auto ms = d->count();
    for (const auto& [unit, name] : {std::pair<std::int64_t, const char*>{86'400'000, "d"},
                                     {3'600'000, "h"},
                                     {60'000, "m"},
                                     {1'000, "s"}})
    {
        if (ms % unit == 0)
        {
            return json::value(std::to_string(ms / unit) + name);
        }
    }
    return json::value(std::to_string(ms) + "ms");
}

json::object settings_to_json(const tenant_settings& s)
{
    return {{"bounce_threshold", s.bounce_threshold},
            {"hard_bounce_expires_after", duration_or_null(s.certain_expires_after)},
            {"soft_bounce_expires_after", duration_or_null(s.other_expires_after)},
            {"use_dead_addresses", s.use_dead_addresses},
            {"breaker", breaker_to_json(s.breaker)}};
}

/// Absent: unchanged; null: for ever.
void read_expiry(http::object_reader& in, std::string_view name,
                 std::optional<std::optional<milliseconds>>& out)
{
    if (in.is_null(name))
    {
        out.emplace(std::nullopt);
        return;
    }
    const auto text = in.optional_string(name, 32);
    if (!text)
    {
        return;
    }
    const auto d = parse_duration(*text);
    if (d.has_error() || *d > expiry_max)
    {
        in.fail(name, "invalid", d.has_error() ? d.error().text : "at most 3650d");
        return;
    }
    out.emplace(*d);
}

http::response show(tenant_call& call)
{
    const auto* book = call.all().settings;
    const auto s =
        book != nullptr ? book->find(call.tenant()) : result<tenant_settings>(tenant_settings{});
    return s.has_value() ? http::response::json(200, settings_to_json(*s)) : settings_unreadable();
}

http::response change(tenant_call& call)
{
    auto* book = call.all().settings;
    if (book == nullptr)
    {
        return unavailable("delivery_off", "The daemon runs without delivery.");
    }
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    const auto threshold = in.optional_int("bounce_threshold", 1, tenant_settings::threshold_max);
    std::optional<std::optional<milliseconds>> hard;
    std::optional<std::optional<milliseconds>> soft;
    read_expiry(in, "hard_bounce_expires_after", hard);
    read_expiry(in, "soft_bounce_expires_after", soft);
    const auto use_dead = in.optional_bool("use_dead_addresses");
    const auto breaker = read_breaker(in);
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto stored =
        book->change(call.tenant(), call.actor(),
                     [&](tenant_settings& s)
                     {
                         s.bounce_threshold = threshold ? static_cast<std::uint32_t>(*threshold)
                                                        : s.bounce_threshold;
                         s.certain_expires_after = hard.value_or(s.certain_expires_after);
                         s.other_expires_after = soft.value_or(s.other_expires_after);
                         s.use_dead_addresses = use_dead.value_or(s.use_dead_addresses);
                         s.breaker = campaign::merge(s.breaker, breaker);
                     });
    return stored.has_value() ? http::response::json(200, settings_to_json(*stored))
                              : settings_unreadable();
}

} // namespace

void add_settings_routes(http::router& router, services& all)
{
    all.routes.add_component("Breaker", breaker_schema);
    all.routes.add_component("Settings",
                             R"({"type":"object","additionalProperties":false,"properties":{
"bounce_threshold":{"type":"integer","minimum":1,"maximum":1000,"default":5,"description":"An address is suppressed when its error counter reaches this. A failure whose address is certainly wrong weighs 99, others that count weigh 1; a delivery sets the counter to 0."},
"hard_bounce_expires_after":{"type":["string","null"],"description":"How long such a suppression lasts when the address is certainly wrong, as 180d; null: for ever"},
"soft_bounce_expires_after":{"type":["string","null"],"default":"90d","description":"The same for other failures"},
"use_dead_addresses":{"type":"boolean","default":true,"description":"Leave out addresses that are known not to exist; they end as suppressed, class dead_address"},
"breaker":{"$ref":"#/components/schemas/Breaker"}}})");
    tenant_route read{.required = scope::campaigns_read};
    read.text = {.summary = "What is done with bounces and complaints",
                 .tag = "settings",
                 .response = "Settings"};
    add_tenant_route(router, all, "GET", "/v1/settings", show, read);
    tenant_route write{.required = scope::campaigns_write};
    write.text = {.summary = "Changes settings; what is left out stays",
                  .tag = "settings",
                  .request = "Settings",
                  .response = "Settings",
                  .errors = {422}};
    add_tenant_route(router, all, "PATCH", "/v1/settings", change, write);
}

} // namespace hikyaku::api
