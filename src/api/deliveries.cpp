#include "outcome_json.h"
#include "resources.h"

#include <hikyaku/campaign/campaigns.h>

#include <charconv>

namespace hikyaku::api
{
namespace
{

json::value text_or_null(const std::string& text)
{
    return text.empty() ? json::value(nullptr) : json::value(text);
}

http::response list(tenant_call& call)
{
    auto* index = call.all().outcomes;
    if (index == nullptr)
    {
        return unavailable("delivery_off", "the daemon runs without delivery");
    }
    const auto p = read_page(call.request());
    if (p.has_error())
    {
        return p.error();
    }
    const auto contact = crm::parse_contact_id(call.tenant(), call.parameter("id"));
    if (!contact)
    {
        return not_found("contact");
    }
    const auto exists = call.all().crm_data.contacts.get(call.tenant(), *contact);
    if (exists.has_error())
    {
        return to_response(exists.error());
    }
    std::optional<feed::fact_place> before;
    if (!p->cursor.empty())
    {
        before = parse_place(p->cursor);
        if (!before)
        {
            return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
        }
    }
    else
    {
        // A backlog is told by what is missing at the front only: never by a gap.
        static_cast<void>(index->catch_up(call.tenant(), index_wait_max));
    }
    const auto found = index->of_recipient(call.tenant(), {{}, *contact}, before, p->limit);
    if (found.has_error())
    {
        return unavailable("store_damaged", "A part of the results can't be read.");
    }
    json::array data;
    for (const auto& one : found->entries)
    {
        data.emplace_back(outcome_to_json(call, one.what));
    }
    return list_answer(std::move(data),
                       found->next ? std::optional(format_place(*found->next)) : std::nullopt);
}

} // namespace

json::object outcome_to_json(const tenant_call& call, const queue::fact& f)
{
    json::object out{{"campaign", campaign::public_id(f.campaign)},
                     {"event", queue::to_string(f.what)},
                     {"time", call.time(f.at)},
                     {"recipient", f.recipient},
                     {"attempt", f.attempt},
                     {"dup_possible", f.dup_possible}};
    out["code"] = f.code == 0 ? json::value(nullptr) : json::value(f.code);
    out["enhanced"] = text_or_null(f.enhanced);
    out["reply"] = text_or_null(f.reply);
    out["class"] = text_or_null(f.cls);
    out["stage"] = text_or_null(f.stage);
    out["site"] = text_or_null(f.site);
    out["mx"] = text_or_null(f.mx);
    out["source"] = text_or_null(f.source);
    out["next_try"] =
        f.next_try == wall_time{} ? json::value(nullptr) : json::value(call.time(f.next_try));
    return out;
}

std::optional<feed::fact_place> parse_place(std::string_view text)
{
    feed::fact_place out;
    const auto dot = text.find('.');
    if (dot == std::string_view::npos)
    {
        return std::nullopt;
    }
    const auto read = [](std::string_view part, auto& number)
    {
        const auto done = std::from_chars(part.data(), part.data() + part.size(), number);
        return done.ec == std::errc{} && done.ptr == part.data() + part.size();
    };
    return read(text.substr(0, dot), out.block) && read(text.substr(dot + 1), out.index)
               ? std::optional(out)
               : std::nullopt;
}

std::string format_place(const feed::fact_place& p)
{
    return std::to_string(p.block) + "." + std::to_string(p.index);
}

void add_delivery_routes(http::router& router, services& all)
{
    all.routes.add_component(
        "Delivery",
        R"({"type":"object","required":["campaign","event","time","recipient","attempt"],"properties":{
"campaign":{"type":"string"},
"event":{"enum":["delivered","deferred","bounced","unknown","expired","cancelled","suppressed","failed","oob_bounce","complaint"]},
"time":{"type":"string","format":"date-time"},"recipient":{"type":"string"},"attempt":{"type":"integer"},
"code":{"type":["integer","null"]},"enhanced":{"type":["string","null"]},
"reply":{"type":["string","null"],"description":"what the receiving server said, or why nothing was sent"},
"class":{"type":["string","null"]},"stage":{"type":["string","null"]},"site":{"type":["string","null"]},
"mx":{"type":["string","null"]},"source":{"type":["string","null"]},
"next_try":{"type":["string","null"],"format":"date-time"},
"dup_possible":{"type":"boolean","description":"the recipient may already have got it before a crash"}}})");
    tenant_route read;
    read.required = identity::scope::contacts_read;
    read.text = {.summary = "Every attempt and end of a contact over all campaigns, newest first",
                 .tag = "contacts",
                 .response = "Delivery",
                 .is_list = true,
                 .errors = {422}};
    add_tenant_route(router, all, "GET", "/v1/contacts/{id}/deliveries", list, read);
}

} // namespace hikyaku::api
