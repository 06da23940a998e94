#include "campaign_json.h"
#include "outcome_json.h"
#include "resources.h"

#include <hikyaku/campaign/recipients.h>

namespace hikyaku::api
{
namespace
{

/// 503 when the daemon runs without delivery.
tenant_handler guarded(http::response (*run)(tenant_call&, const campaign::recipients&,
                                             campaign_id))
{
    return [run](tenant_call& call)
    {
        auto& all = call.all();
        if (all.campaigns == nullptr || all.outcomes == nullptr)
        {
            return unavailable("delivery_off", "the daemon runs without delivery");
        }
        const auto id = campaign::parse_campaign_id(call.parameter("id"));
        if (!id)
        {
            return not_found("campaign");
        }
        const campaign::recipients look({all.db, all.clock_source, all.crm_data, *all.campaigns,
                                         *all.outcomes, all.queue.explain});
        return run(call, look, *id);
    };
}

json::value time_or_null(const tenant_call& call, wall_time t)
{
    return t == wall_time{} ? json::value(nullptr) : json::value(call.time(t));
}

json::value last_or_null(const tenant_call& call, const std::optional<queue::fact>& last)
{
    return last ? json::value(outcome_to_json(call, *last)) : json::value(nullptr);
}

/// What names a recipient in paths: the contact's id, or the number of one that was given.
json::value name_of(const tenant_call& call, bool contacts, ordinal who)
{
    return contacts ? json::value(crm::contact_public_id(call.tenant(), who))
                    : json::value(std::to_string(who.value));
}

http::response list(tenant_call& call, const campaign::recipients& look, campaign_id id)
{
    const auto p = read_page(call.request());
    if (p.has_error())
    {
        return p.error();
    }
    const auto contacts = call.all().campaigns->has_contacts(call.tenant(), id);
    if (!contacts)
    {
        return not_found("campaign");
    }
    if (p->cursor.empty())
    {
        static_cast<void>(call.all().outcomes->catch_up(call.tenant(), index_wait_max));
    }
    const auto page = look.list(call.tenant(), id, p->cursor, p->limit);
    if (page.has_error())
    {
        return page.error().code == campaign::campaign_error::kind::invalid
                   ? invalid_parameter("cursor", "cursor is what next_cursor of an answer was.")
                   : to_response(page.error());
    }
    json::array data;
    for (const auto& one : page->entries)
    {
        data.emplace_back(json::object{
            {"recipient", name_of(call, *contacts, one.who)},
            {"address", one.address.empty() ? json::value(nullptr) : json::value(one.address)},
            {"state", one.state},
            {"last", last_or_null(call, one.last)}});
    }
    return list_answer(std::move(data),
                       page->next.empty() ? std::nullopt : std::optional(page->next));
}

http::response explain(tenant_call& call, const campaign::recipients& look, campaign_id id)
{
    const auto contacts = call.all().campaigns->has_contacts(call.tenant(), id);
    if (!contacts)
    {
        return not_found("campaign");
    }
    static_cast<void>(call.all().outcomes->catch_up(call.tenant(), index_wait_max));
    const auto found = look.explain(call.tenant(), id, call.parameter("recipient"));
    if (found.has_error())
    {
        return found.error().code == campaign::campaign_error::kind::not_found
                   ? not_found("recipient")
                   : to_response(found.error());
    }
    const auto text = [](const std::string& s)
    { return s.empty() ? json::value(nullptr) : json::value(s); };
    json::array reasons;
    for (const auto& r : found->reasons)
    {
        reasons.emplace_back(json::object{
            {"what", r.what}, {"detail", r.detail}, {"until", time_or_null(call, r.until)}});
    }
    const auto& w = found->at_work;
    return http::response::json(200,
                                json::object{{"recipient", name_of(call, *contacts, found->who)},
                                             {"address", text(found->address)},
                                             {"state", found->state},
                                             {"reasons", std::move(reasons)},
                                             {"domain", text(w.domain)},
                                             {"site", text(w.site)},
                                             {"provider", text(w.provider)},
                                             {"source", text(w.source)},
                                             {"attempts", w.attempts},
                                             {"next_try", time_or_null(call, w.next_try)},
                                             {"ahead", w.ahead},
                                             {"last", last_or_null(call, found->last)}});
}

} // namespace

void add_explain_routes(http::router& router, services& all)
{
    all.routes.add_component("Recipient",
                             R"({"type":"object","required":["recipient","state"],"properties":{
"recipient":{"type":"string","description":"a contact's id, or the number of a recipient given with the campaign"},
"address":{"type":["string","null"]},
"state":{"enum":["waiting","deferred","unknown","delivered","bounced","expired","cancelled","suppressed","failed","oob_bounce","complaint"]},
"last":{"oneOf":[{"$ref":"#/components/schemas/Delivery"},{"type":"null"}]}}})");
    all.routes.add_component(
        "RecipientExplanation",
        R"({"type":"object","required":["recipient","state","reasons"],"properties":{
"recipient":{"type":"string"},"address":{"type":["string","null"]},
"state":{"enum":["waiting","ended","not_begun","not_a_recipient"]},
"reasons":{"type":"array","description":"what holds it; each must pass","items":{"type":"object",
"required":["what","detail","until"],"properties":{"what":{"type":"string"},"detail":{"type":"string"},
"until":{"type":["string","null"],"format":"date-time","description":"when it ends, if anybody can know"}}}},
"domain":{"type":["string","null"]},"site":{"type":["string","null"]},"provider":{"type":["string","null"]},
"source":{"type":["string","null"]},"attempts":{"type":"integer"},"next_try":{"type":["string","null"]},
"ahead":{"type":"integer","description":"at most so many of the campaign at this domain go out before"},
"last":{"oneOf":[{"$ref":"#/components/schemas/Delivery"},{"type":"null"}],"description":"the last attempt, or the end"}}})");
    tenant_route read;
    read.required = identity::scope::campaigns_read;
    read.text = {.summary = "Recipients: those attempted, newest first, then those that wait. A "
                            "page may be short (even empty) while next_cursor is set",
                 .tag = "campaigns",
                 .response = "Recipient",
                 .is_list = true,
                 .errors = {422}};
    add_tenant_route(router, all, "GET", "/v1/campaigns/{id}/recipients", guarded(list), read);
    read.text = {.summary = "Why a recipient (contact id, address or number) has no mail yet, or "
                            "how it ended",
                 .tag = "campaigns",
                 .response = "RecipientExplanation"};
    add_tenant_route(router, all, "GET", "/v1/campaigns/{id}/recipients/{recipient}:explain",
                     guarded(explain), read);
}

} // namespace hikyaku::api
