#include "contact_writer.h"

#include "failures.h"
#include "keys.h"

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

bool is_in(const std::vector<std::string>& sorted, const std::string& text)
{
    return std::binary_search(sorted.begin(), sorted.end(), text);
}

std::string key_of(const field& f, const contact* c)
{
    const auto* v = c != nullptr ? c->find(f.id) : nullptr;
    return v != nullptr ? key_bytes(f, *v) : std::string();
}

/// Whether `v` is the alternative that values of the type are held in.
bool fits(field_type type, const value& v)
{
    switch (type)
    {
    case field_type::text:
    case field_type::email:
    case field_type::select:
    {
        const auto* text = std::get_if<std::string>(&v);
        return text != nullptr && !text->empty();
    }
    case field_type::integer:
        return std::holds_alternative<std::int64_t>(v);
    case field_type::decimal:
        return std::holds_alternative<decimal>(v);
    case field_type::date:
        return std::holds_alternative<std::chrono::sys_days>(v);
    case field_type::datetime:
        return std::holds_alternative<wall_time>(v);
    case field_type::boolean:
        return std::holds_alternative<bool>(v);
    case field_type::multi_select:
    case field_type::tags:
    {
        const auto* list = std::get_if<std::vector<std::string>>(&v);
        return list != nullptr && !list->empty();
    }
    }
    return false;
}

} // namespace

std::string address_key(std::string_view normalized, ordinal number)
{
    std::string key = address_prefix(normalized);
    put_be(key, number.value);
    return key;
}

std::vector<std::string> addresses_of(const schema& s, const contact& c)
{
    std::vector<std::string> out;
    for (const auto& f : s.fields())
    {
        if (f.type == field_type::email)
        {
            auto normalized = key_of(f, &c);
            if (!normalized.empty())
            {
                out.push_back(std::move(normalized));
            }
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

void contact_writer::put(const contact* before, const contact& after)
{
    rows_.put(store::space::data, contact_key(after.number), encode_contact(after));
    move_addresses(before, &after);
    move_keys(before, &after);
}

void contact_writer::erase(const contact& before)
{
    rows_.erase(store::space::data, contact_key(before.number));
    move_addresses(&before, nullptr);
    move_keys(&before, nullptr);
}

void contact_writer::move_addresses(const contact* before, const contact* after)
{
    const auto had =
        before != nullptr ? addresses_of(schema_, *before) : std::vector<std::string>();
    const auto has = after != nullptr ? addresses_of(schema_, *after) : std::vector<std::string>();
    const ordinal number = after != nullptr ? after->number : before->number;
    for (const auto& address : had)
    {
        if (!is_in(has, address))
        {
            rows_.erase(store::space::data, address_key(address, number));
            touched_.push_back(address);
        }
    }
    for (const auto& address : has)
    {
        if (!is_in(had, address))
        {
            rows_.put(store::space::data, address_key(address, number), "");
            touched_.push_back(address);
        }
    }
}

void contact_writer::move_keys(const contact* before, const contact* after)
{
    for (const auto id : schema_.update_keys())
    {
        const field& f = *schema_.find(id);
        const std::string old_key = key_of(f, before);
        const std::string new_key = key_of(f, after);
        if (old_key == new_key)
        {
            continue;
        }
        if (!old_key.empty())
        {
            rows_.erase(store::space::data, unique_key(id, old_key));
        }
        if (!new_key.empty())
        {
            rows_.put(store::space::data, unique_key(id, new_key), ordinal_value(after->number));
        }
    }
}

result<void, problem> check_changes(const schema& s, const values& changes)
{
    unsigned previous = 0;
    for (const auto& [id, v] : changes)
    {
        const field* f = s.find(id);
        if (f == nullptr || id <= previous || !(is_none(v) || fits(f->type, v)))
        {
            return invalid(f != nullptr ? f->name : "", "This is not a value of the field.");
        }
        previous = id;
    }
    return {};
}

void drop_unknown(const schema& s, values& fields)
{
    std::erase_if(fields, [&s](const auto& entry) { return s.find(entry.first) == nullptr; });
}

bool apply_changes(values& fields, const values& changes)
{
    bool changed = false;
    for (const auto& [id, v] : changes)
    {
        const auto at =
            std::lower_bound(fields.begin(), fields.end(), id,
                             [](const auto& f, std::uint16_t i) { return f.first < i; });
        const bool there = at != fields.end() && at->first == id;
        if (is_none(v))
        {
            if (there)
            {
                fields.erase(at);
                changed = true;
            }
        }
        else if (!there)
        {
            fields.emplace(at, id, v);
            changed = true;
        }
        else if (!equal(at->second, v))
        {
            at->second = v;
            changed = true;
        }
    }
    return changed;
}

void apply_defaults(const schema& s, values& fields)
{
    for (const auto& f : s.fields())
    {
        const auto at =
            std::lower_bound(fields.begin(), fields.end(), f.id,
                             [](const auto& e, std::uint16_t i) { return e.first < i; });
        if (f.default_value.empty() || (at != fields.end() && at->first == f.id))
        {
            continue;
        }
        const auto v = parse_value(f, std::string_view(f.default_value));
        if (v.has_value() && !is_none(*v))
        {
            fields.emplace(at, f.id, *v);
        }
    }
}

result<void, problem> check_contact(const schema& s, const contact& c)
{
    for (const auto& f : s.fields())
    {
        if (f.required && c.find(f.id) == nullptr)
        {
            return invalid(f.name, "The field is required.");
        }
        if (f.update_key && key_of(f, &c).size() > key_value_bytes_max)
        {
            return invalid(f.name, "The value is too long for an update key (1,024 bytes).");
        }
    }
    if (encode_contact(c).size() > row_bytes_max)
    {
        return invalid("", "The contact is larger than 256 KiB.");
    }
    return {};
}

} // namespace hikyaku::crm
