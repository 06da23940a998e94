#include "contact_writer.h"
#include "failures.h"
#include "keys.h"

#include <hikyaku/crm/contacts.h>
#include <hikyaku/mime/address.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

problem no_contact()
{
    return {errc::not_found, "", "There is no such contact."};
}

result<contact, problem> read_contact(const store::reader& from, ordinal number)
{
    const auto row = from.find(contact_key(number));
    if (row.has_error())
    {
        return damaged();
    }
    if (!row->has_value())
    {
        return no_contact();
    }
    auto c = decode_contact(number, **row);
    if (!c)
    {
        return damaged();
    }
    return std::move(*c);
}

result<std::optional<ordinal>, problem> find_by_key(const store::reader& from, std::uint16_t field,
                                                    const std::string& bytes)
{
    const auto row = from.find(unique_key(field, bytes));
    if (row.has_error() || (row->has_value() && (*row)->size() != sizeof(std::uint32_t)))
    {
        return damaged();
    }
    return row->has_value() ? std::optional<ordinal>(ordinal{get_be<std::uint32_t>(**row)})
                            : std::nullopt;
}

/// @error duplicate  names the field whose value another contact has
result<void, problem> check_unique(const store::reader& from, const schema& s, const contact& c)
{
    for (const auto id : s.update_keys())
    {
        const auto* v = c.find(id);
        const auto& f = *s.find(id);
        const auto bytes = v != nullptr ? key_bytes(f, *v) : std::string();
        if (bytes.empty())
        {
            continue;
        }
        const auto owner = find_by_key(from, id, bytes);
        if (owner.has_error())
        {
            return owner.error();
        }
        if (*owner && **owner != c.number)
        {
            return problem{errc::duplicate, f.name,
                           "Another contact has this value; the field is an update key."};
        }
    }
    return {};
}

} // namespace

/// One change of one contact, from the gate to the stamps.
struct contacts::editor
{
    const contacts& owner;
    tenant_id tenant;
    std::shared_ptr<const store::tenant_store> store;
    oplog::change change;
    schema_ptr fields;

    static result<editor, problem> open(const contacts& owner, tenant_id tenant,
                                        const oplog::actor& who, const char* verb)
    {
        auto store = owner.db_.find_tenant(tenant);
        if (store == nullptr)
        {
            return no_tenant();
        }
        auto change = owner.log_.begin(tenant, who, verb);
        auto s = owner.schemas_.get(tenant);
        if (s.has_error())
        {
            return s.error();
        }
        return editor{owner, tenant, std::move(store), std::move(change), *s};
    }

    result<void, problem> write(const contact* before, const contact& after)
    {
        const auto checked = check_contact(*fields, after);
        if (checked.has_error())
        {
            return checked;
        }
        const auto unique = check_unique(*store, *fields, after);
        if (unique.has_error())
        {
            return unique;
        }
        contact_writer writer(*fields, change.data());
        writer.put(before, after);
        touched = writer.touched_addresses();
        return {};
    }
    void commit(ordinal number)
    {
        change.set_object(contact_public_id(tenant, number));
        change.commit(
            [&]
            {
                owner.stamps_.bump(tenant, number);
                for (const auto& address : touched)
                {
                    owner.stamps_.bump_address(tenant, address);
                }
            });
    }
    result<contact, problem> create(values v)
    {
        const auto given = check_changes(*fields, v);
        if (given.has_error())
        {
            return given.error();
        }
        const auto last = read_counter(*store, counter::last_ordinal);
        const auto count = read_counter(*store, counter::contacts);
        if (last.has_error() || count.has_error())
        {
            return damaged();
        }
        if (*last >= UINT32_MAX - 1)
        {
            return problem{errc::limit, "", "The tenant has used up its contact numbers."};
        }
        contact c;
        c.number = ordinal{static_cast<std::uint32_t>(*last + 1)};
        c.revision = 1;
        c.created = c.updated = owner.clock_.wall();
        (void)apply_changes(c.fields, v);
        apply_defaults(*fields, c.fields);
        const auto written = write(nullptr, c);
        if (written.has_error())
        {
            return written.error();
        }
        change.data().put(store::space::data, counter_key(counter::last_ordinal),
                          counter_value(c.number.value));
        change.data().put(store::space::data, counter_key(counter::contacts),
                          counter_value(*count + 1));
        return c;
    }
    /// The changed contact, or the same when nothing changed (then nothing is to be written).
    result<std::pair<contact, bool>, problem> update(const contact& before, const values& v)
    {
        const auto given = check_changes(*fields, v);
        if (given.has_error())
        {
            return given.error();
        }
        contact after = before;
        if (!apply_changes(after.fields, v))
        {
            return std::pair{before, false};
        }
        drop_unknown(*fields, after.fields);
        after.revision += 1;
        after.updated = std::max(owner.clock_.wall(), before.updated);
        const auto written = write(&before, after);
        if (written.has_error())
        {
            return written.error();
        }
        return std::pair{after, true};
    }

    std::vector<std::string> touched{};
};

contacts::contacts(store::database& db, oplog::operation_log& log, const schemas& s,
                   change_stamps& stamps, const clock& clock)
    : db_(db), log_(log), schemas_(s), stamps_(stamps), clock_(clock)
{
}

result<contact, problem> contacts::create(tenant_id tenant, const oplog::actor& who, values v,
                                          const also<contact>& with)
{
    auto e = editor::open(*this, tenant, who, "contact.create");
    if (e.has_error())
    {
        return e.error();
    }
    auto made = e->create(std::move(v));
    if (made.has_error())
    {
        return made;
    }
    if (with)
    {
        with(*made, e->change.data());
    }
    e->commit(made->number);
    return made;
}

result<contact, problem> contacts::get(tenant_id tenant, ordinal number) const
{
    const auto store = db_.find_tenant(tenant);
    return store != nullptr ? read_contact(*store, number) : result<contact, problem>(no_tenant());
}

result<contact, problem> contacts::update(tenant_id tenant, const oplog::actor& who, ordinal number,
                                          values v, std::optional<std::uint64_t> if_revision,
                                          const also<contact>& with)
{
    auto e = editor::open(*this, tenant, who, "contact.update");
    if (e.has_error())
    {
        return e.error();
    }
    const auto before = read_contact(*e->store, number);
    if (before.has_error())
    {
        return before;
    }
    if (if_revision && *if_revision != before->revision)
    {
        return problem{errc::stale, "",
                       "The contact has changed since revision " + std::to_string(*if_revision) +
                           "."};
    }
    auto after = e->update(*before, v);
    if (after.has_error())
    {
        return after.error();
    }
    if (with)
    {
        with(after->first, e->change.data());
    }
    if (after->second || !e->change.data().empty())
    {
        e->commit(number);
    }
    return after->first;
}

result<void, problem> contacts::remove(tenant_id tenant, const oplog::actor& who, ordinal number,
                                       std::optional<std::uint64_t> if_revision,
                                       const also<contact>& with)
{
    auto e = editor::open(*this, tenant, who, "contact.delete");
    if (e.has_error())
    {
        return e.error();
    }
    const auto before = read_contact(*e->store, number);
    if (before.has_error())
    {
        return before.error();
    }
    if (if_revision && *if_revision != before->revision)
    {
        return problem{errc::stale, "",
                       "The contact has changed since revision " + std::to_string(*if_revision) +
                           "."};
    }
    const auto count = read_counter(*e->store, counter::contacts);
    if (count.has_error() || *count == 0)
    {
        return damaged();
    }
    contact_writer writer(*e->fields, e->change.data());
    writer.erase(*before);
    e->touched = writer.touched_addresses();
    e->change.data().put(store::space::data, counter_key(counter::contacts),
                         counter_value(*count - 1));
    if (with)
    {
        with(*before, e->change.data());
    }
    e->commit(number);
    return {};
}

result<upserted, problem> contacts::upsert(tenant_id tenant, const oplog::actor& who,
                                           std::uint16_t key_field, const value& key, values v,
                                           const also<upserted>& with)
{
    auto e = editor::open(*this, tenant, who, "contact.upsert");
    if (e.has_error())
    {
        return e.error();
    }
    const field* f = e->fields->find(key_field);
    const auto bytes = f != nullptr ? key_bytes(*f, key) : std::string();
    if (f == nullptr || !f->update_key || bytes.empty())
    {
        return invalid(f != nullptr ? f->name : "", "This is not a value of an update key field.");
    }
    for (const auto& [id, given] : v)
    {
        if (id == key_field && key_bytes(*f, given) != bytes)
        {
            return invalid(f->name, "The body has another value for the update key.");
        }
    }
    const auto owner = find_by_key(*e->store, key_field, bytes);
    if (owner.has_error())
    {
        return owner.error();
    }
    upserted done;
    if (*owner)
    {
        const auto before = read_contact(*e->store, **owner);
        if (before.has_error())
        {
            return before.error();
        }
        auto after = e->update(*before, v);
        if (after.has_error())
        {
            return after.error();
        }
        done = {after->first, false};
    }
    else
    {
        values with_key = v;
        (void)apply_changes(with_key, {{key_field, key}});
        auto made = e->create(std::move(with_key));
        if (made.has_error())
        {
            return made.error();
        }
        done = {*made, true};
    }
    if (with)
    {
        with(done, e->change.data());
    }
    if (!e->change.data().empty())
    {
        e->commit(done.stored.number);
    }
    return done;
}

result<std::optional<ordinal>, problem> contacts::find(tenant_id tenant, std::uint16_t key_field,
                                                       const value& key) const
{
    const auto store = db_.find_tenant(tenant);
    const auto s = schemas_.get(tenant);
    if (store == nullptr || s.has_error())
    {
        return store == nullptr ? no_tenant() : s.error();
    }
    const field* f = (*s)->find(key_field);
    if (f == nullptr || !f->update_key)
    {
        return invalid(f != nullptr ? f->name : "", "This field is not an update key.");
    }
    return find_by_key(*store, key_field, key_bytes(*f, key));
}

result<std::vector<ordinal>, problem>
contacts::find_by_address(tenant_id tenant, std::string_view normalized, std::size_t limit) const
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    std::vector<ordinal> out;
    auto it = store->scan_prefix(address_prefix(normalized));
    for (; it.valid() && out.size() < limit; it.next())
    {
        out.push_back(ordinal{get_be<std::uint32_t>(it.key().substr(it.key().size() - 4))});
    }
    return it.status().has_error() ? result<std::vector<ordinal>, problem>(damaged())
                                   : result<std::vector<ordinal>, problem>(std::move(out));
}

result<contact_page, problem> contacts::list(tenant_id tenant, ordinal after,
                                             std::size_t limit) const
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    contact_page page;
    if (after.value == UINT32_MAX)
    {
        return page;
    }
    limit = std::min(limit, page_max);
    auto it = store->scan(contact_key(ordinal{after.value + 1}),
                          store::prefix_end(std::string_view(&contact_kind, 1)));
    for (; it.valid() && page.contacts.size() < limit; it.next())
    {
        auto c = decode_contact(ordinal{get_be<std::uint32_t>(it.key().substr(1))}, it.value());
        if (!c)
        {
            return damaged();
        }
        page.contacts.push_back(std::move(*c));
    }
    if (it.status().has_error())
    {
        return damaged();
    }
    if (it.valid() && !page.contacts.empty())
    {
        page.next = page.contacts.back().number;
    }
    return page;
}

result<std::uint64_t, problem> contacts::count(tenant_id tenant) const
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    const auto n = read_counter(*store, counter::contacts);
    return n.has_error() ? result<std::uint64_t, problem>(damaged())
                         : result<std::uint64_t, problem>(*n);
}

result<ordinal, problem> contacts::last_ordinal(tenant_id tenant) const
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    const auto n = read_counter(*store, counter::last_ordinal);
    return n.has_error() ? result<ordinal, problem>(damaged())
                         : result<ordinal, problem>(ordinal{static_cast<std::uint32_t>(*n)});
}

result<void, problem> contacts::find_rows(const store::reader& from,
                                          std::span<const ordinal> numbers,
                                          std::vector<std::optional<std::string>>& rows,
                                          const store::snapshot* at)
{
    std::vector<std::string> keys;
    keys.reserve(numbers.size());
    for (const auto n : numbers)
    {
        keys.push_back(contact_key(n));
    }
    if (from.find_many(keys, rows, at).has_error())
    {
        return damaged();
    }
    return {};
}

json::object to_json(tenant_id tenant, const schema& s, const contact& c, bool hide_personal,
                     int offset_minutes)
{
    json::object fields;
    for (const auto& f : s.fields())
    {
        const auto* v = c.find(f.id);
        if (v != nullptr && !(hide_personal && f.personal))
        {
            fields[f.name] = to_json(*v, offset_minutes);
        }
    }
    return {{"id", contact_public_id(tenant, c.number)},
            {"revision", c.revision},
            {"created_at", format_rfc3339(c.created, offset_minutes)},
            {"updated_at", format_rfc3339(c.updated, offset_minutes)},
            {"fields", std::move(fields)}};
}

} // namespace hikyaku::crm
