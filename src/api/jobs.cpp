#include "job_json.h"
#include "resources.h"

namespace hikyaku::api
{
namespace
{

http::response list(tenant_call& call)
{
    const auto p = read_page(call.request(), {"kind"});
    if (!p)
    {
        return p.error();
    }
    std::uint64_t before = 0;
    if (!p->cursor.empty())
    {
        const auto id = parse_id("job", p->cursor);
        if (!id)
        {
            return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
        }
        before = *id;
    }
    const auto kind = call.request().query.find("kind").value_or("");
    const auto found = call.all().work.list(call.tenant(), before, p->limit + 1, kind);
    if (!found)
    {
        return to_response(found.error());
    }
    json::array data;
    std::optional<std::string> next;
    for (const auto& j : *found)
    {
        if (data.size() == p->limit)
        {
            next = (*found)[p->limit - 1].public_id();
            break;
        }
        data.push_back(job_to_json(call, j));
    }
    return list_answer(std::move(data), std::move(next));
}

http::response show(tenant_call& call)
{
    const auto found = call.all().work.find(call.tenant(), call.parameter("id"));
    return found ? http::response::json(200, job_to_json(call, *found))
                 : to_response(found.error());
}

http::response cancel(tenant_call& call)
{
    const auto done = call.all().work.cancel(call.tenant(), call.actor(), call.parameter("id"));
    return done ? http::response::json(200, job_to_json(call, *done)) : to_response(done.error());
}

http::response errors(tenant_call& call)
{
    const auto found = call.all().work.find(call.tenant(), call.parameter("id"));
    if (!found)
    {
        return to_response(found.error());
    }
    if (!found->has_error_file)
    {
        return http::response::problem({.status = 404,
                                        .code = "no_errors",
                                        .detail = "This job has rejected nothing so far."});
    }
    http::response out;
    out.content_type = "text/csv; charset=utf-8";
    out.body_file = call.all().work.error_file(*found);
    out.set_header("Content-Disposition",
                   "attachment; filename=\"" + found->public_id() + "-errors.csv\"");
    return out;
}

} // namespace

json::value job_to_json(const tenant_call& call, const hikyaku::jobs::job& j)
{
    json::object out{
        {"id", j.public_id()},
        {"kind", j.kind},
        {"state", hikyaku::jobs::to_string(j.state)},
        {"progress", json::object{{"done", j.last.at.done}, {"total", j.last.at.total}}},
        {"counts", j.last.counts},
        {"parameters", j.parameters},
        {"cancel_requested", j.cancel_requested},
        {"started_by", j.who.name},
        {"created_at", call.time(j.created)},
        {"finished_at", j.finished ? json::value(call.time(*j.finished)) : json::value(nullptr)}};
    out["failure"] = j.failure_text.empty() ? json::value(nullptr) : json::value(j.failure_text);
    out["errors_url"] = !j.has_error_file ? json::value(nullptr)
                                          : json::value("/v1/jobs/" + j.public_id() + "/errors");
    return out;
}

void add_job_routes(http::router& router, services& all)
{
    all.routes.add_component(
        "Job", R"({"type":"object","required":["id","kind","state","progress","counts"],
"properties":{"id":{"type":"string"},"kind":{"type":"string"},
"state":{"enum":["queued","running","done","failed","cancelled"]},
"progress":{"type":"object","properties":{"done":{"type":"integer"},"total":{"type":"integer"}}},
"counts":{"type":"object"},"parameters":{"type":"object"},"cancel_requested":{"type":"boolean"},
"started_by":{"type":"string"},"created_at":{"type":"string","format":"date-time"},
"finished_at":{"type":["string","null"]},"failure":{"type":["string","null"]},"errors_url":{"type":["string","null"]}}})");
    tenant_route how{.required = identity::scope::jobs};
    how.text = {.summary = "Lists jobs, newest first",
                .tag = "jobs",
                .query = {{"kind", "Only jobs of this kind"}},
                .response = "Job",
                .is_list = true,
                .errors = {422}};
    add_tenant_route(router, all, "GET", "/v1/jobs", list, how);
    how.text = {
        .summary = "Shows a job with progress and counts", .tag = "jobs", .response = "Job"};
    add_tenant_route(router, all, "GET", "/v1/jobs/{id}", show, how);
    how.text = {
        .summary = "The rows that were rejected", .tag = "jobs", .response_type = "text/csv"};
    add_tenant_route(router, all, "GET", "/v1/jobs/{id}/errors", errors, how);
    how.text = {.summary = "Cancels a job: at once, or at its next checkpoint",
                .tag = "jobs",
                .response = "Job",
                .errors = {409}};
    how.replay = [](tenant_call& call, const std::string& object)
    {
        const auto found = call.all().work.find(call.tenant(), object);
        return found ? http::response::json(200, job_to_json(call, *found))
                     : to_response(found.error());
    };
    add_tenant_route(router, all, "POST", "/v1/jobs/{id}:cancel", cancel, how);
}

} // namespace hikyaku::api
