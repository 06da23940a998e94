#include "resources.h"

#include <hikyaku/api/context.h>

namespace hikyaku::api
{
namespace
{

json::object tenant_to_json(const platform_call& call, const identity::tenant& t)
{
    return {{"id", identity::public_id(t.id)},       {"name", t.name},
            {"admin_email", t.admin_email},          {"time_zone", t.time_zone},
            {"state", identity::to_string(t.state)}, {"created_at", call.time(t.created)}};
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
    add_platform_route(router, all, "POST", "/platform/v1/tenants/{id}:suspend",
                       [](platform_call& call) { return set_active(call, false); },
                       {.replay = show_again});
    add_platform_route(router, all, "POST", "/platform/v1/tenants/{id}:resume",
                       [](platform_call& call) { return set_active(call, true); },
                       {.replay = show_again});
}

} // namespace hikyaku::api
