#include "campaign_json.h"
#include "resources.h"

#include <hikyaku/campaign/campaigns.h>

namespace hikyaku::api
{
namespace
{

/// Bytes of an upload that are read while the caller waits; its recipients can't be known before.
constexpr std::uint64_t upload_wait_bytes_max = 1u << 20;

http::response started(const std::string& job_id)
{
    auto out = http::response::json(202, json::object{{"job_id", job_id}});
    out.set_header("Location", "/v1/jobs/" + job_id);
    return out;
}

http::response dry_run(tenant_call& call)
{
    auto* campaigns = call.all().campaigns;
    if (campaigns == nullptr)
    {
        return unavailable("delivery_off", "the daemon runs without delivery");
    }
    const auto id = campaign::parse_campaign_id(call.parameter("id"));
    if (!id)
    {
        return not_found("campaign");
    }
    const auto row = campaigns->find(call.tenant(), *id);
    const auto size = campaigns->dry_run_size(call.tenant(), *id);
    if (row.has_error() || size.has_error())
    {
        return to_response(row.has_error() ? row.error() : size.error());
    }
    const bool is_file = row->source.audience.kind == campaign::audience_kind::upload;
    if (*size > (is_file ? upload_wait_bytes_max : campaign::dry_run_wait_max))
    {
        const auto job =
            call.all().work.start(call.tenant(), call.actor(), campaign::dry_run_kind,
                                  json::object{{"campaign", campaign::public_id(*id)}});
        return job ? started(job->public_id()) : to_response(job.error());
    }
    const auto report = campaigns->dry_run(call.tenant(), call.preparing_actor(), *id);
    if (report.has_error())
    {
        return to_response(report.error());
    }
    const bool contacts = report->by_contact;
    const auto name = [&call, contacts](ordinal who)
    { return contacts ? crm::contact_public_id(call.tenant(), who) : std::to_string(who.value); };
    return http::response::json(200, campaign::to_json(*report, name));
}

} // namespace

void add_dry_run_routes(http::router& router, services& all)
{
    all.routes.add_component("DryRun", R"({"type":"object","description":
"recipients = would_send + suppressed + render_errors; audience = recipients + duplicates + no_address + invalid_address",
"properties":{"audience":{"type":"integer"},"recipients":{"type":"integer"},"duplicates":{"type":"integer"},
"no_address":{"type":"integer"},"invalid_address":{"type":"integer"},"suppressed":{"type":"integer"},
"render_errors":{"type":"integer"},"would_send":{"type":"integer"},
"errors":{"type":"array","maxItems":100,"items":{"type":"object","properties":{"recipient":{"type":"string"},
"address":{"type":"string"},"part":{"type":["string","null"]},"line":{"type":["integer","null"]},
"column":{"type":["integer","null"]},"reason":{"type":"string"}}}},
"largest_message":{"type":["object","null"],"properties":{"bytes":{"type":"integer"},"recipient":{"type":"string"}}},
"alignment":{"type":"object","description":"as last checked","properties":{"ok":{"type":"boolean"},
"refuses_start":{"type":"boolean"},"failing":{"type":"array","items":{"type":"object","properties":{
"code":{"type":"string"},"detail":{"type":"string"}}}}}},
"forecast":{"type":"object","properties":{"seconds":{"type":"number","description":"until the last site is done"},
"sites_left_out":{"type":"integer"},"sites":{"type":"array","maxItems":200,"items":{"type":"object","properties":{
"site":{"type":"string"},"provider":{"type":["string","null"]},"recipients":{"type":"integer"},
"per_second":{"type":"number","description":"0: unlimited"},"seconds":{"type":"number"},
"limited_by":{"type":["string","null"]}}}}}}}})");
    tenant_route run;
    run.required = identity::scope::campaigns_read;
    run.text = {.summary = "Renders every recipient and tells what would happen; sends nothing. "
                           "More than 10,000 to look at: 202 and a job (kind campaign_dry_run), "
                           "whose counts are the report",
                .tag = "campaigns",
                .response = "DryRun",
                .errors = {409, 422}};
    run.replay = [](tenant_call&, const std::string& object) { return started(object); };
    add_tenant_route(router, all, "POST", "/v1/campaigns/{id}:dry-run", dry_run, run);
}

} // namespace hikyaku::api
