#include "platform_queue_json.h"

#include <algorithm>

namespace hikyaku::api
{
namespace
{

/// A route of the operator's listener, for the document.
struct described
{
    const char* method;
    const char* pattern;
    const char* summary;
    /// Names of query parameters, separated by blanks.
    const char* query;
    /// Component of the request body; "": none.
    const char* request;
    /// Component of the answer; "": an object without a schema here; with a '/': a media type.
    const char* response;
};

constexpr described routes[] = {
    {"GET", "/platform/v1/queue",
     "Sites with what limits them, tenants, campaigns, suspensions in force; sites by ready "
     "recipients, most first. Pages after the first hold sites only.",
     "site limit cursor", "", "Queue"},
    {"GET", "/platform/v1/adaptations", "Limits lowered and suspensions, newest first", "limit", "",
     "Adaptations"},
    {"GET", "/platform/v1/sessions", "SMTP sessions that are open", "site limit cursor", "",
     "Sessions"},
    {"GET", "/platform/v1/trace",
     "The SMTP dialogue with a site as it goes on, one TraceEvent as JSON per server-sent event; "
     "messages are counted, not shown; a comment at least every 5 s",
     "site", "", "text/event-stream"},
    {"GET", "/platform/v1/shaping",
     "Limits configured for a domain and where each comes from; of a live site also those in force",
     "domain", "", "Shaping"},
    {"POST", "/platform/v1/queue/{kind}/{id}:suspend",
     "Hands nothing out of the scope for a while; survives a restart", "", "Suspend", "Ordered"},
    {"POST", "/platform/v1/queue/{kind}/{id}:resume",
     "Ends suspensions, of operators and rules; of a site lowered limits too", "", "", "Ordered"},
    {"POST", "/platform/v1/queue/{kind}/{id}:retry", "Retries of the scope become due now", "", "",
     "Ordered"},
    {"POST", "/platform/v1/queue/{kind}/{id}:bounce",
     "What waits ends as bounced; of a site also what comes within the duration", "", "Bounce",
     "Ordered"},
    {"GET", "/platform/v1/tenants", "Tenants", "limit cursor", "", ""},
    {"POST", "/platform/v1/tenants", "Makes a tenant with its first key", "", "NewTenant", ""},
    {"GET", "/platform/v1/tenants/{id}", "One tenant", "", "", ""},
    {"PATCH", "/platform/v1/tenants/{id}",
     "Sets the tenant's quota; null: the configured default, {}: no limits", "", "TenantChange",
     ""},
    {"GET", "/platform/v1/sources",
     "Source addresses: pools, warm-up with what is used today, findings of the last check", "", "",
     ""},
    {"GET", "/platform/v1/dead-addresses",
     "How many addresses the installation knows not to exist, and the settings of that list", "",
     "", ""},
    {"GET", "/platform/v1/dead-addresses/{address}", "What is known of one address", "", "", ""},
    {"DELETE", "/platform/v1/dead-addresses/{address}", "Takes an address off the list", "", "",
     ""},
    {"GET", "/platform/v1/pools", "Pools and the weights of their sources", "", "", ""},
    {"POST", "/platform/v1/tenants/{id}:suspend", "Closes a tenant's access", "", "", ""},
    {"POST", "/platform/v1/tenants/{id}:resume", "Opens it again", "", "", ""},
    {"GET", "/platform/v1/status", "How the daemon is", "", "", ""},
    {"POST", "/platform/v1/reload", "Reads the configuration again", "", "", ""},
    {"POST", "/platform/v1/store:accept-gap", "Delivers again although data is missing", "", "",
     ""},
    {"GET", "/platform/v1/openapi.json", "This document", "", "", ""},
};

constexpr const char* components_text = R"({
"Adaptation":{"type":"object","description":"A limit that is lowered, or a suspension","properties":{
 "what":{"enum":["message_rate","connections","connection_rate","messages_per_connection","suspended"]},
 "phase":{"enum":["began","changed","ended"]},
 "scope":{"enum":["site","source_site","tenant_site","campaign","tenant"]},
 "site":{"type":"string"},"source":{"type":"string"},"tenant":{"type":"string"},
 "campaign":{"type":"string"},
 "value":{"type":"string","description":"In force: 50/s,50 or 3"},"configured":{"type":"string"},
 "rule":{"type":"string","description":"Of the shaping file; operator: by an order"},
 "reply":{"type":"string","description":"What the site said, or the operator's reason"},
 "began":{"type":"string","format":"date-time"},
 "ends":{"type":["string","null"],"format":"date-time"}}},
"TenantChange":{"type":"object","properties":{"quota":{"type":["object","null"],"properties":{
 "per_day":{"type":["integer","null"],"minimum":1},"per_month":{"type":["integer","null"],"minimum":1},
 "ramp":{"type":"array","items":{"type":"integer","minimum":1}}}}}},
"Adaptations":{"type":"object","properties":{"next_cursor":{"type":"null"},
 "data":{"type":"array","items":{"$ref":"#/components/schemas/Adaptation"}}}},
"Path":{"type":"object","description":"A site from one source","properties":{
 "source":{"type":"string"},"health":{"enum":["up","suspended","probing"]},
 "sessions":{"type":"integer"},"idle":{"type":"integer"},
 "window":{"type":"integer","description":"Connections allowed now"},
 "sticky":{"type":"integer","description":"Retries that wait for this source"},
 "resumes_in_ms":{"type":"integer"},"last_reply":{"type":"string"},
 "limits":{"type":"object","description":"In force, by the names of the shaping file"},
 "adaptations":{"type":"array","items":{"$ref":"#/components/schemas/Adaptation"}}}},
"Site":{"type":"object","properties":{
 "site":{"type":"string"},"provider":{"type":"string"},
 "mx":{"type":"array","items":{"type":"string"}},
 "ready":{"type":"integer"},"scheduled":{"type":"integer"},"in_flight":{"type":"integer"},
 "lanes_ready":{"type":"integer"},"parked":{"type":"integer"},
 "sessions":{"type":"integer"},"window":{"type":"integer"},
 "health":{"enum":["up","suspended","probing"]},
 "last_reply":{"type":"string"},"next_action":{"type":"string"},"resumes_in_ms":{"type":"integer"},
 "paths":{"type":"array","items":{"$ref":"#/components/schemas/Path"}}}},
"Queue":{"type":"object","properties":{
 "held":{"type":"boolean"},"held_because":{"type":"string"},"sessions":{"type":"integer"},
 "in_flight":{"type":"integer"},"damaged_lanes":{"type":"integer"},
 "adaptations":{"type":"integer","description":"Begun since the start"},
 "suspensions":{"type":"array","items":{"$ref":"#/components/schemas/Adaptation"}},
 "tenants":{"type":"array","items":{"type":"object"}},
 "campaigns":{"type":"array","items":{"type":"object"}},
 "sites":{"type":"array","items":{"$ref":"#/components/schemas/Site"}},
 "next_cursor":{"type":["string","null"]}}},
"Sessions":{"type":"object","properties":{"next_cursor":{"type":["string","null"]},
 "data":{"type":"array","items":{"type":"object","properties":{
 "id":{"type":"integer"},"site":{"type":"string"},"source":{"type":"string"},
 "state":{"enum":["connecting","sending","idle"]},"age_ms":{"type":"integer"},
 "messages":{"type":"integer"}}}}}},
"TraceEvent":{"type":"object","properties":{
 "at":{"type":"string","format":"date-time"},"session":{"type":"integer"},
 "site":{"type":"string"},"mx":{"type":"string"},"source":{"type":"string"},
 "what":{"enum":["connecting","sent","received","body","tls","closed","lost"]},
 "text":{"type":"string"},"bytes":{"type":"integer"},
 "count":{"type":"integer","description":"lost: events this listener was too slow for"}}},
"Shaping":{"type":"object","properties":{
 "domain":{"type":"string"},"mx":{"type":"array","items":{"type":"string"}},
 "provider":{"type":"string"},"limits":{"type":"object"},
 "rules":{"type":"object","properties":{"count":{"type":"integer"},
  "names":{"type":"array","items":{"type":"string"}}}},
 "live":{"type":["object","null"],"properties":{"site":{"type":"string"},
  "health":{"type":"string"},"next_action":{"type":"string"},
  "sources":{"type":"array","items":{"$ref":"#/components/schemas/Path"}}}}}},
"Suspend":{"type":"object","required":["duration"],"properties":{
 "duration":{"type":"string","description":"90s, 15m, 2h, 1d; at most 30d"},
 "reason":{"type":"string","maxLength":200}}},
"Bounce":{"type":"object","properties":{
 "duration":{"type":"string","description":"Of a site; at most 30d"},
 "reason":{"type":"string","maxLength":200}}},
"Ordered":{"type":"object","properties":{
 "site":{"type":"string"},"tenant":{"type":"string"},"campaign":{"type":"string"},
 "action":{"enum":["suspend","resume","retry","bounce"]},
 "duration_ms":{"type":"integer"},"until":{"type":"string","format":"date-time"},
 "reason":{"type":"string"}}},
"NewTenant":{"type":"object","required":["name","admin_email"],"properties":{
 "name":{"type":"string"},"admin_email":{"type":"string","format":"email"}}},
"Problem":{"type":"object","description":"RFC 9457","properties":{
 "type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},
 "detail":{"type":"string"},"code":{"type":"string"},"errors":{"type":"array"}}}
})";

json::object content(std::string_view type, std::string_view component)
{
    json::object media;
    if (!component.empty())
    {
        media["schema"] = json::object{{"$ref", "#/components/schemas/" + std::string(component)}};
    }
    return {{type, std::move(media)}};
}

json::object parameter(std::string_view name, std::string_view in)
{
    json::object schema{{"type", name == "limit" ? "integer" : "string"}};
    if (name == "kind")
    {
        schema["enum"] = json::array{"sites", "tenants", "campaigns"};
    }
    return {{"name", name}, {"in", in}, {"required", in == "path"}, {"schema", std::move(schema)}};
}

json::array parameters_of(const described& r)
{
    json::array out;
    const std::string_view pattern = r.pattern;
    for (auto open = pattern.find('{'); open != std::string_view::npos;
         open = pattern.find('{', open + 1))
    {
        const auto close = pattern.find('}', open);
        out.push_back(parameter(pattern.substr(open + 1, close - open - 1), "path"));
    }
    for (std::string_view rest = r.query; !rest.empty();)
    {
        const auto end = std::min(rest.find(' '), rest.size());
        out.push_back(parameter(rest.substr(0, end), "query"));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (std::string_view(r.method) == "POST")
    {
        out.push_back(parameter("Idempotency-Key", "header"));
    }
    return out;
}

json::object operation_of(const described& r)
{
    const std::string_view answer = r.response;
    const bool is_type = answer.find('/') != std::string_view::npos;
    json::object ok{{"description", r.summary}};
    ok["content"] = content(is_type ? answer : "application/json", is_type ? "" : answer);
    json::object responses{
        {std::string_view(r.request) == "NewTenant" ? "201" : "200", std::move(ok)},
        {"default", json::object{{"description", "What went wrong"},
                                 {"content", content("application/problem+json", "Problem")}}}};
    json::object out{{"summary", r.summary},
                     {"parameters", parameters_of(r)},
                     {"responses", std::move(responses)}};
    if (*r.request != '\0')
    {
        out["requestBody"] = json::object{{"required", std::string_view(r.request) != "Bounce"},
                                          {"content", content("application/json", r.request)}};
    }
    return out;
}

/// The member of a path item that describes a method.
std::string_view member_of(std::string_view method)
{
    return method == "GET"      ? "get"
           : method == "PATCH"  ? "patch"
           : method == "DELETE" ? "delete"
                                : "post";
}

http::response document(platform_call& call)
{
    json::object paths;
    for (const auto& r : routes)
    {
        auto& path = paths[r.pattern];
        if (!path.is_object())
        {
            path = json::object{};
        }
        path.as_object()[member_of(r.method)] = operation_of(r);
    }
    const json::object token{{"type", "http"}, {"scheme", "bearer"}};
    json::object out{
        {"openapi", "3.1.0"},
        {"info", json::object{{"title", "Hikyaku, operator"}, {"version", call.all().version}}},
        {"security", json::array{json::object{{"token", json::array{}}}}},
        {"paths", std::move(paths)},
        {"components", json::object{{"schemas", *parse_json(components_text)},
                                    {"securitySchemes", json::object{{"token", token}}}}}};
    return http::response::json(200, out);
}

} // namespace

void add_platform_document_route(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/openapi.json", document);
}

} // namespace hikyaku::api
