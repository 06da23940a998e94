#include "contact_input.h"
#include "resources.h"

#include <hikyaku/api/context.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/feedback/error_counter.h>
#include <hikyaku/mime/address.h>

namespace hikyaku::api
{
namespace
{

using identity::scope;

/// Contacts are answered with the schema of the moment.
using contact_action = http::response (*)(tenant_call&, const crm::schema&);

tenant_handler with_schema(contact_action run)
{
    return [run](tenant_call& call)
    {
        const auto s = call.all().crm_data.schemas.get(call.tenant());
        return s ? run(call, **s) : to_response(s.error());
    };
}

http::response contact_failure(const crm::problem& p)
{
    return to_response(p, "/fields/");
}

http::response list(tenant_call& call, const crm::schema& s)
{
    const auto p = read_page(call.request());
    if (!p)
    {
        return p.error();
    }
    const auto after = p->cursor.empty() ? std::optional(ordinal{0})
                                         : crm::parse_contact_id(call.tenant(), p->cursor);
    if (!after)
    {
        return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
    }
    const auto found = call.all().crm_data.contacts.list(call.tenant(), *after, p->limit);
    if (!found)
    {
        return contact_failure(found.error());
    }
    json::array data;
    for (const auto& c : found->contacts)
    {
        data.push_back(crm::to_json(call.tenant(), s, c, false, call.offset_minutes()));
    }
    std::optional<std::string> next;
    if (found->next)
    {
        next = crm::contact_public_id(call.tenant(), *found->next);
    }
    return list_answer(std::move(data), std::move(next));
}

http::response create(tenant_call& call, const crm::schema& s)
{
    auto fields = read_contact_fields(call, s);
    if (!fields)
    {
        return fields.error();
    }
    const auto made =
        call.all().crm_data.contacts.create(call.tenant(), call.actor(), std::move(*fields));
    if (!made)
    {
        return contact_failure(made.error());
    }
    auto out = contact_answer(call, s, *made, 201);
    out.set_header("Location",
                   "/v1/contacts/" + crm::contact_public_id(call.tenant(), made->number));
    return out;
}

/// How mail to the contact's address fares: {"errors", "last_error", "suppressed"}; null without an
/// address.
json::value mail_state(const tenant_call& call, const crm::contact& c)
{
    const auto* email = c.find(crm::email_field);
    const auto* text = email != nullptr ? std::get_if<std::string>(email) : nullptr;
    const auto address = mime::parse_address(text != nullptr ? *text : std::string());
    const auto rows = call.all().db.find_tenant(call.tenant());
    if (address.has_error() || rows == nullptr)
    {
        return nullptr;
    }
    const auto normalized = address->normalized();
    const auto counter = feedback::find_counter(*rows, normalized);
    const auto entry = call.all().crm_data.suppressions.find(call.tenant(), normalized);
    const bool suppressed = entry.has_value() && *entry && (**entry).active(call.now());
    json::object out{{"errors", 0}, {"last_error", nullptr}, {"suppressed", nullptr}};
    if (counter.has_value() && *counter)
    {
        const auto& e = **counter;
        out["errors"] = e.suppressed && !suppressed ? 0 : e.score;
        if (e.at != wall_time{})
        {
            out["last_error"] = json::object{{"class", e.cls},
                                             {"campaign", campaign::public_id(e.campaign)},
                                             {"at", call.time(e.at)}};
        }
    }
    if (suppressed)
    {
        out["suppressed"] = json::object{
            {"reason", crm::to_string((**entry).reason)},
            {"expires_at", (**entry).expires ? json::value(call.time(*(**entry).expires))
                                             : json::value(nullptr)}};
    }
    return out;
}

http::response show_number(tenant_call& call, const crm::schema& s, ordinal number, unsigned status)
{
    const auto found = call.all().crm_data.contacts.get(call.tenant(), number);
    if (!found)
    {
        return contact_failure(found.error());
    }
    auto out = crm::to_json(call.tenant(), s, *found, false, call.offset_minutes());
    out["mail"] = mail_state(call, *found);
    auto answer = http::response::json(status, out);
    answer.set_header("ETag", "\"" + std::to_string(found->revision) + "\"");
    return answer;
}

http::response show(tenant_call& call, const crm::schema& s)
{
    const auto number = crm::parse_contact_id(call.tenant(), call.parameter("id"));
    return number ? show_number(call, s, *number, 200) : not_found("contact");
}

/// Fields that the body leaves out are erased by PUT and kept by PATCH.
void erase_others(const crm::schema& s, crm::values& given)
{
    crm::values all;
    auto at = given.begin();
    for (const auto& f : s.fields())
    {
        if (at != given.end() && at->first == f.id)
        {
            all.push_back(std::move(*at++));
        }
        else
        {
            all.emplace_back(f.id, crm::value());
        }
    }
    given = std::move(all);
}

http::response update(tenant_call& call, const crm::schema& s)
{
    const auto number = crm::parse_contact_id(call.tenant(), call.parameter("id"));
    if (!number)
    {
        return not_found("contact");
    }
    const auto revision = read_if_match(call.request());
    if (!revision)
    {
        return revision.error();
    }
    auto fields = read_contact_fields(call, s);
    if (!fields)
    {
        return fields.error();
    }
    if (call.request().method == "PUT")
    {
        erase_others(s, *fields);
    }
    const auto stored = call.all().crm_data.contacts.update(call.tenant(), call.actor(), *number,
                                                            std::move(*fields), *revision);
    return stored ? contact_answer(call, s, *stored, 200) : contact_failure(stored.error());
}

http::response remove(tenant_call& call, const crm::schema&)
{
    const auto number = crm::parse_contact_id(call.tenant(), call.parameter("id"));
    if (!number)
    {
        return not_found("contact");
    }
    const auto revision = read_if_match(call.request());
    if (!revision)
    {
        return revision.error();
    }
    const auto done =
        call.all().crm_data.contacts.remove(call.tenant(), call.actor(), *number, *revision);
    return done ? http::response::empty(204) : contact_failure(done.error());
}

struct key_of_path
{
    const crm::field* field = nullptr;
    crm::value value;
};

result<key_of_path, http::response> read_key(tenant_call& call, const crm::schema& s)
{
    const auto* field = s.find(call.parameter("field"));
    if (field == nullptr || !field->update_key)
    {
        return http::response::problem(
            {.status = 404,
             .code = "not_found",
             .detail = "There is no update key field with this name or label."});
    }
    auto value = crm::parse_value(*field, std::string_view(call.parameter("value")));
    if (!value || crm::is_none(*value))
    {
        return invalid_field("", "invalid",
                             "The value in the path is not one of the field's type.");
    }
    return key_of_path{field, std::move(*value)};
}

http::response show_by_key(tenant_call& call, const crm::schema& s)
{
    const auto key = read_key(call, s);
    if (!key)
    {
        return key.error();
    }
    const auto number =
        call.all().crm_data.contacts.find(call.tenant(), key->field->id, key->value);
    if (!number)
    {
        return contact_failure(number.error());
    }
    return *number ? show_number(call, s, **number, 200) : not_found("contact");
}

http::response upsert(tenant_call& call, const crm::schema& s)
{
    const auto key = read_key(call, s);
    if (!key)
    {
        return key.error();
    }
    auto fields = read_contact_fields(call, s);
    if (!fields)
    {
        return fields.error();
    }
    const auto done = call.all().crm_data.contacts.upsert(
        call.tenant(), call.actor(), key->field->id, key->value, std::move(*fields));
    if (!done)
    {
        return contact_failure(done.error());
    }
    return contact_answer(call, s, done->stored, done->created ? 201 : 200);
}

route_text text(std::string summary, std::string request, std::string response, unsigned status)
{
    return {.summary = std::move(summary),
            .tag = "contacts",
            .request = std::move(request),
            .response = std::move(response),
            .status = status,
            .errors = {409, 422}};
}

} // namespace

void add_contact_routes(http::router& router, services& all)
{
    all.routes.add_component("ContactWrite", R"({"type":"object","required":["fields"],
"additionalProperties":false,"properties":{"fields":{"$ref":"#/components/schemas/ContactFields"}}})");
    all.routes.add_component("Contact", R"({"type":"object",
"required":["id","revision","created_at","updated_at","fields"],"properties":{
"id":{"type":"string"},"revision":{"type":"integer"},
"created_at":{"type":"string","format":"date-time"},"updated_at":{"type":"string","format":"date-time"},
"fields":{"$ref":"#/components/schemas/ContactFields"},
"mail":{"type":["object","null"],"description":"of a single contact: how mail to its address fares","properties":{
"errors":{"type":"integer","description":"the error counter; see the setting bounce_threshold"},
"last_error":{"type":["object","null"],"properties":{"class":{"type":"string"},"campaign":{"type":"string"},"at":{"type":"string","format":"date-time"}}},
"suppressed":{"type":["object","null"],"properties":{"reason":{"type":"string"},"expires_at":{"type":["string","null"]}}}}}}})");
    tenant_route read{.required = scope::contacts_read};
    read.text = text("Lists contacts, oldest first", "", "Contact", 200);
    read.text.is_list = true;
    add_tenant_route(router, all, "GET", "/v1/contacts", with_schema(list), read);
    read.text = text("Shows a contact; its ETag is the revision", "", "Contact", 200);
    add_tenant_route(router, all, "GET", "/v1/contacts/{id}", with_schema(show), read);
    read.text = text("Finds a contact by an update key field", "", "Contact", 200);
    add_tenant_route(router, all, "GET", "/v1/contacts/by/{field}/{value}",
                     with_schema(show_by_key), read);

    tenant_route write{.required = scope::contacts_write};
    write.text = text("Creates a contact", "ContactWrite", "Contact", 201);
    write.replay = [](tenant_call& call, const std::string& object)
    {
        const auto s = call.all().crm_data.schemas.get(call.tenant());
        const auto number = crm::parse_contact_id(call.tenant(), object);
        return s && number ? show_number(call, **s, *number, 201) : not_found("contact");
    };
    add_tenant_route(router, all, "POST", "/v1/contacts", with_schema(create), write);
    write.replay = {};
    write.text = text("Changes the given fields (null erases); 409 when If-Match is another "
                      "revision",
                      "ContactWrite", "Contact", 200);
    add_tenant_route(router, all, "PATCH", "/v1/contacts/{id}", with_schema(update), write);
    write.text = text("Replaces all fields", "ContactWrite", "Contact", 200);
    add_tenant_route(router, all, "PUT", "/v1/contacts/{id}", with_schema(update), write);
    write.text = text("Updates the contact with this update key (200), or creates it (201)",
                      "ContactWrite", "Contact", 200);
    add_tenant_route(router, all, "PUT", "/v1/contacts/by/{field}/{value}", with_schema(upsert),
                     write);
    write.text = text("Deletes a contact", "", "", 204);
    add_tenant_route(router, all, "DELETE", "/v1/contacts/{id}", with_schema(remove), write);
}

} // namespace hikyaku::api
