#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/id.h>
#include <hikyaku/store/errc.h>
#include <hikyaku/store/reader.h>

/// Keys of this module in a tenant's family: FORMAT.md has them byte by byte.
namespace hikyaku::crm
{

inline constexpr char field_kind = 'A';
inline constexpr char counter_kind = 'n';
inline constexpr char contact_kind = 'c';
inline constexpr char address_kind = 'e';
inline constexpr char unique_kind = 'u';
inline constexpr char suppression_kind = 's';
inline constexpr char upload_kind = 'U';

/// Second byte of a counter's key.
enum class counter : char
{
    contacts = 'c',
    last_field = 'f',
    last_ordinal = 'o',
    schema_version = 'v',
};

[[nodiscard]] inline std::string counter_key(counter which)
{
    return {counter_kind, static_cast<char>(which)};
}
[[nodiscard]] inline std::string counter_value(std::uint64_t v)
{
    std::string out;
    put_be(out, v);
    return out;
}
/// 0 when there is no row yet; a row of another size is damage.
[[nodiscard]] inline result<std::uint64_t> read_counter(const store::reader& from, counter which)
{
    const auto row = from.find(counter_key(which));
    if (row.has_error())
    {
        return row.error();
    }
    if (*row && (*row)->size() != sizeof(std::uint64_t))
    {
        return store::make_error_code(store::errc::corrupt);
    }
    return *row ? get_be<std::uint64_t>(**row) : 0;
}

[[nodiscard]] inline std::string field_key(std::uint16_t id)
{
    std::string key(1, field_kind);
    put_be(key, id);
    return key;
}
[[nodiscard]] inline std::string unique_prefix(std::uint16_t field)
{
    std::string key(1, unique_kind);
    put_be(key, field);
    return key;
}
[[nodiscard]] inline std::string unique_key(std::uint16_t field, std::string_view bytes)
{
    std::string key = unique_prefix(field);
    key += bytes;
    return key;
}
[[nodiscard]] inline std::string ordinal_value(ordinal number)
{
    std::string out;
    put_be(out, number.value);
    return out;
}

} // namespace hikyaku::crm
