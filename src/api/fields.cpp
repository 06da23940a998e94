#include "resources.h"

#include <hikyaku/api/context.h>

#include <algorithm>
#include <charconv>

namespace hikyaku::api
{
namespace
{

using identity::scope;

json::value field_to_json(const crm::field& f)
{
    json::array options;
    for (const auto& o : f.options)
    {
        options.push_back(json::value(o));
    }
    return json::object{{"id", f.id},
                        {"name", f.name},
                        {"label", f.label},
                        {"type", segment::to_string(f.type)},
                        {"options", std::move(options)},
                        {"personal", f.personal},
                        {"required", f.required},
                        {"update_key", f.update_key},
                        {"memo", f.memo},
                        {"default", f.default_value}};
}

/// The members that POST and PATCH share: what is absent stays as it is in `f`.
void read_flags(http::object_reader& in, crm::field& f)
{
    f.label = in.optional_string("label", crm::field_label_bytes_max, 1)
                  .value_or(f.label.empty() ? f.name : f.label);
    if (in.has("options"))
    {
        f.options = in.strings("options", crm::field_options_max, crm::field_option_bytes_max);
    }
    f.personal = in.optional_bool("personal").value_or(f.personal);
    f.required = in.optional_bool("required").value_or(f.required);
    f.update_key = in.optional_bool("update_key").value_or(f.update_key);
    f.memo = in.optional_string("memo", crm::field_memo_bytes_max).value_or(f.memo);
    f.default_value =
        in.optional_string("default", crm::field_default_bytes_max).value_or(f.default_value);
}

void read_type(http::object_reader& in, crm::field& f)
{
    const auto word = in.required_string("type", 32);
    if (const auto type = crm::parse_field_type(word))
    {
        f.type = *type;
    }
    else if (!word.empty())
    {
        in.fail("type", "not_allowed",
                "must be one of: text, integer, decimal, date, datetime, boolean, email, select, "
                "multi_select, tags");
    }
}

/// By number, name or label.
const crm::field* find_field(const crm::schema& s, std::string_view text)
{
    std::uint16_t id = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error == std::errc{} && at == text.data() + text.size())
    {
        return s.find(id);
    }
    return s.find(text);
}

using field_action = http::response (*)(tenant_call&, const crm::field&);

tenant_handler with_field(field_action run)
{
    return [run](tenant_call& call)
    {
        const auto s = call.all().crm_data.schemas.get(call.tenant());
        if (!s)
        {
            return to_response(s.error());
        }
        const auto* f = find_field(**s, call.parameter("id"));
        return f != nullptr ? run(call, *f) : not_found("field");
    };
}

http::response list(tenant_call& call)
{
    if (const auto known = check_query(call.request(), {}); known.has_error())
    {
        return known.error();
    }
    const auto s = call.all().crm_data.schemas.get(call.tenant());
    if (!s)
    {
        return to_response(s.error());
    }
    json::array data;
    for (const auto& f : (*s)->fields())
    {
        data.push_back(field_to_json(f));
    }
    return list_answer(std::move(data), std::nullopt);
}

http::response create(tenant_call& call)
{
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    crm::field f;
    http::object_reader in(*body);
    f.name = in.required_string("name", crm::field_name_bytes_max);
    read_type(in, f);
    read_flags(in, f);
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto made = call.all().crm_data.schemas.create(call.tenant(), call.actor(), std::move(f));
    return made ? http::response::json(201, field_to_json(*made)) : to_response(made.error());
}

http::response show(tenant_call&, const crm::field& f)
{
    return http::response::json(200, field_to_json(f));
}

http::response update(tenant_call& call, const crm::field& old)
{
    const auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    crm::field f = old;
    http::object_reader in(*body);
    f.name = in.optional_string("name", crm::field_name_bytes_max, 1).value_or(f.name);
    if (in.has("type"))
    {
        read_type(in, f);
    }
    read_flags(in, f);
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    const auto stored =
        call.all().crm_data.schemas.update(call.tenant(), call.actor(), std::move(f));
    return stored ? http::response::json(200, field_to_json(*stored)) : to_response(stored.error());
}

http::response remove(tenant_call& call, const crm::field& f)
{
    const auto done = call.all().crm_data.schemas.remove(call.tenant(), call.actor(), f.id);
    return done ? http::response::empty(204) : to_response(done.error());
}

route_text text(std::string summary, std::string request, std::string response, unsigned status)
{
    return {.summary = std::move(summary),
            .tag = "fields",
            .request = std::move(request),
            .response = std::move(response),
            .status = status,
            .errors = {409, 422}};
}

} // namespace

void add_field_routes(http::router& router, services& all)
{
    all.routes.add_component("FieldWrite", R"({"type":"object","additionalProperties":false,
"properties":{"name":{"type":"string"},"label":{"type":"string"},
"type":{"enum":["text","integer","decimal","date","datetime","boolean","email","select","multi_select","tags"]},
"options":{"type":"array","items":{"type":"string"}},"personal":{"type":"boolean"},"required":{"type":"boolean"},
"update_key":{"type":"boolean"},"memo":{"type":"string"},"default":{"type":"string"}}})");
    all.routes.add_component("Field", R"({"type":"object","required":["id","name","label","type"],
"properties":{"id":{"type":"integer"},"name":{"type":"string"},"label":{"type":"string"},"type":{"type":"string"},
"options":{"type":"array","items":{"type":"string"}},"personal":{"type":"boolean"},"required":{"type":"boolean"},
"update_key":{"type":"boolean"},"memo":{"type":"string"},"default":{"type":"string"}}})");
    tenant_route read{.required = scope::contacts_read};
    read.text = text("Lists all fields", "", "Field", 200);
    read.text.is_list = true;
    add_tenant_route(router, all, "GET", "/v1/fields", list, read);
    read.text = text("Shows a field, by number, name or label", "", "Field", 200);
    add_tenant_route(router, all, "GET", "/v1/fields/{id}", with_field(show), read);
    tenant_route write{.required = scope::schema_write};
    write.text = text("Creates a field", "FieldWrite", "Field", 201);
    write.replay = [](tenant_call& call, const std::string& object)
    {
        const auto s = call.all().crm_data.schemas.get(call.tenant());
        const auto* f = s ? (*s)->find(object) : nullptr;
        return f != nullptr ? http::response::json(201, field_to_json(*f)) : not_found("field");
    };
    add_tenant_route(router, all, "POST", "/v1/fields", create, write);
    write.replay = {};
    write.text = text("Changes a field; its type is fixed", "FieldWrite", "Field", 200);
    add_tenant_route(router, all, "PATCH", "/v1/fields/{id}", with_field(update), write);
    write.text = text("Deletes a field", "", "", 204);
    add_tenant_route(router, all, "DELETE", "/v1/fields/{id}", with_field(remove), write);
}

} // namespace hikyaku::api
