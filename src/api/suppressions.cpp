#include "resources.h"

#include <hikyaku/api/context.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/crypto/base64.h>

namespace hikyaku::api
{
namespace
{

using identity::scope;

constexpr std::size_t address_chars_max = 320;

json::value suppression_to_json(const tenant_call& call, const crm::suppression& s)
{
    return json::object{
        {"address", s.address},
        {"reason", crm::to_string(s.reason)},
        {"source", s.source},
        {"campaign", s.campaign == campaign_id{} ? json::value(nullptr)
                                                 : json::value(campaign::public_id(s.campaign))},
        {"class", s.cls.empty() ? json::value(nullptr) : json::value(s.cls)},
        {"at", call.time(s.at)},
        {"expires_at", s.expires ? json::value(call.time(*s.expires)) : json::value(nullptr)},
        {"active", s.active(call.now())}};
}

http::response list(tenant_call& call)
{
    const auto p = read_page(call.request(), {"address", "reason"});
    if (!p)
    {
        return p.error();
    }
    std::optional<crm::suppression_reason> only;
    if (const auto reason = call.request().query.find("reason"))
    {
        only = crm::parse_suppression_reason(*reason);
        if (!only)
        {
            return invalid_parameter("reason",
                                     "reason is unsubscribed, complaint, bounce or manual.");
        }
    }
    json::array data;
    if (const auto address = call.request().query.find("address"))
    {
        const auto found = call.all().crm_data.suppressions.find(call.tenant(), *address);
        if (!found)
        {
            return to_response(found.error());
        }
        if (*found && (!only || (**found).reason == *only))
        {
            data.push_back(suppression_to_json(call, **found));
        }
        return list_answer(std::move(data), std::nullopt);
    }
    const auto after = crypto::decode_base64url(p->cursor);
    if (!after)
    {
        return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
    }
    const auto found = call.all().crm_data.suppressions.list(call.tenant(), *after, p->limit, only);
    if (!found)
    {
        return to_response(found.error());
    }
    for (const auto& s : found->entries)
    {
        data.push_back(suppression_to_json(call, s));
    }
    std::optional<std::string> next;
    if (found->next)
    {
        next = crypto::encode_base64url(*found->next);
    }
    return list_answer(std::move(data), std::move(next));
}

http::response add(tenant_call& call)
{
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    crm::suppression s;
    s.address = in.required_string("address", address_chars_max);
    s.source = in.optional_string("source", crm::suppression_source_bytes_max).value_or("api");
    s.reason = in.optional_choice<crm::suppression_reason>(
                     "reason", {{"manual", crm::suppression_reason::manual},
                                {"unsubscribed", crm::suppression_reason::unsubscribed},
                                {"complaint", crm::suppression_reason::complaint},
                                {"bounce", crm::suppression_reason::bounce}})
                   .value_or(crm::suppression_reason::manual);
    if (const auto text = in.optional_string("expires_at", 64))
    {
        const auto t = parse_rfc3339(*text);
        if (t && *t > call.now())
        {
            s.expires = *t;
        }
        else
        {
            in.fail("expires_at", "invalid", t ? "must lie in the future" : t.error().text);
        }
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto stored =
        call.all().crm_data.suppressions.add(call.tenant(), call.actor(), std::move(s));
    return stored ? http::response::json(201, suppression_to_json(call, *stored))
                  : to_response(stored.error());
}

http::response remove(tenant_call& call)
{
    const auto done = call.all().crm_data.suppressions.remove(call.tenant(), call.actor(),
                                                              call.parameter("address"));
    return done ? http::response::empty(204) : to_response(done.error());
}

http::response unsubscribe(tenant_call& call)
{
    const auto number = crm::parse_contact_id(call.tenant(), call.parameter("id"));
    if (!number)
    {
        return not_found("contact");
    }
    const auto stored =
        call.all().crm_data.suppressions.unsubscribe(call.tenant(), call.actor(), *number, "api");
    return stored ? http::response::json(200, suppression_to_json(call, *stored))
                  : to_response(stored.error());
}

} // namespace

void add_suppression_routes(http::router& router, services& all)
{
    all.routes.add_component("SuppressionWrite", R"({"type":"object","required":["address"],
"additionalProperties":false,"properties":{"address":{"type":"string"},
"reason":{"enum":["manual","unsubscribed","complaint","bounce"]},"source":{"type":"string"},
"expires_at":{"type":"string","format":"date-time"}}})");
    all.routes.add_component("Suppression",
                             R"({"type":"object","properties":{"address":{"type":"string"},
"reason":{"enum":["unsubscribed","complaint","bounce","manual"]},
"source":{"type":"string","description":"api, or what the receiving server said"},
"campaign":{"type":["string","null"],"description":"the campaign whose message led to it"},
"class":{"type":["string","null"],"description":"class of the failure, or type of the complaint"},"at":{"type":"string","format":"date-time"},
"expires_at":{"type":["string","null"]},"active":{"type":"boolean"}}})");
    tenant_route read{.required = scope::contacts_read};
    read.text = {.summary = "Lists addresses that get no mail",
                 .tag = "suppressions",
                 .query = {{"address", "Only this address, in any form"},
                           {"reason", "Only of this reason; pages may then be short"}},
                 .response = "Suppression",
                 .is_list = true,
                 .errors = {422}};
    add_tenant_route(router, all, "GET", "/v1/suppressions", list, read);
    tenant_route write{.required = scope::contacts_write};
    write.text = {.summary = "Adds an address; mail to it stops at once",
                  .tag = "suppressions",
                  .request = "SuppressionWrite",
                  .response = "Suppression",
                  .status = 201,
                  .errors = {422}};
    add_tenant_route(router, all, "POST", "/v1/suppressions", add, write);
    write.text = {.summary = "Removes an address", .tag = "suppressions", .status = 204};
    add_tenant_route(router, all, "DELETE", "/v1/suppressions/{address}", remove, write);
    write.text = {.summary = "Unsubscribes a contact: suppresses its address",
                  .tag = "contacts",
                  .response = "Suppression",
                  .errors = {422}};
    add_tenant_route(router, all, "POST", "/v1/contacts/{id}:unsubscribe", unsubscribe, write);
}

} // namespace hikyaku::api
