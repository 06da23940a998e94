#include "resources.h"

#include <hikyaku/api/context.h>

namespace hikyaku::api
{
namespace
{

using identity::scope;

json::object key_to_json(const tenant_call& call, const identity::api_key& k)
{
    json::array scopes;
    for (const auto& name : k.scopes.names())
    {
        scopes.push_back(json::value(name));
    }
    return {{"id", identity::public_key_id(k.id)},
            {"name", k.name},
            {"scopes", std::move(scopes)},
            {"created_at", call.time(k.created)},
            {"revoked_at", k.revoked ? json::value(call.time(*k.revoked)) : json::value(nullptr)}};
}

http::response list(tenant_call& call)
{
    const auto p = read_page(call.request());
    if (!p)
    {
        return p.error();
    }
    const auto after =
        p->cursor.empty() ? std::optional<std::uint64_t>(0) : identity::parse_key_id(p->cursor);
    if (!after)
    {
        return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
    }
    const auto found = call.all().keys.list(call.tenant(), *after, p->limit);
    if (!found)
    {
        return to_response(found.error());
    }
    json::array data;
    for (const auto& k : *found)
    {
        data.push_back(key_to_json(call, k));
    }
    std::optional<std::string> next;
    if (found->size() == p->limit)
    {
        next = identity::public_key_id(found->back().id);
    }
    return list_answer(std::move(data), std::move(next));
}

http::response create(tenant_call& call)
{
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    const auto name = in.required_string("name", identity::api_keys::name_bytes_max);
    const auto words = in.strings("scopes", identity::scope_count + 1, 64);
    identity::scope_set scopes;
    if (in.ok())
    {
        auto parsed = identity::scope_set::parse(words);
        if (parsed)
        {
            scopes = *parsed;
        }
        else
        {
            in.fail("scopes", "invalid", parsed.error().text);
        }
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto made =
        call.all().keys.create(call.actor(), call.tenant(), name, scopes, call.who().scopes);
    if (!made)
    {
        return to_response(made.error());
    }
    auto out = key_to_json(call, made->key);
    out["key"] = made->text;
    auto answer = http::response::json(201, out);
    answer.set_header("Cache-Control", "no-store");
    return answer;
}

http::response show_as(tenant_call& call, const std::string& text, unsigned status)
{
    const auto id = identity::parse_key_id(text);
    if (!id)
    {
        return not_found("key");
    }
    const auto found = call.all().keys.find(call.tenant(), *id);
    if (!found)
    {
        return to_response(found.error());
    }
    return *found ? http::response::json(status, key_to_json(call, **found)) : not_found("key");
}

http::response revoke(tenant_call& call)
{
    const auto id = identity::parse_key_id(call.parameter("id"));
    if (!id)
    {
        return not_found("key");
    }
    const auto done = call.all().keys.revoke(call.actor(), call.tenant(), *id);
    return done ? http::response::empty(204) : to_response(done.error());
}

} // namespace

void add_key_routes(http::router& router, services& all)
{
    all.routes.add_component("KeyWrite", R"({"type":"object","required":["name","scopes"],
"additionalProperties":false,"properties":{"name":{"type":"string"},"scopes":{"type":"array","items":{"type":"string"}}}})");
    all.routes.add_component("Key", R"({"type":"object","properties":{"id":{"type":"string"},
"name":{"type":"string"},"scopes":{"type":"array","items":{"type":"string"}},
"created_at":{"type":"string","format":"date-time"},"revoked_at":{"type":["string","null"]},
"key":{"type":"string","description":"the secret: in the answer of POST only, not in its replay"}}})");
    tenant_route read{.required = scope::access_read};
    read.text = {.summary = "Lists keys, revoked ones included",
                 .tag = "keys",
                 .response = "Key",
                 .is_list = true,
                 .errors = {422}};
    add_tenant_route(router, all, "GET", "/v1/keys", list, read);
    read.text = {.summary = "Shows a key without its secret", .tag = "keys", .response = "Key"};
    add_tenant_route(
        router, all, "GET", "/v1/keys/{id}",
        [](tenant_call& call) { return show_as(call, call.parameter("id"), 200); }, read);
    tenant_route write{.required = scope::access_write};
    write.keeps_answer = false;
    write.replay = [](tenant_call& call, const std::string& object)
    { return show_as(call, object, 201); };
    write.text = {.summary = "Makes a key; its secret is shown once",
                  .tag = "keys",
                  .request = "KeyWrite",
                  .response = "Key",
                  .status = 201,
                  .errors = {409, 422}};
    add_tenant_route(router, all, "POST", "/v1/keys", create, write);
    write.text = {.summary = "Revokes a key, at once", .tag = "keys", .status = 204};
    add_tenant_route(router, all, "DELETE", "/v1/keys/{id}", revoke, write);
}

} // namespace hikyaku::api
