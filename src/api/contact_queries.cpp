#include "contact_input.h"
#include "resources.h"

#include <hikyaku/api/context.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/segment/condition.h>

#include <limits>

namespace hikyaku::api
{
namespace
{

/// Rows one request looks at; then it answers with what it has and where to go on.
constexpr std::size_t count_rows_max = 2'000'000;
constexpr std::size_t search_rows_max = 200'000;

struct question
{
    crm::schema_ptr schema;
    segment::condition where;
    std::size_t limit = page::limit_default;
    ordinal after;
};

void note_errors(http::object_reader& in, const std::vector<segment::condition_error>& errors)
{
    for (const auto& e : errors)
    {
        in.fail("where" + e.pointer, e.code, e.text);
    }
}

result<question, http::response> read_question(tenant_call& call, bool paged)
{
    auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    auto schema = call.all().crm_data.schemas.get(call.tenant());
    if (!schema)
    {
        return to_response(schema.error());
    }
    question q;
    q.schema = *schema;
    http::object_reader in(*body);
    if (const auto* where = in.optional_any("where"))
    {
        const auto names = q.schema->names();
        auto compiled =
            segment::compile(*where, q.schema->finder(),
                             // Texts as they are: what campaigns compile for the same condition.
                             {.normalize = {}, .normalize_rows = true, .field_names = names});
        if (compiled)
        {
            q.where = std::move(*compiled);
        }
        else
        {
            note_errors(in, compiled.error());
        }
    }
    if (paged)
    {
        q.limit = static_cast<std::size_t>(
            in.optional_int("limit", 1, static_cast<std::int64_t>(page::limit_max))
                .value_or(static_cast<std::int64_t>(page::limit_default)));
    }
    if (const auto cursor = in.optional_string("cursor", page::cursor_chars_max))
    {
        const auto after = crm::parse_contact_id(call.tenant(), *cursor);
        q.after = after.value_or(ordinal{0});
        if (!after)
        {
            in.fail("cursor", "invalid", "cursor is what next_cursor of an answer was.");
        }
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    return q;
}

/// What a walk over the contacts came to.
struct walk
{
    std::uint64_t seen = 0;
    std::uint64_t damaged = 0;
    /// Where to go on; nullopt: all were seen.
    std::optional<ordinal> next;
};

/// Calls `each` with the ordinal and row of every contact that matches, until it returns false or
/// `rows_max` were looked at.
template <class Each>
result<walk, http::response> walk_contacts(tenant_call& call, const question& q,
                                           std::size_t rows_max, Each each)
{
    const auto rows = call.all().db.find_tenant(call.tenant());
    if (!rows)
    {
        return not_found("tenant");
    }
    constexpr auto last = std::numeric_limits<std::uint32_t>::max();
    if (q.after.value == last)
    {
        return walk{};
    }
    const auto now = call.now();
    crm::contact_row_view view;
    walk out;
    auto it =
        rows->scan(crm::contact_key({q.after.value + 1}), crm::contact_key({last}), nullptr, false);
    for (; it.valid(); it.next())
    {
        const ordinal number{get_be<std::uint32_t>(it.key().substr(it.key().size() - 4))};
        ++out.seen;
        const bool readable = view.load(it.value());
        out.damaged += readable ? 0 : 1;
        const bool stop = readable && segment::matches(q.where, view, now, call.offset_minutes()) &&
                          !each(number, it.value());
        if (stop || out.seen >= rows_max)
        {
            out.next = number;
            return out;
        }
    }
    if (it.status().has_error())
    {
        return unavailable("store_damaged", "A part of the contacts can't be read.");
    }
    return out;
}

json::value cursor_of(const tenant_call& call, const std::optional<ordinal>& next)
{
    return next ? json::value(crm::contact_public_id(call.tenant(), *next)) : json::value(nullptr);
}

http::response count(tenant_call& call)
{
    const auto q = read_question(call, false);
    if (!q)
    {
        return q.error();
    }
    std::uint64_t matching = 0;
    const auto done = walk_contacts(call, *q, count_rows_max,
                                    [&](ordinal, std::string_view)
                                    {
                                        ++matching;
                                        return true;
                                    });
    if (!done)
    {
        return done.error();
    }
    return http::response::json(200, json::object{{"count", matching},
                                                  {"complete", !done->next.has_value()},
                                                  {"next_cursor", cursor_of(call, done->next)}});
}

http::response search(tenant_call& call)
{
    const auto q = read_question(call, true);
    if (!q)
    {
        return q.error();
    }
    json::array data;
    const auto done =
        walk_contacts(call, *q, search_rows_max,
                      [&](ordinal number, std::string_view row)
                      {
                          if (const auto c = crm::decode_contact(number, row))
                          {
                              data.push_back(crm::to_json(call.tenant(), *q->schema, *c, false,
                                                          call.offset_minutes()));
                          }
                          return data.size() < q->limit;
                      });
    if (!done)
    {
        return done.error();
    }
    return http::response::json(
        200, json::object{{"data", std::move(data)}, {"next_cursor", cursor_of(call, done->next)}});
}

} // namespace

void add_contact_query_routes(http::router& router, services& all)
{
    all.routes.add_component("ContactQuestion", R"({"type":"object","additionalProperties":false,
"properties":{"where":{"$ref":"#/components/schemas/Condition"},"limit":{"type":"integer","minimum":1,"maximum":1000},
"cursor":{"type":"string"}}})");
    all.routes.add_component("CountQuestion", R"({"type":"object","additionalProperties":false,
"properties":{"where":{"$ref":"#/components/schemas/Condition"},"cursor":{"type":"string"}}})");
    all.routes.add_component("Condition", R"({"type":"object","description":
"{all:[…]}, {any:[…]}, {not:{…}} or {field, op, value}"})");
    all.routes.add_component("Count",
                             R"({"type":"object","required":["count","complete","next_cursor"],
"properties":{"count":{"type":"integer"},"complete":{"type":"boolean","description":
"false: only the first 2,000,000 contacts after cursor were counted; add the count from next_cursor on"},
"next_cursor":{"type":["string","null"]}}})");
    tenant_route read{.required = identity::scope::contacts_read, .read_only = true};
    read.text = {.summary = "Counts contacts that match a condition",
                 .tag = "contacts",
                 .request = "CountQuestion",
                 .response = "Count",
                 .errors = {422}};
    add_tenant_route(router, all, "POST", "/v1/contacts:count", count, read);
    read.text = {.summary = "Contacts that match a condition; a page may be short (even empty) "
                            "while next_cursor is set",
                 .tag = "contacts",
                 .request = "ContactQuestion",
                 .response = "Contact",
                 .is_list = true,
                 .errors = {422}};
    add_tenant_route(router, all, "POST", "/v1/contacts:search", search, read);
}

} // namespace hikyaku::api
