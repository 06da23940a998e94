#include "import_batch.h"

#include "contact_writer.h"
#include "failures.h"
#include "keys.h"

#include <hikyaku/base/assert.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

/// Contacts are looked up in slices of so many rows, so that large ones can end a batch early.
constexpr std::size_t load_slice_rows = 64;
constexpr std::uint64_t ordinal_max = UINT32_MAX - 1;

std::string describe(const problem& p)
{
    return p.field.empty() ? p.text : p.field + ": " + p.text;
}

const value* find_value(const values& list, std::uint16_t id)
{
    const auto at = std::lower_bound(list.begin(), list.end(), id,
                                     [](const auto& e, std::uint16_t i) { return e.first < i; });
    return at != list.end() && at->first == id ? &at->second : nullptr;
}

/// Copies the operations sorted by key, each key once: a put outlives an erase, since a key that
/// one contact gives up may be another's now.
void copy_sorted(const store::record& from, store::record& to)
{
    std::vector<store::operation> all;
    store::operation_reader in(from.bytes());
    for (store::operation o; in.next(o);)
    {
        all.push_back(o);
    }
    HK_ASSERT(in.ok());
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b)
              { return a.key != b.key ? a.key < b.key : a.kind < b.kind; });
    const store::operation* before = nullptr;
    for (const auto& o : all)
    {
        if (before != nullptr && before->key == o.key)
        {
            HK_ASSERT(o.kind == store::operation_kind::erase);
            continue;
        }
        before = &o;
        if (o.kind == store::operation_kind::put)
        {
            to.put(o.where, o.key, o.value);
        }
        else
        {
            to.erase(o.where, o.key);
        }
    }
}

} // namespace

parsed_row parse_row(const import_row& row, const import_columns& columns, char delimiter)
{
    parsed_row out;
    if (row.bad)
    {
        out.reason = explain(*row.bad);
        return out;
    }
    // One record without its line end, checked when it was first read.
    // Not at the start of a file: a byte order mark would be part of the first cell.
    csv_parser again(delimiter, csv_parser::position{.offset = 1});
    again.check_utf8(false);
    again.feed(row.raw, true);
    const auto event = again.next();
    HK_ASSERT(event == csv_parser::event::record);
    auto cells = columns.read(again.fields());
    if (cells.has_error())
    {
        out.reason = describe(cells.error());
        return out;
    }
    out.cells = std::move(*cells);
    const value* key = find_value(out.cells, columns.key().id);
    out.key = key != nullptr ? key_bytes(columns.key(), *key) : std::string();
    if (out.key.empty())
    {
        out.reason = columns.key().name + ": The update key is empty.";
    }
    return out;
}

std::string import_batch::unique_key_of(std::uint16_t field, const value* v) const
{
    const auto bytes = v != nullptr ? key_bytes(*columns_.fields().find(field), *v) : std::string();
    return bytes.empty() ? bytes : unique_key(field, bytes);
}

result<std::size_t, problem> import_batch::load(std::span<const parsed_row> rows)
{
    const auto last = read_counter(from_, counter::last_ordinal);
    const auto count = read_counter(from_, counter::contacts);
    if (last.has_error() || count.has_error())
    {
        return damaged();
    }
    last_ordinal_ = *last;
    contacts_ = *count;
    const auto keys = load_keys(rows);
    if (keys.has_error())
    {
        return keys.error();
    }
    return load_contacts(rows);
}

result<void, problem> import_batch::load_keys(std::span<const parsed_row> rows)
{
    std::vector<std::string> keys;
    keys.reserve(rows.size() * columns_.fields().update_keys().size());
    for (const auto& row : rows)
    {
        for (const auto id : columns_.fields().update_keys())
        {
            auto key = row.reason.empty() ? unique_key_of(id, find_value(row.cells, id)) : "";
            if (!key.empty())
            {
                keys.push_back(std::move(key));
            }
        }
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    std::vector<std::optional<std::string>> found;
    if (from_.find_many(keys, found).has_error())
    {
        return damaged();
    }
    for (std::size_t i = 0; i < keys.size(); ++i)
    {
        if (found[i] && found[i]->size() != sizeof(std::uint32_t))
        {
            return damaged();
        }
        if (found[i])
        {
            owners_.emplace(std::move(keys[i]), get_be<std::uint32_t>(*found[i]));
        }
    }
    return {};
}

result<std::size_t, problem> import_batch::load_contacts(std::span<const parsed_row> rows)
{
    if (mode_ == import_mode::new_only)
    {
        // Nobody is changed, so nobody is read.
        return rows.size();
    }
    std::size_t taken = 0;
    std::size_t bytes = 0;
    while (taken < rows.size() && bytes < loaded_bytes_max)
    {
        const auto slice = rows.subspan(taken, std::min(load_slice_rows, rows.size() - taken));
        auto sizes = load_slice(slice);
        if (sizes.has_error())
        {
            return sizes.error();
        }
        for (const auto& row : slice)
        {
            if (bytes >= loaded_bytes_max)
            {
                break;
            }
            // Each contact counts once: at the first row that is for it.
            if (const auto owner = owner_of(row))
            {
                const auto size = sizes->extract(*owner);
                bytes += size ? size.mapped() : 0;
            }
            ++taken;
        }
    }
    return taken;
}

/// The contact a row is for; nullopt for a new one and for a row that is rejected.
std::optional<std::uint32_t> import_batch::owner_of(const parsed_row& row) const
{
    const auto owner =
        row.reason.empty() ? owners_.find(unique_key(columns_.key().id, row.key)) : owners_.end();
    return owner == owners_.end() ? std::nullopt : std::optional(owner->second);
}

/// Reads the contacts of the rows that are not here yet. @returns their stored sizes
result<std::map<std::uint32_t, std::size_t>, problem>
import_batch::load_slice(std::span<const parsed_row> slice)
{
    std::map<std::uint32_t, std::size_t> sizes;
    for (const auto& row : slice)
    {
        const auto owner = owner_of(row);
        if (owner && !entries_.contains(*owner))
        {
            sizes.emplace(*owner, 0);
        }
    }
    std::vector<std::string> keys;
    for (const auto& [number, size] : sizes)
    {
        keys.push_back(contact_key(ordinal{number}));
    }
    std::vector<std::optional<std::string>> found;
    if (from_.find_many(keys, found).has_error())
    {
        return damaged();
    }
    auto row = found.begin();
    for (auto& [number, size] : sizes)
    {
        auto c = *row ? decode_contact(ordinal{number}, **row) : std::nullopt;
        if (!c)
        {
            return damaged();
        }
        size = (*row)->size();
        entries_.emplace(number, entry{*c, *c, false});
        ++row;
    }
    return sizes;
}

result<std::string, problem> import_batch::apply_row(const parsed_row& row, import_counts& counts)
{
    ++counts.rows;
    if (!row.reason.empty())
    {
        ++counts.rejected;
        return row.reason;
    }
    const auto owner = owners_.find(unique_key(columns_.key().id, row.key));
    const bool exists = owner != owners_.end();
    if (exists ? mode_ == import_mode::new_only : mode_ == import_mode::update_only)
    {
        ++counts.skipped;
        return std::string();
    }
    if (!exists)
    {
        return create(row, counts);
    }
    const auto found = entries_.find(owner->second);
    // An earlier row of the batch may have given this key to a contact that no row was looked up
    // for, but never to one that is not here: rows change only contacts that are loaded.
    HK_ASSERT(found != entries_.end());
    entry& e = found->second;
    contact next = e.now;
    if (!apply_changes(next.fields, row.cells))
    {
        ++counts.unchanged;
        return std::string();
    }
    drop_unknown(columns_.fields(), next.fields);
    next.revision += 1;
    next.updated = std::max(now_, e.now.updated);
    std::string reason = take(e, std::move(next));
    ++(reason.empty() ? counts.updated : counts.rejected);
    return reason;
}

result<std::string, problem> import_batch::create(const parsed_row& row, import_counts& counts)
{
    if (last_ordinal_ >= ordinal_max)
    {
        return problem{errc::limit, "", "The tenant has used up its contact numbers."};
    }
    contact c;
    c.number = ordinal{static_cast<std::uint32_t>(last_ordinal_ + 1)};
    c.revision = 1;
    c.created = c.updated = now_;
    (void)apply_changes(c.fields, row.cells);
    apply_defaults(columns_.fields(), c.fields);
    entry fresh;
    fresh.now.number = c.number;
    std::string reason = take(fresh, std::move(c));
    if (!reason.empty())
    {
        ++counts.rejected;
        return reason;
    }
    ++last_ordinal_;
    ++created_;
    ++counts.created;
    entries_.emplace(fresh.now.number.value, std::move(fresh));
    return std::string();
}

/// The update key field in which the contact has a value that is another's; nullptr when none.
const field* import_batch::find_taken_key(const contact& c) const
{
    for (const auto id : columns_.fields().update_keys())
    {
        const auto key = unique_key_of(id, c.find(id));
        const auto owner = key.empty() ? owners_.end() : owners_.find(key);
        if (owner != owners_.end() && owner->second != c.number.value)
        {
            return columns_.fields().find(id);
        }
    }
    return nullptr;
}

/// Makes `next` what the contact is now. @returns why it can't be
std::string import_batch::take(entry& e, contact next)
{
    const auto checked = check_contact(columns_.fields(), next);
    if (checked.has_error())
    {
        return describe(checked.error());
    }
    if (const field* f = find_taken_key(next); f != nullptr)
    {
        return f->name + ": Another contact has this value; the field is an update key.";
    }
    for (const auto id : columns_.fields().update_keys())
    {
        const auto old_key = unique_key_of(id, e.now.find(id));
        auto new_key = unique_key_of(id, next.find(id));
        if (old_key == new_key)
        {
            continue;
        }
        owners_.erase(old_key);
        if (!new_key.empty())
        {
            owners_[std::move(new_key)] = next.number.value;
        }
    }
    e.now = std::move(next);
    e.changed = true;
    return std::string();
}

void import_batch::write(store::record& out)
{
    store::record unsorted(out.tenant());
    contact_writer writer(columns_.fields(), unsorted);
    for (const auto& [number, e] : entries_)
    {
        if (e.changed)
        {
            writer.put(e.before ? &*e.before : nullptr, e.now);
            touched_.push_back(ordinal{number});
        }
    }
    if (created_ != 0)
    {
        unsorted.put(store::space::data, counter_key(counter::last_ordinal),
                     counter_value(last_ordinal_));
        unsorted.put(store::space::data, counter_key(counter::contacts),
                     counter_value(contacts_ + created_));
    }
    copy_sorted(unsorted, out);
    touched_addresses_ = writer.touched_addresses();
}

} // namespace hikyaku::crm
