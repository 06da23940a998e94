#include "resources.h"

#include <hikyaku/api/context.h>
#include <hikyaku/queue/usage_rows.h>
#include <hikyaku/shaping/local_date.h>

namespace hikyaku::api
{
namespace
{

json::value number_or_null(const std::optional<std::uint64_t>& n)
{
    return n ? json::value(*n) : json::value(nullptr);
}

/// What the tenant has sent on its own today and in its own month; null when it can't be read.
json::value usage_to_json(const platform_call& call, const identity::tenant& t)
{
    const auto row = queue::find_usage(call.all().db.queue(), t.id);
    if (row.has_error())
    {
        return nullptr;
    }
    const auto now = shaping::make_local_date(call.all().clock_source.wall(), t.offset_minutes);
    const auto use = row->value_or(queue::tenant_usage{});
    return json::object{{"today", use.day == now.day ? use.today : 0},
                        {"this_month", use.month == now.month ? use.this_month : 0}};
}

/// The limits in force, whether they are the tenant's own, and what is used of them.
json::object quota_to_json(const platform_call& call, const identity::tenant& t)
{
    const auto& terms_of = call.all().hooks.terms_of;
    const auto limits =
        t.quota ? *t.quota : (terms_of ? terms_of(t.id).quota : shaping::quota_limits{});
    json::array ramp;
    for (const auto n : limits.ramp)
    {
        ramp.push_back(n);
    }
    return {{"own", t.quota.has_value()},
            {"per_day", number_or_null(limits.per_day)},
            {"per_month", number_or_null(limits.per_month)},
            {"ramp", std::move(ramp)},
            {"used", usage_to_json(call, t)}};
}

json::object tenant_to_json(const platform_call& call, const identity::tenant& t)
{
    return {{"id", identity::public_id(t.id)},       {"name", t.name},
            {"admin_email", t.admin_email},          {"time_zone", t.time_zone},
            {"state", identity::to_string(t.state)}, {"created_at", call.time(t.created)},
            {"quota", quota_to_json(call, t)}};
}

http::response create(platform_call& call)
{
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    const auto name = in.required_string("name", identity::tenants::name_bytes_max);
    const auto email = in.required_string("admin_email", identity::tenants::admin_email_bytes_max);
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto made = call.all().tenants.create(call.actor(), name, email);
    if (!made)
    {
        return to_response(made.error());
    }
    auto out = tenant_to_json(call, made->row);
    out["key"] = json::object{{"id", identity::public_key_id(made->key.id)},
                              {"name", made->key.name},
                              {"key", made->key_text}};
    auto answer = http::response::json(201, out);
    answer.set_header("Location", "/platform/v1/tenants/" + identity::public_id(made->row.id));
    answer.set_header("Cache-Control", "no-store");
    return answer;
}

http::response list(platform_call& call)
{
    const auto p = read_page(call.request());
    if (!p)
    {
        return p.error();
    }
    const auto after =
        p->cursor.empty() ? std::optional(tenant_id{0}) : identity::parse_tenant_id(p->cursor);
    if (!after)
    {
        return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
    }
    const auto found = call.all().tenants.list(*after, p->limit);
    json::array data;
    for (const auto& t : found)
    {
        data.push_back(tenant_to_json(call, t));
    }
    std::optional<std::string> next;
    if (found.size() == p->limit)
    {
        next = identity::public_id(found.back().id);
    }
    return list_answer(std::move(data), std::move(next));
}

http::response show_as(platform_call& call, const std::string& text, unsigned status)
{
    const auto id = identity::parse_tenant_id(text);
    const auto found = id ? call.all().tenants.find(*id) : std::nullopt;
    return found ? http::response::json(status, tenant_to_json(call, *found)) : not_found("tenant");
}

http::response set_active(platform_call& call, bool active)
{
    const auto id = identity::parse_tenant_id(call.parameter("id"));
    if (!id)
    {
        return not_found("tenant");
    }
    auto& tenants = call.all().tenants;
    const auto done =
        active ? tenants.resume(call.actor(), *id) : tenants.suspend(call.actor(), *id);
    if (!done)
    {
        return to_response(done.error());
    }
    if (call.all().hooks.tenant_changed)
    {
        call.all().hooks.tenant_changed(*id, active);
    }
    return http::response::json(200, tenant_to_json(call, *done));
}

std::optional<std::uint64_t> read_limit(http::object_reader& in, std::string_view name)
{
    const auto n =
        in.optional_int(name, 1, static_cast<std::int64_t>(shaping::quota_limits::count_max));
    return n ? std::optional(static_cast<std::uint64_t>(*n)) : std::nullopt;
}

shaping::quota_limits read_quota(http::object_reader& in)
{
    shaping::quota_limits out;
    out.per_day = read_limit(in, "per_day");
    out.per_month = read_limit(in, "per_month");
    const auto* ramp = in.optional_array("ramp", shaping::quota_limits::ramp_days_max);
    for (std::size_t i = 0; ramp != nullptr && i < ramp->size(); ++i)
    {
        const auto& day = (*ramp)[i];
        if (day.is_int64() && day.get_int64() > 0)
        {
            out.ramp.push_back(static_cast<std::uint64_t>(day.get_int64()));
        }
        else
        {
            in.fail("ramp/" + std::to_string(i), "wrong_type",
                    "Each day of ramp is a whole number from 1 up.");
        }
    }
    return out;
}

/// `{"quota": {…}}` gives the tenant limits of its own (none named: no limits), `{"quota": null}`
/// those of the configuration.
http::response change(platform_call& call)
{
    const auto id = identity::parse_tenant_id(call.parameter("id"));
    if (!id)
    {
        return not_found("tenant");
    }
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    const bool named = in.has("quota");
    std::optional<shaping::quota_limits> quota;
    if (!in.is_null("quota"))
    {
        if (auto given = in.optional_object("quota"))
        {
            quota = read_quota(*given);
        }
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    if (!named)
    {
        return show_as(call, call.parameter("id"), 200);
    }
    const auto done = call.all().tenants.set_quota(call.actor(), *id, std::move(quota));
    if (!done)
    {
        return to_response(done.error());
    }
    if (call.all().hooks.quota_changed)
    {
        call.all().hooks.quota_changed(*id);
    }
    return http::response::json(200, tenant_to_json(call, *done));
}

} // namespace

void add_platform_tenant_routes(http::router& router, services& all)
{
    const auto show_again = [](platform_call& call, const std::string& object)
    { return show_as(call, object, 200); };
    // The answer holds the first key: a replay tells of the tenant without it.
    add_platform_route(router, all, "POST", "/platform/v1/tenants", create,
                       {.keeps_answer = false,
                        .replay = [](platform_call& call, const std::string& object)
                        { return show_as(call, object, 201); }});
    add_platform_route(router, all, "GET", "/platform/v1/tenants", list);
    add_platform_route(router, all, "GET", "/platform/v1/tenants/{id}", [](platform_call& call)
                       { return show_as(call, call.parameter("id"), 200); });
    add_platform_route(router, all, "PATCH", "/platform/v1/tenants/{id}", change);
    add_platform_route(router, all, "POST", "/platform/v1/tenants/{id}:suspend",
                       [](platform_call& call) { return set_active(call, false); },
                       {.replay = show_again});
    add_platform_route(router, all, "POST", "/platform/v1/tenants/{id}:resume",
                       [](platform_call& call) { return set_active(call, true); },
                       {.replay = show_again});
}

} // namespace hikyaku::api
