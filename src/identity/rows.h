#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/crypto/sha256.h>
#include <hikyaku/identity/api_key.h>
#include <hikyaku/identity/sender_domain.h>
#include <hikyaku/identity/tenants.h>

// Keys and values as stored; layouts in README.md, checked byte by byte in the tests.
namespace hikyaku::identity
{

/// Platform family.
inline constexpr char tenant_kind = 'T';
inline constexpr char key_kind = 'K';
/// Index: keys of a tenant.
inline constexpr char tenant_key_kind = 'k';
/// Tenant's family.
inline constexpr char domain_kind = 'd';

/// A key as stored.
struct key_row
{
    api_key key;
    crypto::digest hash{};
};

[[nodiscard]] std::string tenant_row_key(tenant_id id);
[[nodiscard]] std::string key_row_key(std::uint64_t id);
[[nodiscard]] std::string tenant_key_prefix(tenant_id id);
[[nodiscard]] std::string tenant_key_row_key(tenant_id tenant, std::uint64_t id);
[[nodiscard]] std::string domain_row_key(std::uint64_t id);

[[nodiscard]] std::string encode(const tenant& t);
[[nodiscard]] std::string encode(const key_row& k);
[[nodiscard]] std::string encode(const sender_domain& d);

/// nullopt: damaged, or of another version.
[[nodiscard]] std::optional<tenant> decode_tenant(std::string_view key, std::string_view value);
[[nodiscard]] std::optional<key_row> decode_key(std::string_view key, std::string_view value);
[[nodiscard]] std::optional<sender_domain> decode_domain(tenant_id tenant, std::string_view key,
                                                         std::string_view value);

} // namespace hikyaku::identity
