#include "contact_input.h"

#include "nearest.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace hikyaku::api
{
namespace
{

void read_member(const crm::schema& s, http::object_reader& in, const json::key_value_pair& member,
                 crm::values& out, std::set<std::uint16_t>& seen)
{
    const std::string at = "fields/" + escape_pointer(member.key());
    const auto* field = s.find(std::string_view(member.key()));
    if (field == nullptr)
    {
        const auto near = find_nearest(member.key(), s.names());
        in.fail(at, "unknown_field",
                near.empty() ? "There is no such field."
                             : "There is no such field; did you mean " + near + "?");
        return;
    }
    if (!seen.insert(field->id).second)
    {
        in.fail(at, "duplicate", "This field is given twice, by its name and by its label.");
        return;
    }
    auto parsed = crm::parse_value(*field, member.value());
    if (!parsed)
    {
        in.fail(at, "invalid", parsed.error().text);
        return;
    }
    out.emplace_back(field->id, std::move(*parsed));
}

} // namespace

result<crm::values, http::response> read_contact_fields(const tenant_call& call,
                                                        const crm::schema& s)
{
    auto body = call.body();
    if (!body)
    {
        return body.error();
    }
    http::object_reader in(*body);
    const auto* fields = in.optional_free_object("fields", crm::fields_max);
    if (fields == nullptr && !in.has("fields"))
    {
        in.fail("fields", "missing", "This member is required.");
    }
    crm::values out;
    std::set<std::uint16_t> seen;
    if (fields != nullptr)
    {
        for (const auto& member : *fields)
        {
            read_member(s, in, member, out, seen);
        }
    }
    if (auto refused = in.finish())
    {
        return std::move(*refused);
    }
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
}

result<std::optional<std::uint64_t>, http::response> read_if_match(const http::request& r)
{
    auto text = r.header("If-Match");
    if (!text || *text == "*")
    {
        return std::optional<std::uint64_t>();
    }
    std::uint64_t revision = 0;
    const bool quoted = text->size() >= 3 && text->front() == '"' && text->back() == '"';
    const auto digits = quoted ? text->substr(1, text->size() - 2) : std::string_view();
    const auto [at, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), revision);
    if (!quoted || error != std::errc{} || at != digits.data() + digits.size())
    {
        return http::response::problem({.status = 400,
                                        .code = "invalid_etag",
                                        .detail = "If-Match is the ETag of a contact: \"7\"."});
    }
    return std::optional<std::uint64_t>(revision);
}

http::response contact_answer(const tenant_call& call, const crm::schema& s, const crm::contact& c,
                              unsigned status)
{
    auto out = http::response::json(
        status, crm::to_json(call.tenant(), s, c, false, call.offset_minutes()));
    out.set_header("ETag", "\"" + std::to_string(c.revision) + "\"");
    return out;
}

} // namespace hikyaku::api
