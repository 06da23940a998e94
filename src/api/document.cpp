#include "resources.h"

#include <hikyaku/api/context.h>

#include <algorithm>

namespace hikyaku::api
{
namespace
{

json::value reference(const std::string& component)
{
    return json::object{{"$ref", "#/components/schemas/" + component}};
}

/// JSON schema of a field's values.
json::object field_schema(const crm::field& f)
{
    json::object out;
    using t = crm::field_type;
    switch (f.type)
    {
    case t::integer:
        out = {{"type", json::array{"integer", "null"}}};
        break;
    case t::boolean:
        out = {{"type", json::array{"boolean", "null"}}};
        break;
    case t::multi_select:
    case t::tags:
        out = {{"type", json::array{"array", "null"}}, {"items", json::object{{"type", "string"}}}};
        break;
    case t::date:
        out = {{"type", json::array{"string", "null"}}, {"format", "date"}};
        break;
    case t::datetime:
        out = {{"type", json::array{"string", "null"}}, {"format", "date-time"}};
        break;
    case t::email:
        out = {{"type", json::array{"string", "null"}}, {"format", "email"}};
        break;
    case t::decimal:
        out = {{"type", json::array{"string", "number", "null"}}, {"format", "decimal"}};
        break;
    case t::text:
    case t::select:
        out = {{"type", json::array{"string", "null"}}};
        break;
    }
    out["title"] = f.label;
    if (f.type == t::select)
    {
        json::array options;
        for (const auto& o : f.options)
        {
            options.push_back(json::value(o));
        }
        options.push_back(nullptr);
        out["enum"] = std::move(options);
    }
    return out;
}

json::value fields_schema(const crm::schema& s)
{
    json::object properties;
    for (const auto& f : s.fields())
    {
        properties[f.name] = field_schema(f);
    }
    return json::object{{"type", "object"},
                        {"description", "This tenant's fields, by name; labels are taken too."},
                        {"properties", std::move(properties)}};
}

json::object parameter(std::string_view name, std::string_view where, std::string_view text,
                       std::string_view type)
{
    return {{"name", name},
            {"in", where},
            {"required", where == "path"},
            {"description", text},
            {"schema", json::object{{"type", type}}}};
}

json::array parameters_of(const route_table::entry& e)
{
    json::array out;
    for (std::size_t open = e.pattern.find('{'); open != std::string::npos;
         open = e.pattern.find('{', open + 1))
    {
        const auto close = e.pattern.find('}', open);
        out.push_back(
            parameter(e.pattern.substr(open + 1, close - open - 1), "path", "", "string"));
    }
    if (e.text.is_list && e.method == "GET")
    {
        out.push_back(parameter("limit", "query", "1 to 1000, 50 when absent", "integer"));
        out.push_back(parameter("cursor", "query", "next_cursor of an answer", "string"));
    }
    for (const auto& q : e.text.query)
    {
        out.push_back(parameter(q.name, "query", q.text, q.type));
    }
    if (e.takes_idempotency_key)
    {
        out.push_back(parameter("Idempotency-Key", "header",
                                "1 to 255 printable characters, kept for 24 hours", "string"));
    }
    return out;
}

json::value success_of(const route_table::entry& e)
{
    json::object out{{"description", e.text.summary}};
    if (e.text.response_type != "application/json")
    {
        out["content"] = json::object{{e.text.response_type, json::object{}}};
        return out;
    }
    if (e.text.response.empty())
    {
        return out;
    }
    json::value schema = reference(e.text.response);
    if (e.text.is_list)
    {
        const json::object data{{"type", "array"}, {"items", schema}};
        const json::object next{{"type", json::array{"string", "null"}}};
        schema = json::object{{"type", "object"},
                              {"properties", json::object{{"data", data}, {"next_cursor", next}}}};
    }
    out["content"] =
        json::object{{"application/json", json::object{{"schema", std::move(schema)}}}};
    return out;
}

json::object operation_of(const route_table::entry& e)
{
    json::object responses{{std::to_string(e.text.status), success_of(e)}};
    std::vector<unsigned> errors{401, 403, 404, 429, 503};
    errors.insert(errors.end(), e.text.errors.begin(), e.text.errors.end());
    for (const auto status : errors)
    {
        responses[std::to_string(status)] =
            json::object{{"$ref", "#/components/responses/Problem"}};
    }
    json::object out{{"summary", e.text.summary},
                     {"tags", json::array{json::value(e.text.tag)}},
                     {"description", "Scope: " + e.scope},
                     {"parameters", parameters_of(e)},
                     {"responses", std::move(responses)}};
    const bool file = e.text.request_type != "application/json";
    if (file || !e.text.request.empty())
    {
        json::object media;
        if (!file)
        {
            media["schema"] = reference(e.text.request);
        }
        out["requestBody"] = json::object{
            {"required", true}, {"content", json::object{{e.text.request_type, std::move(media)}}}};
    }
    return out;
}

json::object components_of(const route_table& routes, const crm::schema& s)
{
    json::object schemas;
    for (const auto& [name, schema] : routes.components())
    {
        schemas[name] = schema;
    }
    schemas["ContactFields"] = fields_schema(s);
    const json::object problem{
        {"description", "RFC 9457"},
        {"content", json::object{{"application/problem+json",
                                  json::object{{"schema", reference("Problem")}}}}}};
    const json::object bearer{{"type", "http"}, {"scheme", "bearer"}};
    return {{"schemas", std::move(schemas)},
            {"responses", json::object{{"Problem", problem}}},
            {"securitySchemes", json::object{{"key", bearer}}}};
}

http::response document(tenant_call& call)
{
    const auto s = call.all().crm_data.schemas.get(call.tenant());
    if (!s)
    {
        return to_response(s.error());
    }
    json::object paths;
    for (const auto& e : call.all().routes.entries())
    {
        if (e.text.summary.empty())
        {
            continue;
        }
        std::string method = e.method;
        std::transform(method.begin(), method.end(), method.begin(),
                       [](char c) { return static_cast<char>(c | 0x20); });
        auto& path = paths[e.pattern];
        if (!path.is_object())
        {
            path = json::object{};
        }
        path.as_object()[method] = operation_of(e);
    }
    json::object out{{"openapi", "3.1.0"},
                     {"info", json::object{{"title", "Hikyaku"}, {"version", call.all().version}}},
                     {"security", json::array{json::object{{"key", json::array{}}}}},
                     {"paths", std::move(paths)},
                     {"components", components_of(call.all().routes, **s)}};
    return http::response::json(200, out);
}

} // namespace

void add_document_route(http::router& router, services& all)
{
    all.routes.add_component("Problem", R"({"type":"object","properties":{"type":{"type":"string"},
"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"},
"code":{"type":"string"},"errors":{"type":"array","items":{"type":"object","properties":{
"pointer":{"type":"string"},"code":{"type":"string"},"detail":{"type":"string"}}}}}})");
    all.routes.add_component("Document", R"({"type":"object","description":"OpenAPI 3.1"})");
    tenant_route read{.required = identity::scope::contacts_read};
    read.text = {.summary = "This document, with the tenant's own fields",
                 .tag = "document",
                 .response = "Document"};
    add_tenant_route(router, all, "GET", "/v1/openapi.json", document, read);
}

} // namespace hikyaku::api
