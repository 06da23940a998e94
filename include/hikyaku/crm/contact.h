#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crm/value.h>

namespace hikyaku::crm
{

/// Bytes of an encoded contact.
inline constexpr std::size_t row_bytes_max = 256u << 10;

/// A person in a tenant's customer database.
struct contact
{
    /// From 1, dense, never given twice.
    ordinal number;
    /// 1 when created, one more with every write: the ETag.
    std::uint64_t revision = 0;
    wall_time created;
    wall_time updated;
    /// No none values.
    values fields;

    /// nullptr when the contact has none.
    [[nodiscard]] const value* find(std::uint16_t field_id) const noexcept;
    friend bool operator==(const contact& a, const contact& b) noexcept;
};

/// "con_…": holds the tenant, so that another tenant's id is never found here.
[[nodiscard]] std::string contact_public_id(tenant_id tenant, ordinal number);
/// nullopt when the text is no contact id or names another tenant's contact.
[[nodiscard]] std::optional<ordinal> parse_contact_id(tenant_id tenant, std::string_view id);

/// Keys in the tenant's family; layouts in src/crm/FORMAT.md.
[[nodiscard]] std::string contact_key(ordinal number);
/// 'e' + normalized address + NUL: prefix of the address index.
[[nodiscard]] std::string address_prefix(std::string_view normalized);

/// Fields of none value are not written.
[[nodiscard]] std::string encode_contact(const contact& c);
/// nullopt when the bytes are damaged or of another version.
[[nodiscard]] std::optional<contact> decode_contact(ordinal number, std::string_view row);

} // namespace hikyaku::crm
