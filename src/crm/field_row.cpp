#include "field_row.h"

#include "row_codec.h"

#include <hikyaku/base/bytes.h>

namespace hikyaku::crm
{
namespace
{

enum flag : std::uint8_t
{
    personal = 1,
    required = 2,
    update_key = 4,
};

} // namespace

std::string encode_field(const field& f)
{
    std::string out(1, static_cast<char>(row_version));
    put_string(out, f.name);
    put_string(out, f.label);
    put_string(out, segment::to_string(f.type));
    std::uint8_t flags = 0;
    flags |= f.personal ? personal : 0;
    flags |= f.required ? required : 0;
    flags |= f.update_key ? update_key : 0;
    out.push_back(static_cast<char>(flags));
    put_string(out, f.memo);
    put_string(out, f.default_value);
    put_varint(out, f.options.size());
    for (const auto& option : f.options)
    {
        put_string(out, option);
    }
    return out;
}

std::optional<field> decode_field(std::uint16_t id, std::string_view row)
{
    byte_reader in(row);
    field f;
    f.id = id;
    const auto version = in.u8();
    f.name = std::string(in.string());
    f.label = std::string(in.string());
    const auto type = parse_field_type(in.string());
    const auto flags = in.u8();
    f.memo = std::string(in.string());
    f.default_value = std::string(in.string());
    const auto options = in.varint();
    for (std::uint64_t i = 0; i < options && in.ok(); ++i)
    {
        f.options.emplace_back(in.string());
    }
    if (version != row_version || !type || !in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    f.type = *type;
    f.personal = (flags & personal) != 0;
    f.required = (flags & required) != 0;
    f.update_key = (flags & update_key) != 0;
    return f;
}

} // namespace hikyaku::crm
