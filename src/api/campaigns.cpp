#include "campaigns.h"

#include "campaign_json.h"

#include <hikyaku/api/context.h>

namespace hikyaku::api
{
namespace
{

using identity::scope;

http::response no_delivery()
{
    return unavailable("delivery_off", "the daemon runs without delivery");
}

/// Answers 404 for anything that is not a campaign id; a well-formed id of another tenant is not
/// found because it is looked up in this tenant's data only.
std::optional<campaign_id> id_of(const tenant_call& call)
{
    return campaign::parse_campaign_id(call.parameter("id"));
}

http::response create(tenant_call& call)
{
    const auto body = call.body();
    if (body.has_error())
    {
        return body.error();
    }
    auto request = read_campaign(call, *body);
    if (request.has_error())
    {
        return request.error();
    }
    const auto made = call.all().campaigns->create(call.tenant(), call.actor(),
                                                   std::move(request->source), request->recipients);
    if (made.has_error())
    {
        return to_response(made.error());
    }
    auto answer = http::response::json(201, campaign_to_json(call, *made));
    answer.set_header("Location", "/v1/campaigns/" + campaign::public_id(made->id));
    return answer;
}

http::response list(tenant_call& call)
{
    const auto page = read_page(call.request());
    if (page.has_error())
    {
        return page.error();
    }
    std::uint64_t before = 0;
    if (!page->cursor.empty())
    {
        const auto id = campaign::parse_campaign_id(page->cursor);
        if (!id)
        {
            return invalid_parameter("cursor", "is not a cursor of this list");
        }
        before = id->value;
    }
    const auto rows = call.all().campaigns->list(call.tenant(), before, page->limit + 1);
    json::array data;
    std::optional<std::string> next;
    for (const auto& row : rows)
    {
        if (data.size() == page->limit)
        {
            next = std::string(data.back().at("id").get_string());
            break;
        }
        data.emplace_back(campaign_to_json(call, row));
    }
    return list_answer(std::move(data), std::move(next));
}

http::response show(tenant_call& call)
{
    const auto id = id_of(call);
    const auto row =
        id ? call.all().campaigns->find(call.tenant(), *id)
           : result<campaign::campaign_row, campaign::campaign_error>(campaign::campaign_error{});
    if (!id)
    {
        return not_found("campaign");
    }
    if (row.has_error())
    {
        return to_response(row.error());
    }
    return http::response::json(200, campaign_to_json(call, *row));
}

http::response report(tenant_call& call)
{
    const auto id = id_of(call);
    if (!id)
    {
        return not_found("campaign");
    }
    const auto row = call.all().campaigns->find(call.tenant(), *id);
    if (row.has_error())
    {
        return to_response(row.error());
    }
    const auto r = call.all().campaigns->report_of(call.tenant(), *id);
    if (r.has_error())
    {
        return to_response(r.error());
    }
    return http::response::json(200, report_to_json(call, *row, *r));
}

http::response preview(tenant_call& call)
{
    const auto id = id_of(call);
    if (!id)
    {
        return not_found("campaign");
    }
    std::optional<ordinal> contact;
    if (!call.request().body.empty())
    {
        const auto body = call.body();
        if (body.has_error())
        {
            return body.error();
        }
        http::object_reader in(*body);
        const auto text = in.optional_string("contact", 64);
        if (auto refused = in.finish())
        {
            return *refused;
        }
        contact = text ? crm::parse_contact_id(call.tenant(), *text) : std::nullopt;
        if (text && !contact)
        {
            return not_found("contact");
        }
    }
    const auto parts = call.all().campaigns->preview(call.tenant(), *id, contact);
    if (parts.has_error())
    {
        return to_response(parts.error());
    }
    return http::response::json(
        200,
        json::object{{"subject", parts->subject}, {"text", parts->text}, {"html", parts->html}});
}

using action = result<campaign::campaign_row, campaign::campaign_error> (campaign::campaigns::*)(
    tenant_id, const oplog::actor&, campaign_id);

tenant_handler make_action(action run)
{
    return [run](tenant_call& call)
    {
        const auto id = id_of(call);
        if (!id)
        {
            return not_found("campaign");
        }
        const auto row = (call.all().campaigns->*run)(call.tenant(), call.actor(), *id);
        if (row.has_error())
        {
            return to_response(row.error());
        }
        return http::response::json(202, campaign_to_json(call, *row));
    };
}

/// Everything here needs the campaigns service.
tenant_handler guarded(tenant_handler run)
{
    return [run = std::move(run)](tenant_call& call)
    { return call.all().campaigns == nullptr ? no_delivery() : run(call); };
}

route_text text(std::string summary, std::string request, std::string response, unsigned status,
                bool is_list = false)
{
    route_text t;
    t.summary = std::move(summary);
    t.tag = "campaigns";
    t.request = std::move(request);
    t.response = std::move(response);
    t.status = status;
    t.is_list = is_list;
    t.errors = {422};
    return t;
}

void add_components(route_table& routes)
{
    routes.add_component("CampaignRequest", R"({"type":"object","additionalProperties":false,
"required":["name","from","subject","audience"],"properties":{
"name":{"type":"string"},"folder":{"type":"string"},
"from":{"type":"object","required":["email"],"properties":{"email":{"type":"string"},"name":{"type":"string"}}},
"reply_to":{"type":"string"},"subject":{"type":"string"},"text":{"type":"string"},"html":{"type":"string"},
"audience":{"type":"object","description":"exactly one of where, contacts, recipients, upload",
"properties":{"where":{"type":"object"},"contacts":{"type":"array","items":{"type":"string"}},
"recipients":{"type":"array","items":{"type":"object","required":["email"],"properties":{"email":{"type":"string"},"name":{"type":"string"},"variables":{"type":"object"}}}},
"upload":{"type":"string"}}},
"variables":{"type":"object"},"headers":{"type":"object","additionalProperties":{"type":"string"}},
"unsubscribe":{"type":"object","description":"replaces the List-Unsubscribe headers that broadcasts get by themselves: one click (RFC 8058) at the installation's public URL, and mail to the return path. Templates have {{ unsubscribe_url }} for the body","properties":{"url":{"type":"string"},"mailto":{"type":"string"},"one_click":{"type":"boolean"}}},
"feedback_id":{"type":"string","description":"replaces campaign:tenant:broadcast:sender, which broadcasts get by themselves"},"send_at":{"type":"string","format":"date-time"},"expires_after":{"type":"string"},
"topic":{"type":"string"},"stream":{"enum":["broadcast","transactional"]},"pool":{"const":"default"},
"sandbox":{"type":"boolean"},"breaker":{"$ref":"#/components/schemas/Breaker"},
"alignment_override":{"type":"boolean","description":"start although records of the sender domain fail; logged"},"duplicates":{"enum":["once","each"]},"charset":{"const":"utf-8"},
"tracking":{"type":"object","properties":{"opens":{"const":false},"clicks":{"const":false}}}}})");
    routes.add_component("Campaign",
                         R"({"type":"object","required":["id","name","state"],"properties":{
"id":{"type":"string"},"name":{"type":"string"},
"state":{"enum":["draft","scheduled","expanding","sending","paused","finished","cancelled"]},
"created_at":{"type":"string","format":"date-time"},"send_at":{"type":["string","null"]},"expires_at":{"type":["string","null"]},
"breaker":{"description":"what the campaign says in place of the tenant's settings; null: nothing"},
"paused_reason":{"enum":["bounce_rate","complaint_rate",null],"description":"why it paused itself; resume lets it go on and count anew"},
"paused_detail":{"type":["string","null"]},
"warnings":{"type":"array","description":"of :start: records of the sender domain that fail and did not refuse it",
"items":{"type":"object","properties":{"pointer":{"type":"string"},"code":{"type":"string"},"detail":{"type":"string"}}}}}})");
    routes.add_component("CampaignReport", R"({"type":"object",
"description":"recipients = delivered + bounced + unknown + expired + cancelled + suppressed + failed + pending",
"properties":{"id":{"type":"string"},"name":{"type":"string"},"state":{"type":"string"},"audience":{"type":"integer"},
"recipients":{"type":"integer"},"delivered":{"type":"integer"},"bounced":{"type":"integer"},"unknown":{"type":"integer"},
"expired":{"type":"integer"},"cancelled":{"type":"integer"},"suppressed":{"type":"integer"},"failed":{"type":"integer"},
"pending":{"type":"integer"},"in_flight":{"type":"integer"},"deferred":{"type":"integer"},"attempts":{"type":"integer"},
"oob_bounced":{"type":"integer","description":"failures reported by mail later, of recipients counted as delivered"},
"complaints":{"type":"integer","description":"of recipients counted as delivered"},
"left_out":{"type":"object"},"expansion_complete":{"type":"boolean"}}})");
    routes.add_component("CampaignPreviewRequest",
                         R"({"type":"object","properties":{"contact":{"type":"string"}}})");
    routes.add_component("CampaignPreview", R"({"type":"object","properties":{
"subject":{"type":"string"},"text":{"type":"string"},"html":{"type":"string"}}})");
}

} // namespace

void add_campaign_routes(http::router& router, services& all)
{
    using campaign::campaigns;
    add_components(all.routes);
    tenant_route write;
    write.required = scope::campaigns_write;
    write.text = text("Creates a draft", "CampaignRequest", "Campaign", 201);
    write.replay = [](tenant_call& call, const std::string& object)
    {
        const auto id = campaign::parse_campaign_id(object);
        const auto row = id && call.all().campaigns != nullptr
                             ? call.all().campaigns->find(call.tenant(), *id)
                             : result<campaign::campaign_row, campaign::campaign_error>(
                                   campaign::campaign_error{});
        return row.has_error() ? to_response(row.error())
                               : http::response::json(201, campaign_to_json(call, *row));
    };
    add_tenant_route(router, all, "POST", "/v1/campaigns", guarded(create), write);

    tenant_route read;
    read.required = scope::campaigns_read;
    read.text = text("Lists campaigns, newest first", "", "Campaign", 200, true);
    add_tenant_route(router, all, "GET", "/v1/campaigns", guarded(list), read);
    read.text = text("Shows a campaign", "", "Campaign", 200);
    add_tenant_route(router, all, "GET", "/v1/campaigns/{id}", guarded(show), read);
    read.text = text("Exact counts of every disposition", "", "CampaignReport", 200);
    add_tenant_route(router, all, "GET", "/v1/campaigns/{id}/report", guarded(report), read);
    read.read_only = true;
    read.text = text("Renders subject and bodies for one contact; sends nothing",
                     "CampaignPreviewRequest", "CampaignPreview", 200);
    add_tenant_route(router, all, "POST", "/v1/campaigns/{id}:preview", guarded(preview), read);

    const struct
    {
        const char* pattern;
        action run;
        const char* summary;
    } actions[] = {
        {"/v1/campaigns/{id}:start", &campaigns::start,
         "Starts a draft: now, or at its send_at when that lies ahead"},
        {"/v1/campaigns/{id}:schedule", &campaigns::start,
         "Schedules a draft for its send_at (the same as start)"},
        {"/v1/campaigns/{id}:pause", &campaigns::pause, "Pauses: no further message goes out"},
        {"/v1/campaigns/{id}:resume", &campaigns::resume, "Goes on where it was paused"},
        {"/v1/campaigns/{id}:cancel", &campaigns::cancel, "Ends what has not been sent"},
    };
    for (const auto& a : actions)
    {
        tenant_route send;
        send.required = scope::campaigns_send;
        send.text = text(a.summary, "", "Campaign", 202);
        send.text.errors = {409, 422};
        add_tenant_route(router, all, "POST", a.pattern, guarded(make_action(a.run)), send);
    }
}

} // namespace hikyaku::api
