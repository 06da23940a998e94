#include <hikyaku/crm/change_stamps.h>

namespace hikyaku::crm
{
namespace
{

/// The finaliser of MurmurHash3: every input bit reaches the low bits.
std::uint64_t mix(std::uint64_t x) noexcept
{
    x ^= x >> 33;
    x *= 0xFF51AFD7ED558CCDULL;
    x ^= x >> 33;
    x *= 0xC4CEB9FE1A85EC53ULL;
    return x ^ (x >> 33);
}

} // namespace

std::size_t change_stamps::slot_of(tenant_id tenant, ordinal number) noexcept
{
    return mix((static_cast<std::uint64_t>(tenant.value) << 32) | number.value) & (slots - 1);
}

std::size_t change_stamps::slot_of(tenant_id tenant, std::string_view text) noexcept
{
    // FNV-1a.
    std::uint64_t hash = 0xCBF29CE484222325ULL ^ tenant.value;
    for (const char c : text)
    {
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ULL;
    }
    return mix(hash) & (slots - 1);
}

} // namespace hikyaku::crm
