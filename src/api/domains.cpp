#include "resources.h"

#include <hikyaku/api/context.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/text/idn.h>

#include <algorithm>

namespace hikyaku::api
{
namespace
{

using identity::scope;

/// Campaigns looked at at once.
constexpr std::size_t campaigns_page = 1'000;

json::value checks_to_json(const tenant_call& call, const identity::domain_checks& c)
{
    return json::object{
        {"dkim", c.dkim},
        {"spf", c.spf},
        {"return_path", c.return_path},
        {"dmarc", c.dmarc},
        {"checked_at", c.checked ? json::value(call.time(*c.checked)) : json::value(nullptr)}};
}

json::value domain_to_json(const tenant_call& call, const identity::sender_domain& d)
{
    json::array records;
    for (const auto& r : call.all().domains.records_of(d))
    {
        records.push_back(json::object{
            {"type", r.type}, {"name", r.name}, {"value", r.value}, {"purpose", r.purpose}});
    }
    return json::object{
        {"id", identity::public_domain_id(d.id)},     {"domain", d.domain},
        {"return_path_domain", d.return_path_domain}, {"records", std::move(records)},
        {"checks", checks_to_json(call, d.checks)},   {"created_at", call.time(d.created)}};
}

http::response list(tenant_call& call)
{
    const auto p = read_page(call.request());
    if (!p)
    {
        return p.error();
    }
    const auto after =
        p->cursor.empty() ? std::optional<std::uint64_t>(0) : identity::parse_domain_id(p->cursor);
    if (!after)
    {
        return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
    }
    const auto found = call.all().domains.list(call.tenant(), *after, p->limit);
    if (!found)
    {
        return to_response(found.error());
    }
    json::array data;
    for (const auto& d : *found)
    {
        data.push_back(domain_to_json(call, d));
    }
    std::optional<std::string> next;
    if (found->size() == p->limit)
    {
        next = identity::public_domain_id(found->back().id);
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
    const auto domain = in.required_string("domain", identity::sender_domains::domain_bytes_max);
    const bool ed25519 = in.optional_bool("ed25519").value_or(true);
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto made = call.all().domains.add(call.actor(), call.tenant(), domain, ed25519);
    return made ? http::response::json(201, domain_to_json(call, *made))
                : to_response(made.error());
}

http::response show_as(tenant_call& call, const std::string& text, unsigned status)
{
    const auto id = identity::parse_domain_id(text);
    if (!id)
    {
        return not_found("domain");
    }
    const auto found = call.all().domains.find(call.tenant(), *id);
    if (!found)
    {
        return to_response(found.error());
    }
    return *found ? http::response::json(status, domain_to_json(call, **found))
                  : not_found("domain");
}

/// Whether messages of the campaign are still to be signed.
bool is_open(queue::campaign_state s)
{
    switch (s)
    {
    case queue::campaign_state::scheduled:
    case queue::campaign_state::expanding:
    case queue::campaign_state::sending:
    case queue::campaign_state::paused:
        return true;
    case queue::campaign_state::draft: // starting it tells that the domain is missing
    case queue::campaign_state::finished:
    case queue::campaign_state::cancelled:
        return false;
    }
    __builtin_unreachable();
}

bool sends_from(const campaign::campaign_row& row, const identity::sender_domain& d)
{
    const auto& from = row.source.from_email;
    const auto ascii = text::domain_to_ascii(std::string_view(from).substr(from.rfind('@') + 1));
    return is_open(row.life.state) && ascii.has_value() && *ascii == d.domain;
}

/// Tells of a campaign that the domain is needed for.
std::optional<std::string> find_user(const tenant_call& call, const identity::sender_domain& d)
{
    const auto* campaigns = call.all().campaigns;
    std::uint64_t before = 0;
    while (campaigns != nullptr)
    {
        const auto rows = campaigns->list(call.tenant(), before, campaigns_page);
        const auto user = std::find_if(rows.begin(), rows.end(),
                                       [&](const auto& row) { return sends_from(row, d); });
        if (user != rows.end())
        {
            return campaign::public_id(user->id) + " sends from this domain and is " +
                   std::string(queue::to_string(user->life.state)) +
                   ": let it finish or cancel it first.";
        }
        if (rows.size() < campaigns_page)
        {
            break;
        }
        before = rows.back().id.value;
    }
    return std::nullopt;
}

http::response remove(tenant_call& call)
{
    const auto id = identity::parse_domain_id(call.parameter("id"));
    if (!id)
    {
        return not_found("domain");
    }
    const auto done = call.all().domains.remove(call.actor(), call.tenant(), *id,
                                                [&](const identity::sender_domain& d)
                                                { return find_user(call, d); });
    if (done.has_value())
    {
        return http::response::empty(204);
    }
    if (done.error().kind == identity::problem_kind::conflict)
    {
        return http::response::problem(
            {.status = 409, .code = "domain_in_use", .detail = done.error().text});
    }
    return to_response(done.error());
}

} // namespace

void add_domain_routes(http::router& router, services& all)
{
    all.routes.add_component("DomainWrite", R"({"type":"object","required":["domain"],
"additionalProperties":false,"properties":{"domain":{"type":"string"},"ed25519":{"type":"boolean"}}})");
    all.routes.add_component("Domain", R"({"type":"object","properties":{"id":{"type":"string"},
"domain":{"type":"string"},"return_path_domain":{"type":"string"},"records":{"type":"array",
"description":"what to publish in the DNS","items":{"type":"object","properties":{"type":{"type":"string"},
"name":{"type":"string"},"value":{"type":"string"},"purpose":{"type":"string"}}}},
"checks":{"type":"object"},"created_at":{"type":"string","format":"date-time"}}})");
    tenant_route read{.required = scope::domains_read};
    read.text = {.summary = "Lists sender domains",
                 .tag = "domains",
                 .response = "Domain",
                 .is_list = true,
                 .errors = {422}};
    add_tenant_route(router, all, "GET", "/v1/domains", list, read);
    read.text = {.summary = "Shows a sender domain with the DNS records to publish",
                 .tag = "domains",
                 .response = "Domain"};
    add_tenant_route(
        router, all, "GET", "/v1/domains/{id}",
        [](tenant_call& call) { return show_as(call, call.parameter("id"), 200); }, read);
    tenant_route write{.required = scope::domains_write};
    write.text = {.summary = "Adds a sender domain and makes its DKIM keys",
                  .tag = "domains",
                  .request = "DomainWrite",
                  .response = "Domain",
                  .status = 201,
                  .errors = {409, 422}};
    write.replay = [](tenant_call& call, const std::string& object)
    { return show_as(call, object, 201); };
    add_tenant_route(router, all, "POST", "/v1/domains", add, write);
    write.replay = {};
    write.text = {.summary = "Removes a sender domain and erases its keys; refused (domain_in_use) "
                             "while a campaign that is scheduled, sending or paused uses it",
                  .tag = "domains",
                  .status = 204,
                  .errors = {409}};
    add_tenant_route(router, all, "DELETE", "/v1/domains/{id}", remove, write);
}

} // namespace hikyaku::api
