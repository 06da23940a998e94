#include "keys.h"
#include "row_codec.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/crm/contact.h>
#include <hikyaku/crm/contact_row.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

void put_kind(std::string& out, row_kind k)
{
    out.push_back(static_cast<char>(k));
}

/// Appends kind and payload of one value.
struct value_writer
{
    std::string& out;

    void operator()(const std::monostate&) const { HK_ASSERT(false); }
    void operator()(const std::string& v) const
    {
        put_kind(out, row_kind::text);
        put_string(out, v);
    }
    void operator()(std::int64_t v) const
    {
        put_kind(out, row_kind::integer);
        put_varint(out, zigzag(v));
    }
    void operator()(const decimal& v) const
    {
        put_kind(out, row_kind::decimal);
        out.push_back(static_cast<char>(v.scale));
        put_varint(out, zigzag(v.unscaled));
    }
    void operator()(bool v) const { put_kind(out, v ? row_kind::yes : row_kind::no); }
    void operator()(std::chrono::sys_days v) const
    {
        put_kind(out, row_kind::date);
        put_varint(out, zigzag(v.time_since_epoch().count()));
    }
    void operator()(wall_time v) const
    {
        put_kind(out, row_kind::time);
        put_varint(out, zigzag(to_unix_ms(v)));
    }
    void operator()(const std::vector<std::string>& v) const
    {
        put_kind(out, row_kind::list);
        std::string items;
        put_varint(items, v.size());
        for (const auto& item : v)
        {
            put_string(items, item);
        }
        put_string(out, items);
    }
};

/// An owned value from a borrowed cell.
struct cell_reader
{
    value operator()(const std::monostate&) const { return {}; }
    value operator()(std::string_view v) const { return std::string(v); }
    value operator()(std::span<const std::string_view> v) const
    {
        return std::vector<std::string>(v.begin(), v.end());
    }
    template <class T> value operator()(const T& v) const { return v; }
};

} // namespace

const value* contact::find(std::uint16_t field_id) const noexcept
{
    const auto found =
        std::lower_bound(fields.begin(), fields.end(), field_id,
                         [](const auto& entry, std::uint16_t id) { return entry.first < id; });
    return found != fields.end() && found->first == field_id ? &found->second : nullptr;
}

bool operator==(const contact& a, const contact& b) noexcept
{
    return a.number == b.number && a.revision == b.revision && a.created == b.created &&
           a.updated == b.updated &&
           std::equal(a.fields.begin(), a.fields.end(), b.fields.begin(), b.fields.end(),
                      [](const auto& x, const auto& y)
                      { return x.first == y.first && equal(x.second, y.second); });
}

std::string contact_public_id(tenant_id tenant, ordinal number)
{
    return format_id("con", (static_cast<std::uint64_t>(tenant.value) << 32) | number.value);
}

std::optional<ordinal> parse_contact_id(tenant_id tenant, std::string_view id)
{
    const auto number = parse_id("con", id);
    if (!number || (*number >> 32) != tenant.value || static_cast<std::uint32_t>(*number) == 0)
    {
        return std::nullopt;
    }
    return ordinal{static_cast<std::uint32_t>(*number)};
}

std::string contact_key(ordinal number)
{
    std::string key(1, contact_kind);
    put_be(key, number.value);
    return key;
}

std::string address_prefix(std::string_view normalized)
{
    std::string key(1, address_kind);
    key += normalized;
    key.push_back('\0');
    return key;
}

std::string encode_contact(const contact& c)
{
    std::string out(1, static_cast<char>(row_version));
    put_varint(out, c.revision);
    put_varint(out, zigzag(to_unix_ms(c.created)));
    put_varint(out, zigzag((c.updated - c.created).count()));
    const auto count = std::count_if(c.fields.begin(), c.fields.end(),
                                     [](const auto& f) { return !is_none(f.second); });
    put_varint(out, static_cast<std::uint64_t>(count));
    unsigned previous = 0;
    for (const auto& [id, v] : c.fields)
    {
        if (is_none(v))
        {
            continue;
        }
        HK_ASSERT(id > previous);
        put_varint(out, id - previous);
        previous = id;
        std::visit(value_writer{out}, v);
    }
    return out;
}

std::optional<contact> decode_contact(ordinal number, std::string_view row)
{
    contact_row_view view;
    if (!view.load(row))
    {
        return std::nullopt;
    }
    contact c;
    c.number = number;
    c.revision = view.revision();
    c.created = view.created();
    c.updated = view.updated();
    const auto ids = view.ids();
    c.fields.reserve(ids.size());
    for (const std::uint16_t id : ids)
    {
        c.fields.emplace_back(id, std::visit(cell_reader{}, view.value(id)));
    }
    return c;
}

} // namespace hikyaku::crm
