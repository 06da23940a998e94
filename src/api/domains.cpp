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

json::value record_to_json(const identity::dns_record& r)
{
    return json::object{
        {"type", r.type}, {"name", r.name}, {"value", r.value}, {"purpose", r.purpose}};
}

json::value optional_time(const tenant_call& call, const std::optional<wall_time>& t)
{
    return t ? json::value(call.time(*t)) : json::value(nullptr);
}

json::value finding_to_json(const tenant_call& call, const identity::check_finding& f)
{
    return json::object{{"check", identity::to_string(f.what)},
                        {"state", identity::to_string(f.state)},
                        {"in_force", identity::to_string(identity::state_in_force(f, call.now()))},
                        {"about", f.about},
                        {"seen", f.seen},
                        {"expected", f.expected},
                        {"record", f.record ? record_to_json(*f.record) : json::value(nullptr)},
                        {"last_state_at", optional_time(call, f.last_at)}};
}

json::value checks_to_json(const tenant_call& call, const identity::domain_checks& c)
{
    json::array findings;
    for (const auto& f : c.findings)
    {
        findings.push_back(finding_to_json(call, f));
    }
    const bool checked = c.checked.has_value();
    return json::object{{"state", checked
                                      ? identity::to_string(identity::overall_state(c, call.now()))
                                      : "not_checked"},
                        {"dkim", c.dkim},
                        {"spf", c.spf},
                        {"return_path", c.return_path},
                        {"dmarc", c.dmarc},
                        {"checked_at", optional_time(call, c.checked)},
                        {"findings", std::move(findings)}};
}

/// What its owner does about a key's record now.
const char* key_advice(identity::key_state s)
{
    switch (s)
    {
    case identity::key_state::pending:
        return "publish its record: signing switches to it once every name server shows it";
    case identity::key_state::active:
        return "keep its record";
    case identity::key_state::retiring:
        return "keep its record: mail under way is signed with it";
    case identity::key_state::gone:
        return "its record may be removed";
    }
    __builtin_unreachable();
}

json::value keys_to_json(const tenant_call& call, const identity::sender_domain& d)
{
    json::array out;
    for (const auto& key : d.keys)
    {
        out.push_back(json::object{{"selector", key.selector},
                                   {"algorithm", dkim::to_text(key.kind)},
                                   {"state", identity::to_string(key.state)},
                                   {"since", optional_time(call, key.since)},
                                   {"seen_since", optional_time(call, key.seen)},
                                   {"record_name", key.selector + "._domainkey." + d.domain},
                                   {"advice", key_advice(key.state)}});
    }
    return out;
}

json::value domain_to_json(const tenant_call& call, const identity::sender_domain& d)
{
    json::array records;
    for (const auto& r : call.all().domains.records_of(d))
    {
        records.push_back(record_to_json(r));
    }
    return json::object{{"id", identity::public_domain_id(d.id)},
                        {"domain", d.domain},
                        {"return_path_domain", d.return_path_domain},
                        {"records", std::move(records)},
                        {"keys", keys_to_json(call, d)},
                        {"checks", checks_to_json(call, d.checks)},
                        {"created_at", call.time(d.created)}};
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

http::response check(tenant_call& call)
{
    const auto id = identity::parse_domain_id(call.parameter("id"));
    if (!id)
    {
        return not_found("domain");
    }
    if (call.all().watch == nullptr)
    {
        return unavailable("delivery_off", "the daemon runs without delivery");
    }
    const auto done = call.all().watch->check(call.actor(), call.tenant(), *id);
    return done ? http::response::json(200, domain_to_json(call, *done))
                : to_response(done.error());
}

http::response rotate(tenant_call& call)
{
    const auto id = identity::parse_domain_id(call.parameter("id"));
    if (!id)
    {
        return not_found("domain");
    }
    const auto done = call.all().domains.rotate(call.actor(), call.tenant(), *id);
    return done ? http::response::json(200, domain_to_json(call, *done))
                : to_response(done.error());
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
"keys":{"type":"array","description":"DKIM keys: pending, active (signs), retiring, gone","items":{"type":"object",
"properties":{"selector":{"type":"string"},"algorithm":{"type":"string"},
"state":{"enum":["pending","active","retiring","gone"]},"since":{"type":["string","null"]},
"seen_since":{"type":["string","null"]},"record_name":{"type":"string"},"advice":{"type":"string"}}}},
"checks":{"type":"object","properties":{"state":{"enum":["ok","warn","fail","unknown","not_checked"]},
"dkim":{"type":"boolean"},"spf":{"type":"boolean"},"return_path":{"type":"boolean"},"dmarc":{"type":"boolean"},
"checked_at":{"type":["string","null"]},"findings":{"type":"array","items":{"type":"object","properties":{
"check":{"enum":["dkim","spf","return_path_spf","return_path_mx","dmarc","alignment","from_mx","ptr","envelope_spf"]},
"state":{"enum":["ok","warn","fail","unknown"]},"in_force":{"enum":["ok","warn","fail","unknown"]},
"about":{"type":"string"},"seen":{"type":"string"},"expected":{"type":"string"},
"record":{"type":["object","null"]},"last_state_at":{"type":["string","null"]}}}}}},"created_at":{"type":"string","format":"date-time"}}})");
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
    write.replay = [](tenant_call& call, const std::string& object)
    { return show_as(call, object, 200); };
    write.text = {.summary = "Checks the records of a sender domain now; takes 20 seconds at most",
                  .tag = "domains",
                  .response = "Domain"};
    add_tenant_route(router, all, "POST", "/v1/domains/{id}:check", check, write);
    write.text = {.summary = "Makes new DKIM keys; signing switches to them once their records are "
                             "seen",
                  .tag = "domains",
                  .response = "Domain",
                  .errors = {409}};
    add_tenant_route(router, all, "POST", "/v1/domains/{id}:rotate", rotate, write);
    write.replay = {};
    write.text = {.summary = "Removes a sender domain and erases its keys; refused (domain_in_use) "
                             "while a campaign that is scheduled, sending or paused uses it",
                  .tag = "domains",
                  .status = 204,
                  .errors = {409}};
    add_tenant_route(router, all, "DELETE", "/v1/domains/{id}", remove, write);
}

} // namespace hikyaku::api
