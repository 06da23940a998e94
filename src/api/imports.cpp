#include "resources.h"
#include "small_file.h"

#include <hikyaku/api/context.h>

namespace hikyaku::api
{
namespace
{

/// A file of a tenant.
constexpr std::size_t file_bytes_max = std::size_t{4} << 30;
/// The body of POST /v1/contacts:import when it is JSON.
constexpr std::size_t import_json_bytes_max = 1u << 20;
constexpr std::size_t columns_max = 1'000;
constexpr std::size_t column_chars_max = 1'024;

http::response started(const std::string& job_id)
{
    auto out = http::response::json(202, json::object{{"job_id", job_id}});
    out.set_header("Location", "/v1/jobs/" + job_id);
    return out;
}

/// A body that was spooled or, when it is small and the request came another way, is in memory.
result<crm::upload, http::response> adopt_body(tenant_call& call, const oplog::actor& who)
{
    if (call.request().body_bytes == 0)
    {
        return invalid_field("", "missing", "The body is the file; it is empty.");
    }
    auto stored = call.all().crm_data.uploads.adopt(call.tenant(), who, call.request().body_file);
    if (!stored)
    {
        return to_response(stored.error());
    }
    return std::move(*stored);
}

json::value upload_to_json(const tenant_call& call, const crm::upload& u)
{
    return json::object{{"id", u.public_id()},
                        {"bytes", u.bytes},
                        {"created_at", call.time(u.created)},
                        {"expires_at", call.time(u.expires)}};
}

http::response upload(tenant_call& call)
{
    const auto stored = adopt_body(call, call.actor());
    return stored ? http::response::json(201, upload_to_json(call, *stored)) : stored.error();
}

http::response show_upload(tenant_call& call)
{
    const auto found = call.all().crm_data.uploads.find(call.tenant(), call.parameter("id"));
    return found ? http::response::json(200, upload_to_json(call, *found))
                 : to_response(found.error());
}

http::response start_import(tenant_call& call, const crm::import_options& o)
{
    if (const auto ok = call.all().crm_data.importer.check(call.tenant(), o); ok.has_error())
    {
        return to_response(ok.error());
    }
    const auto job =
        call.all().work.start(call.tenant(), call.actor(), crm::import_kind, crm::to_json(o));
    return job ? started(job->public_id()) : to_response(job.error());
}

bool is_csv(const http::request& r)
{
    const auto type = r.header("Content-Type").value_or("");
    return http::equal_ignoring_case(type.substr(0, type.find_first_of("; ")), "text/csv");
}

/// Options beside a CSV body: ?mode=&key=&strict=&empty=.
result<crm::import_options, http::response> read_query_options(const http::request& r,
                                                               const std::string& upload_id)
{
    json::object o{{"upload", upload_id}};
    for (const auto& [name, value] : r.query)
    {
        if (name == "strict")
        {
            if (value != "true" && value != "false")
            {
                return invalid_parameter("strict", "strict is true or false.");
            }
            o[name] = value == "true";
            continue;
        }
        o[name] = value;
    }
    auto parsed = crm::parse_import_options(o);
    if (!parsed)
    {
        return invalid_parameter(parsed.error().field, parsed.error().text);
    }
    return std::move(*parsed);
}

http::response import_csv(tenant_call& call)
{
    const auto known = check_query(call.request(), {"mode", "key", "strict", "empty"});
    if (known.has_error())
    {
        return known.error();
    }
    // Refuse bad options before the file is kept.
    if (const auto options = read_query_options(call.request(), format_id("upl", 1)); !options)
    {
        return options.error();
    }
    const auto stored = adopt_body(call, call.preparing_actor());
    if (!stored)
    {
        return stored.error();
    }
    const auto options = read_query_options(call.request(), stored->public_id());
    return options ? start_import(call, *options) : options.error();
}

/// The JSON body of an import; the route spools, so it is read from its file.
result<json::value, http::response> read_spooled_json(http::request& r)
{
    if (r.body_bytes > import_json_bytes_max)
    {
        return http::response::problem(
            {.status = 413, .code = "body_too_large", .detail = "At most 1 MiB of JSON."});
    }
    if (!r.body_file.empty())
    {
        auto text = read_small_file(r.body_file, import_json_bytes_max);
        if (!text)
        {
            return unavailable("storage_failed", "The body could not be read back.");
        }
        r.body = std::move(*text);
    }
    return http::parse_json_body(r);
}

http::response import_upload(tenant_call& call)
{
    const auto body = read_spooled_json(call.request());
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    const auto upload_id = in.required_string("upload", 64);
    for (const auto* name : {"mode", "key", "empty"})
    {
        static_cast<void>(in.optional_string(name, crm::field_label_bytes_max));
    }
    static_cast<void>(in.optional_bool("strict"));
    if (const auto* mapping = in.optional_free_object("mapping", columns_max))
    {
        for (const auto& m : *mapping)
        {
            if (!m.value().is_string() || m.key().size() > column_chars_max)
            {
                in.fail("mapping/" + escape_pointer(m.key()), "wrong_type",
                        "must be a field's name, or \"\" to leave the column out");
            }
        }
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto options = crm::parse_import_options(body->as_object());
    return options ? start_import(call, *options) : to_response(options.error());
}

http::response import(tenant_call& call)
{
    return is_csv(call.request()) ? import_csv(call) : import_upload(call);
}

} // namespace

void add_import_routes(http::router& router, services& all)
{
    all.routes.add_component("Upload", R"({"type":"object","required":["id","bytes"],"properties":{
"id":{"type":"string"},"bytes":{"type":"integer"},"created_at":{"type":"string","format":"date-time"},
"expires_at":{"type":"string","format":"date-time"}}})");
    all.routes.add_component("ImportRequest", R"({"type":"object","required":["upload"],
"additionalProperties":false,"description":"Or text/csv as the body, with mode, key, strict and empty in the query.",
"properties":{"upload":{"type":"string"},"mode":{"enum":["new_only","update_only","both"]},
"key":{"type":"string"},"mapping":{"type":"object","additionalProperties":{"type":"string"}},
"strict":{"type":"boolean"},"empty":{"enum":["clear","keep"]}}})");
    all.routes.add_component(
        "JobStarted",
        R"({"type":"object","required":["job_id"],"properties":{"job_id":{"type":"string"}}})");
    tenant_route how{.required = identity::scope::contacts_write};
    how.http.spool_body_to_file = true;
    how.http.body_bytes_max = file_bytes_max;
    how.text = {.summary = "Stores a file for an import or an audience, for 7 days",
                .tag = "contacts",
                .request_type = "application/octet-stream",
                .response = "Upload",
                .status = 201,
                .errors = {413, 422}};
    how.replay = [](tenant_call& call, const std::string& object)
    {
        const auto found = call.all().crm_data.uploads.find(call.tenant(), object);
        return found ? http::response::json(201, upload_to_json(call, *found))
                     : to_response(found.error());
    };
    add_tenant_route(router, all, "POST", "/v1/uploads", upload, how);
    how.replay = [](tenant_call&, const std::string& object) { return started(object); };
    how.text = {.summary = "Starts an import of a CSV file",
                .tag = "contacts",
                .request = "ImportRequest",
                .response = "JobStarted",
                .status = 202,
                .errors = {409, 413, 415, 422}};
    add_tenant_route(router, all, "POST", "/v1/contacts:import", import, how);
    tenant_route read{.required = identity::scope::contacts_read};
    read.text = {.summary = "Shows an upload", .tag = "contacts", .response = "Upload"};
    add_tenant_route(router, all, "GET", "/v1/uploads/{id}", show_upload, read);
}

} // namespace hikyaku::api
