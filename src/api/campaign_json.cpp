#include "campaign_json.h"

#include "breaker_json.h"

#include <hikyaku/base/time.h>
#include <hikyaku/segment/condition.h>

#include <algorithm>

namespace hikyaku::api
{
namespace
{

using campaign::audience_kind;

constexpr std::size_t name_chars_max = 255;
constexpr std::size_t subject_chars_max = 10'000;
constexpr std::size_t content_chars_max = 1u << 20;
constexpr std::size_t headers_max = 50;
constexpr std::size_t variables_max = 1'000;
constexpr std::size_t contacts_max = 100'000;
constexpr std::size_t address_chars_max = 320;

/// Header text in one line: a line break in it is a mistake, or an attempt at a header of its own.
void refuse_controls(http::object_reader& in, std::string_view pointer, std::string_view text)
{
    const bool has_control = std::any_of(text.begin(), text.end(),
                                         [](char c)
                                         {
                                             const auto byte = static_cast<unsigned char>(c);
                                             return (byte < 0x20 && c != '\t') || byte == 0x7f;
                                         });
    if (has_control)
    {
        in.fail(std::string(pointer), "invalid", "must not hold line breaks or control characters");
    }
}

void read_from(http::object_reader& in, campaign::definition& d)
{
    auto from = in.required_object("from");
    d.from_email = from.required_string("email", address_chars_max);
    d.from_name = from.optional_string("name", name_chars_max).value_or("");
    refuse_controls(from, "name", d.from_name);
}

void read_headers(http::object_reader& in, campaign::definition& d)
{
    const auto* headers = in.optional_free_object("headers", headers_max);
    if (headers == nullptr)
    {
        return;
    }
    for (const auto& member : *headers)
    {
        const std::string name(member.key());
        if (!member.value().is_string())
        {
            in.fail("headers/" + escape_pointer(name), "wrong_type", "must be a string");
            continue;
        }
        d.headers.emplace_back(name, std::string(member.value().get_string()));
        refuse_controls(in, "headers/" + escape_pointer(name), d.headers.back().second);
    }
}

void read_unsubscribe(http::object_reader& in, campaign::definition& d)
{
    auto offer = in.optional_object("unsubscribe");
    if (!offer)
    {
        return;
    }
    campaign::unsubscribe_offer u;
    u.url = offer->optional_string("url", 2'000).value_or("");
    u.mailto = offer->optional_string("mailto", 2'000).value_or("");
    u.one_click = offer->optional_bool("one_click").value_or(false);
    if (u.url.empty() && u.mailto.empty())
    {
        offer->fail("", "missing", "give url, mailto or both");
    }
    if (u.one_click && !u.url.starts_with("https://"))
    {
        offer->fail("url", "invalid", "one-click unsubscribing needs an https URL (RFC 8058)");
    }
    d.unsubscribe = std::move(u);
}

/// The condition is checked against the fields now, so that the mistake is told at once.
void read_where(tenant_call& call, http::object_reader& audience, const json::value& tree,
                campaign::definition& d)
{
    const auto schema = call.all().crm_data.schemas.get(call.tenant());
    if (schema.has_error())
    {
        audience.fail("where", "unavailable", schema.error().text);
        return;
    }
    const auto names = (*schema)->names();
    const auto compiled = segment::compile(tree, (*schema)->finder(), {{}, true, names});
    if (compiled.has_error())
    {
        const auto errors = compiled.error();
        for (const auto& e : errors)
        {
            audience.fail("where" + e.pointer, e.code, e.text);
        }
        return;
    }
    d.audience.kind = audience_kind::where;
    d.audience.text = segment::canonical_json(*compiled);
}

void read_contacts(tenant_call& call, http::object_reader& audience, campaign::definition& d)
{
    d.audience.kind = audience_kind::contacts;
    const auto ids = audience.strings("contacts", contacts_max, 64);
    for (std::size_t i = 0; i < ids.size(); ++i)
    {
        const auto number = crm::parse_contact_id(call.tenant(), ids[i]);
        if (!number)
        {
            audience.fail("contacts/" + std::to_string(i), "not_found",
                          "there is no contact with this id");
            continue;
        }
        d.audience.ordinals.push_back(number->value);
    }
    std::sort(d.audience.ordinals.begin(), d.audience.ordinals.end());
    d.audience.ordinals.erase(std::unique(d.audience.ordinals.begin(), d.audience.ordinals.end()),
                              d.audience.ordinals.end());
}

void read_recipients(http::object_reader& audience, campaign_request& out)
{
    out.source.audience.kind = audience_kind::recipients;
    auto given = audience.objects("recipients", campaign::campaigns::recipients_inline_max);
    for (auto& one : given)
    {
        campaign::given_recipient r;
        r.email = one.required_string("email", address_chars_max);
        r.name = one.optional_string("name", name_chars_max).value_or("");
        const auto* variables = one.optional_free_object("variables", variables_max);
        r.variables = variables != nullptr ? to_json_text(*variables) : "{}";
        out.recipients.push_back(std::move(r));
    }
}

void read_audience(tenant_call& call, http::object_reader& in, campaign_request& out)
{
    auto audience = in.required_object("audience");
    const bool where = audience.has("where");
    const bool contacts = audience.has("contacts");
    const bool recipients = audience.has("recipients");
    const bool upload = audience.has("upload");
    if (!in.has("audience"))
    {
        return;
    }
    if (audience.has("segment"))
    {
        (void)audience.optional_any("segment");
        audience.fail("segment", "not_available",
                      "saved segments are not part of this release: give the condition as "
                      "{\"where\": …}");
        return;
    }
    if (where + contacts + recipients + upload != 1)
    {
        audience.fail("", "invalid", "give exactly one of where, contacts, recipients and upload");
    }
    if (where)
    {
        if (const auto* tree = audience.required_any("where"))
        {
            read_where(call, audience, *tree, out.source);
        }
    }
    else if (contacts)
    {
        read_contacts(call, audience, out.source);
    }
    else if (recipients)
    {
        read_recipients(audience, out);
    }
    else if (upload)
    {
        out.source.audience.kind = audience_kind::upload;
        out.source.audience.text = audience.required_string("upload", 64);
        if (call.all().crm_data.uploads.find(call.tenant(), out.source.audience.text).has_error())
        {
            audience.fail("upload", "not_found", "there is no upload with this id");
        }
    }
}

void read_times(http::object_reader& in, campaign::definition& d)
{
    if (const auto text = in.optional_string("send_at", 64))
    {
        const auto t = parse_rfc3339(*text);
        if (t.has_error())
        {
            in.fail("send_at", "invalid", t.error().text);
        }
        else
        {
            d.send_at = *t;
        }
    }
    if (const auto text = in.optional_string("expires_after", 32))
    {
        const auto length = parse_duration(*text);
        if (length.has_error() || *length > std::chrono::hours{24 * 30})
        {
            in.fail("expires_after", "invalid",
                    length.has_error() ? length.error().text : "at most 30d");
        }
        else
        {
            d.expires_after = *length;
        }
    }
}

json::object audience_to_json(const tenant_call& call, const campaign::audience& a)
{
    json::object out;
    switch (a.kind)
    {
    case audience_kind::where:
    {
        auto tree = parse_json(a.text);
        out["where"] = tree.has_value() ? *tree : json::value(nullptr);
        break;
    }
    case audience_kind::contacts:
    {
        json::array ids;
        for (const auto o : a.ordinals)
        {
            ids.emplace_back(crm::contact_public_id(call.tenant(), ordinal{o}));
        }
        out["contacts"] = std::move(ids);
        break;
    }
    case audience_kind::recipients:
        out["recipients_count"] = a.count;
        break;
    case audience_kind::upload:
        out["upload"] = a.text;
        break;
    }
    return out;
}

} // namespace

result<campaign_request, http::response> read_campaign(tenant_call& call, const json::value& body)
{
    http::object_reader in(body);
    campaign_request out;
    auto& d = out.source;
    d.name = in.required_string("name", name_chars_max);
    d.folder = in.optional_string("folder", name_chars_max).value_or("");
    read_from(in, d);
    d.reply_to = in.optional_string("reply_to", address_chars_max).value_or("");
    d.subject = in.required_string("subject", subject_chars_max);
    refuse_controls(in, "subject", d.subject);
    d.text = in.optional_string("text", content_chars_max).value_or("");
    d.html = in.optional_string("html", content_chars_max).value_or("");
    read_audience(call, in, out);
    if (const auto* variables = in.optional_free_object("variables", variables_max))
    {
        d.variables = to_json_text(*variables);
    }
    read_headers(in, d);
    read_unsubscribe(in, d);
    d.feedback_id = in.optional_string("feedback_id", 127).value_or("");
    read_times(in, d);
    d.topic = in.optional_string("topic", name_chars_max).value_or("");
    d.transactional =
        in.optional_choice<bool>("stream", {{"broadcast", false}, {"transactional", true}})
            .value_or(false);
    d.pool = in.optional_string("pool", 64).value_or("default");
    if (d.pool != "default")
    {
        in.fail("pool", "not_allowed", "this release sends from the pool \"default\" only");
    }
    d.sandbox = in.optional_bool("sandbox").value_or(false);
    d.alignment_override = in.optional_bool("alignment_override").value_or(false);
    d.breaker = read_breaker(in);
    d.once_per_address =
        in.optional_choice<bool>("duplicates", {{"once", true}, {"each", false}}).value_or(true);
    (void)in.optional_choice<int>("charset", {{"utf-8", 0}});
    if (auto tracking = in.optional_object("tracking"))
    {
        for (const char* what : {"opens", "clicks"})
        {
            if (tracking->optional_bool(what).value_or(false))
            {
                tracking->fail(what, "not_available", "tracking is not part of this release");
            }
        }
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    return out;
}

json::object campaign_to_json(const tenant_call& call, const campaign::campaign_row& row)
{
    const auto& d = row.source;
    json::object out;
    out["id"] = campaign::public_id(row.id);
    out["name"] = d.name;
    out["folder"] = d.folder;
    out["state"] = queue::to_string(row.life.state);
    out["from"] = json::object{{"email", d.from_email}, {"name", d.from_name}};
    out["reply_to"] = d.reply_to.empty() ? json::value(nullptr) : json::value(d.reply_to);
    out["subject"] = d.subject;
    out["text"] = d.text;
    out["html"] = d.html;
    out["audience"] = audience_to_json(call, d.audience);
    auto variables = parse_json(d.variables);
    out["variables"] = variables.has_value() ? *variables : json::value(json::object{});
    json::object headers;
    for (const auto& [name, value] : d.headers)
    {
        headers[name] = value;
    }
    out["headers"] = std::move(headers);
    out["stream"] = d.transactional ? "transactional" : "broadcast";
    out["topic"] = d.topic;
    out["pool"] = d.pool;
    out["sandbox"] = d.sandbox;
    out["alignment_override"] = d.alignment_override;
    out["breaker"] = d.breaker ? json::value(breaker_to_json(*d.breaker)) : json::value(nullptr);
    const bool paused_itself = row.life.state == queue::campaign_state::paused &&
                               row.came_back.cause != campaign::breaker_cause::none;
    out["paused_reason"] = paused_itself ? json::value(campaign::to_string(row.came_back.cause))
                                         : json::value(nullptr);
    out["paused_detail"] = paused_itself ? json::value(row.came_back.detail) : json::value(nullptr);
    out["duplicates"] = d.once_per_address ? "once" : "each";
    out["created_at"] = call.time(row.created);
    const bool started =
        row.life.state != queue::campaign_state::draft && row.life.send_at != wall_time{};
    out["send_at"] = started     ? json::value(call.time(row.life.send_at))
                     : d.send_at ? json::value(call.time(*d.send_at))
                                 : json::value(nullptr);
    out["expires_at"] =
        started ? json::value(call.time(row.life.expires_at)) : json::value(nullptr);
    if (!row.warnings.empty())
    {
        json::array warnings;
        for (const auto& w : row.warnings)
        {
            warnings.push_back(
                json::object{{"pointer", w.pointer}, {"code", w.code}, {"detail", w.text}});
        }
        out["warnings"] = std::move(warnings);
    }
    return out;
}

json::object report_to_json(const tenant_call& call, const campaign::campaign_row& row,
                            const campaign::report& r)
{
    using queue::disposition;
    json::object out;
    out["id"] = campaign::public_id(row.id);
    out["name"] = row.source.name;
    out["state"] = queue::to_string(r.state);
    out["audience"] = r.audience;
    out["recipients"] = r.recipients;
    for (const auto d :
         {disposition::delivered, disposition::bounced, disposition::unknown, disposition::expired,
          disposition::cancelled, disposition::suppressed, disposition::failed})
    {
        out[queue::to_string(d)] = r.counts.of(d);
    }
    out["pending"] = r.pending;
    out["in_flight"] = r.in_flight;
    out["deferred"] = r.counts.deferred_now;
    out["attempts"] = r.counts.attempts;
    // Beside the sum: these recipients are counted as delivered.
    out["oob_bounced"] = r.came_back.oob_bounced;
    out["complaints"] = r.came_back.complaints;
    out["left_out"] = json::object{{"duplicates", r.duplicates},
                                   {"no_address", r.no_address},
                                   {"invalid_address", r.invalid_address}};
    out["expansion_complete"] = r.expansion_complete;
    const bool started = row.life.send_at != wall_time{};
    out["started_at"] = started ? json::value(call.time(row.life.send_at)) : json::value(nullptr);
    out["expires_at"] =
        started ? json::value(call.time(row.life.expires_at)) : json::value(nullptr);
    return out;
}

http::response to_response(const campaign::campaign_error& e)
{
    using kind = campaign::campaign_error::kind;
    http::problem p;
    p.detail = e.text;
    switch (e.code)
    {
    case kind::not_found:
        return not_found("campaign");
    case kind::conflict:
        p.status = 409;
        p.code = "campaign_state";
        break;
    case kind::unavailable:
        p.status = 503;
        p.code = "unavailable";
        p.retry_after = retry_after_s;
        break;
    case kind::not_aligned:
    case kind::invalid:
        p.status = 422;
        p.code = e.code == kind::invalid ? "invalid_fields" : "not_aligned";
        for (const auto& one : e.errors)
        {
            p.errors.push_back({one.pointer, one.code, one.text});
        }
        break;
    }
    return http::response::problem(std::move(p));
}

} // namespace hikyaku::api
