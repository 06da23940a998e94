#include "contact_writer.h"
#include "failures.h"
#include "field_row.h"
#include "keys.h"

#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <map>

namespace hikyaku::crm
{
namespace
{

bool is_field_name(std::string_view name)
{
    if (name.empty() || name.size() > field_name_bytes_max || name[0] < 'a' || name[0] > 'z')
    {
        return false;
    }
    return std::all_of(name.begin(), name.end(), [](char c)
                       { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_plain_text(std::string_view text)
{
    return text::is_valid_utf8(text) &&
           std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

result<void, problem> check_options(const field& f)
{
    const bool takes = f.type == field_type::select || f.type == field_type::multi_select;
    if (!takes && !f.options.empty())
    {
        return invalid("options", "Only select and multi_select fields have options.");
    }
    if (takes && f.options.empty())
    {
        return invalid("options", "A select field needs at least one option.");
    }
    if (f.options.size() > field_options_max)
    {
        return problem{errc::limit, "options", "A field has at most 1,000 options."};
    }
    auto sorted = f.options;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    {
        return invalid("options", "An option is given twice.");
    }
    for (const auto& option : f.options)
    {
        if (option.empty() || option.size() > field_option_bytes_max || !is_plain_text(option))
        {
            return invalid("options",
                           "An option is 1 to 255 bytes of text without control characters.");
        }
    }
    return {};
}

result<void, problem> check_field(const schema& s, const field& f, std::uint16_t own_id)
{
    if (!is_field_name(f.name))
    {
        return invalid("name", "A name is a lower-case letter, then lower-case letters, digits and "
                               "'_', at most 64.");
    }
    if (f.label.empty() || f.label.size() > field_label_bytes_max || !is_plain_text(f.label))
    {
        return invalid("label", "A label is 1 to 255 bytes of text without control characters.");
    }
    if (f.memo.size() > field_memo_bytes_max || !text::is_valid_utf8(f.memo))
    {
        return invalid("memo", "A memo is at most 4,096 bytes of text.");
    }
    const auto options = check_options(f);
    if (options.has_error())
    {
        return options;
    }
    const bool no_key = f.type == field_type::boolean || f.type == field_type::multi_select ||
                        f.type == field_type::tags;
    if (f.update_key && no_key)
    {
        return invalid("update_key", "Fields of this type can't be update keys.");
    }
    if (f.default_value.size() > field_default_bytes_max ||
        parse_value(f, std::string_view(f.default_value)).has_error())
    {
        return invalid("default", "The default is not a value of this field.");
    }
    if (f.update_key && !f.default_value.empty())
    {
        return invalid("default", "An update key can't have a default.");
    }
    for (const auto* taken : {s.find(std::string_view(f.name)), s.find(std::string_view(f.label))})
    {
        if (taken != nullptr && taken->id != own_id)
        {
            return problem{errc::duplicate, taken->name == f.name ? "name" : "label",
                           "Another field has this name or label."};
        }
    }
    return {};
}

/// Calls f(contact) for every contact; false from f ends the walk.
template <class F> result<void, problem> for_each_contact(const store::reader& from, F f)
{
    auto it = from.scan_prefix(std::string_view(&contact_kind, 1));
    for (; it.valid(); it.next())
    {
        const auto c =
            decode_contact(ordinal{get_be<std::uint32_t>(it.key().substr(1))}, it.value());
        if (!c)
        {
            return damaged();
        }
        if (!f(*c))
        {
            return {};
        }
    }
    return it.status().has_error() ? result<void, problem>(damaged()) : result<void, problem>();
}

result<void, problem> check_rebuild(const store::reader& from)
{
    const auto count = read_counter(from, counter::contacts);
    if (count.has_error())
    {
        return damaged();
    }
    if (*count > schemas::rebuild_contacts_max)
    {
        return problem{errc::limit, "",
                       "This change reads every contact and is limited to 100,000 of them."};
    }
    return {};
}

/// Adds the rows of a field that becomes an update key.
result<void, problem> index_field(const store::reader& from, const field& f, store::record& rows)
{
    const auto allowed = check_rebuild(from);
    if (allowed.has_error())
    {
        return allowed;
    }
    std::map<std::string, ordinal> keys;
    bool twice = false;
    const auto walked =
        for_each_contact(from,
                         [&](const contact& c)
                         {
                             const auto* v = c.find(f.id);
                             const auto key = v ? key_bytes(f, *v) : std::string();
                             twice = !key.empty() && !keys.emplace(key, c.number).second;
                             return !twice;
                         });
    if (walked.has_error())
    {
        return walked;
    }
    if (twice)
    {
        return problem{errc::duplicate, f.name,
                       "Contacts share a value of this field: it can't be an update key."};
    }
    for (const auto& [key, number] : keys)
    {
        rows.put(store::space::data, unique_key(f.id, key), ordinal_value(number));
    }
    return {};
}

/// Tenants from before it get it, but for those who have their own.
void add_engaged_field(std::vector<field>& fields)
{
    auto made = make_engaged_field();
    if (std::none_of(fields.begin(), fields.end(),
                     [&](const field& f)
                     {
                         return f.id == made.id || f.name == made.name || f.label == made.name ||
                                f.label == made.label;
                     }))
    {
        fields.push_back(std::move(made));
    }
}

void write_schema(const schema& s, store::record& rows)
{
    for (const auto& f : s.fields())
    {
        rows.put(store::space::data, field_key(f.id), encode_field(f));
    }
    rows.put(store::space::data, counter_key(counter::schema_version), counter_value(s.version()));
}

} // namespace

schemas::schemas(store::database& db, oplog::operation_log& log) : db_(db), log_(log) {}

result<schema_ptr, problem> schemas::load(tenant_id tenant) const
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    std::vector<field> fields;
    auto it = store->scan_prefix(std::string_view(&field_kind, 1));
    for (; it.valid(); it.next())
    {
        auto f = decode_field(get_be<std::uint16_t>(it.key().substr(1)), it.value());
        if (!f)
        {
            return damaged();
        }
        fields.push_back(std::move(*f));
    }
    const auto version = read_counter(*store, counter::schema_version);
    if (it.status().has_error() || version.has_error())
    {
        return damaged();
    }
    if (fields.empty())
    {
        fields = default_fields();
    }
    add_engaged_field(fields);
    return std::make_shared<const schema>(*version, std::move(fields));
}

result<schema_ptr, problem> schemas::get(tenant_id tenant) const
{
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = cache_.find(tenant); found != cache_.end())
        {
            return found->second;
        }
    }
    auto loaded = load(tenant);
    if (loaded.has_value())
    {
        publish(tenant, *loaded);
    }
    return loaded;
}

void schemas::publish(tenant_id tenant, schema_ptr s) const
{
    const std::lock_guard lock(mutex_);
    auto& slot = cache_[tenant];
    // A reader may have loaded while a change was published: the newer one stays.
    if (slot == nullptr || slot->version() <= s->version())
    {
        slot = std::move(s);
    }
}

void schemas::forget(tenant_id tenant)
{
    const std::lock_guard lock(mutex_);
    cache_.erase(tenant);
}

result<field, problem> schemas::create(tenant_id tenant, const oplog::actor& who, field f,
                                       const also<field>& with)
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    auto change = log_.begin(tenant, who, "field.create");
    const auto now = load(tenant);
    const auto last = read_counter(*store, counter::last_field);
    if (now.has_error() || last.has_error())
    {
        return damaged();
    }
    if ((*now)->fields().size() >= fields_max)
    {
        return problem{errc::limit, "", "A tenant has at most 500 fields."};
    }
    if (*last + 1 >= engaged_field)
    {
        return problem{errc::limit, "", "The tenant has used up its field numbers."};
    }
    f.id = static_cast<std::uint16_t>(std::max<std::uint64_t>(*last, kana_field) + 1);
    const auto checked = check_field(**now, f, f.id);
    if (checked.has_error())
    {
        return checked.error();
    }
    std::vector<field> fields((*now)->fields().begin(), (*now)->fields().end());
    fields.push_back(f);
    const auto made = std::make_shared<const schema>((*now)->version() + 1, std::move(fields));
    write_schema(*made, change.data());
    change.data().put(store::space::data, counter_key(counter::last_field), counter_value(f.id));
    change.set_object(f.name);
    if (with)
    {
        with(f, change.data());
    }
    change.commit([&] { publish(tenant, made); });
    return f;
}

result<field, problem> schemas::update(tenant_id tenant, const oplog::actor& who, field f,
                                       const also<field>& with)
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    auto change = log_.begin(tenant, who, "field.update");
    const auto now = load(tenant);
    if (now.has_error())
    {
        return now.error();
    }
    const field* old = (*now)->find(f.id);
    if (old == nullptr)
    {
        return problem{errc::not_found, "", "There is no such field."};
    }
    if (f.type != old->type)
    {
        return invalid("type", "The type of a field can't be changed.");
    }
    const auto checked = check_field(**now, f, f.id);
    if (checked.has_error())
    {
        return checked.error();
    }
    if (f.update_key && !old->update_key)
    {
        const auto indexed = index_field(*store, f, change.data());
        if (indexed.has_error())
        {
            return indexed.error();
        }
    }
    if (!f.update_key && old->update_key)
    {
        const auto prefix = unique_prefix(f.id);
        change.data().erase_range(store::space::data, prefix, store::prefix_end(prefix));
    }
    std::vector<field> fields((*now)->fields().begin(), (*now)->fields().end());
    *std::find_if(fields.begin(), fields.end(), [&](const field& x) { return x.id == f.id; }) = f;
    const auto made = std::make_shared<const schema>((*now)->version() + 1, std::move(fields));
    write_schema(*made, change.data());
    change.set_object(f.name);
    if (with)
    {
        with(f, change.data());
    }
    change.commit([&] { publish(tenant, made); });
    return f;
}

result<void, problem> schemas::remove(tenant_id tenant, const oplog::actor& who, std::uint16_t id,
                                      const also<field>& with)
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    if (id == email_field)
    {
        return invalid("", "The field email can't be deleted: mail is sent to it.");
    }
    if (id == engaged_field)
    {
        return invalid("", "The field engaged_at can't be deleted: warm-ups go by it.");
    }
    auto change = log_.begin(tenant, who, "field.delete");
    const auto now = load(tenant);
    if (now.has_error())
    {
        return now.error();
    }
    const field* old = (*now)->find(id);
    if (old == nullptr)
    {
        return problem{errc::not_found, "", "There is no such field."};
    }
    std::vector<field> fields;
    std::copy_if((*now)->fields().begin(), (*now)->fields().end(), std::back_inserter(fields),
                 [id](const field& f) { return f.id != id; });
    const auto made = std::make_shared<const schema>((*now)->version() + 1, std::move(fields));
    if (old->type == field_type::email)
    {
        const auto allowed = check_rebuild(*store);
        if (allowed.has_error())
        {
            return allowed;
        }
        const auto walked = for_each_contact(
            *store,
            [&](const contact& c)
            {
                const auto left = addresses_of(*made, c);
                for (const auto& address : addresses_of(**now, c))
                {
                    if (!std::binary_search(left.begin(), left.end(), address))
                    {
                        change.data().erase(store::space::data, address_key(address, c.number));
                    }
                }
                return true;
            });
        if (walked.has_error())
        {
            return walked;
        }
    }
    if (old->update_key)
    {
        const auto prefix = unique_prefix(id);
        change.data().erase_range(store::space::data, prefix, store::prefix_end(prefix));
    }
    write_schema(*made, change.data());
    change.data().erase(store::space::data, field_key(id));
    change.set_object(old->name);
    if (with)
    {
        with(*old, change.data());
    }
    change.commit([&] { publish(tenant, made); });
    return {};
}

} // namespace hikyaku::crm
