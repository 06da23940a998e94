#include "row_codec.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crm/contact_row.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

/// Takes a value's payload; nullopt for an unknown kind.
std::optional<std::string_view> take_payload(byte_reader& in, std::uint8_t kind)
{
    const std::string_view before = in.rest();
    switch (static_cast<row_kind>(kind))
    {
    case row_kind::text:
    case row_kind::list:
        return in.string();
    case row_kind::no:
    case row_kind::yes:
        return std::string_view{};
    case row_kind::decimal:
        if (in.u8() > segment::decimal::scale_max)
        {
            return std::nullopt;
        }
        [[fallthrough]];
    case row_kind::integer:
    case row_kind::date:
    case row_kind::time:
        static_cast<void>(in.varint());
        return before.substr(0, before.size() - in.rest().size());
    }
    return std::nullopt;
}

} // namespace

void contact_row_view::clear() noexcept
{
    parts_.clear();
    items_.clear();
    ids_.clear();
    revision_ = 0;
    created_ = {};
    updated_ = {};
}

bool contact_row_view::read_list(std::string_view bytes, part& p)
{
    byte_reader in(bytes);
    const std::uint64_t count = in.varint();
    if (count > bytes.size())
    {
        return false;
    }
    p.list_first = static_cast<std::uint32_t>(items_.size());
    p.list_size = static_cast<std::uint32_t>(count);
    for (std::uint64_t i = 0; i < count; ++i)
    {
        items_.push_back(in.string());
    }
    return in.ok() && in.at_end();
}

bool contact_row_view::load(std::string_view row)
{
    clear();
    if (read(row))
    {
        return true;
    }
    clear();
    return false;
}

bool contact_row_view::read(std::string_view row)
{
    byte_reader in(row);
    if (in.u8() != row_version)
    {
        return false;
    }
    revision_ = in.varint();
    const std::int64_t created = unzigzag(in.varint());
    created_ = from_unix_ms(created);
    // As unsigned: damaged bytes may hold anything.
    updated_ = from_unix_ms(static_cast<std::int64_t>(
        static_cast<std::uint64_t>(created) + static_cast<std::uint64_t>(unzigzag(in.varint()))));
    const std::uint64_t count = in.varint();
    std::uint64_t id = 0;
    for (std::uint64_t i = 0; i < count && in.ok(); ++i)
    {
        const std::uint64_t step = in.varint();
        id += step;
        part p;
        p.kind = in.u8();
        const auto payload = take_payload(in, p.kind);
        if (!in.ok() || !payload || step == 0 || step > 0xFFFF || id > 0xFFFF)
        {
            return false;
        }
        p.id = static_cast<std::uint32_t>(id);
        p.bytes = *payload;
        if (p.kind == static_cast<std::uint8_t>(row_kind::list) && !read_list(p.bytes, p))
        {
            return false;
        }
        parts_.push_back(p);
    }
    return in.ok() && in.at_end();
}

std::span<const std::uint16_t> contact_row_view::ids() const
{
    if (ids_.size() != parts_.size())
    {
        ids_.clear();
        for (const part& p : parts_)
        {
            ids_.push_back(static_cast<std::uint16_t>(p.id));
        }
    }
    return ids_;
}

segment::cell contact_row_view::value(std::uint32_t slot) const
{
    const auto found = std::lower_bound(parts_.begin(), parts_.end(), slot,
                                        [](const part& p, std::uint32_t id) { return p.id < id; });
    return found != parts_.end() && found->id == slot ? read_cell(*found) : segment::cell{};
}

segment::cell contact_row_view::read_cell(const part& p) const
{
    byte_reader in(p.bytes);
    switch (static_cast<row_kind>(p.kind))
    {
    case row_kind::text:
        return p.bytes;
    case row_kind::integer:
        return unzigzag(in.varint());
    case row_kind::decimal:
    {
        segment::decimal d;
        d.scale = in.u8();
        d.unscaled = unzigzag(in.varint());
        return d;
    }
    case row_kind::no:
        return false;
    case row_kind::yes:
        return true;
    case row_kind::date:
        return std::chrono::sys_days{
            std::chrono::days{static_cast<std::int32_t>(unzigzag(in.varint()))}};
    case row_kind::time:
        return from_unix_ms(unzigzag(in.varint()));
    case row_kind::list:
        return std::span<const std::string_view>(items_.data() + p.list_first, p.list_size);
    }
    return {};
}

bool decode_fields(contact_row_view& view, std::string_view row,
                   std::span<const std::uint16_t> wanted, std::vector<segment::cell>& out)
{
    const bool whole = view.load(row);
    out.clear();
    for (const std::uint16_t id : wanted)
    {
        out.push_back(view.value(id));
    }
    return whole;
}

} // namespace hikyaku::crm
