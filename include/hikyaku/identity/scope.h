#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/identity/problem.h>

namespace hikyaku::identity
{

/// What a key may do. Values are stored as bits: never reused. `_read` is for GET and for actions
/// that change nothing (:search, :count, :preview, :render); `_write` does not include it.
enum class scope : std::uint8_t
{
    /// Contacts, history, reference tables, segments, suppressions, consents.
    contacts_read = 0,
    contacts_write = 1,
    /// Fields and tables: the shape of the data.
    schema_write = 2,
    /// Templates, folders, campaigns and their reports.
    campaigns_read = 3,
    /// Create and edit campaigns and templates.
    campaigns_write = 4,
    /// Start, schedule, pause and cancel campaigns.
    campaigns_send = 5,
    /// Transactional messages, and reading them.
    messages_send = 6,
    domains_read = 7,
    domains_write = 8,
    /// Event feed and webhooks.
    events_read = 9,
    webhooks_write = 10,
    /// Keys, users, groups and sessions.
    access_read = 11,
    access_write = 12,
    operation_log_read = 13,
    /// Progress of jobs and cancelling them.
    jobs = 14,
};
inline constexpr std::size_t scope_count = 15;

/// "contacts:read", "campaigns:send", "jobs". Lives for ever.
[[nodiscard]] std::string_view to_string(scope s) noexcept;

/// A set of scopes; a value.
class scope_set
{
public:
    constexpr scope_set() noexcept = default;
    constexpr scope_set(std::initializer_list<scope> scopes) noexcept
    {
        for (const scope s : scopes)
        {
            bits_ |= 1U << static_cast<unsigned>(s);
        }
    }
    [[nodiscard]] static constexpr scope_set all() noexcept
    {
        return from_bits((1U << scope_count) - 1U);
    }
    /// Bits without a meaning are dropped.
    [[nodiscard]] static constexpr scope_set from_bits(std::uint32_t bits) noexcept
    {
        scope_set out;
        out.bits_ = bits & ((1U << scope_count) - 1U);
        return out;
    }
    /// Names as to_string gives them; "*" is all().
    ///
    /// @error invalid  an unknown name, with the known ones; or no name at all
    [[nodiscard]] static result<scope_set, problem> parse(std::span<const std::string> names);

    [[nodiscard]] constexpr bool has(scope s) const noexcept
    {
        return (bits_ >> static_cast<unsigned>(s) & 1U) != 0;
    }
    [[nodiscard]] constexpr bool includes(scope_set other) const noexcept
    {
        return (other.bits_ & ~bits_) == 0;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
    /// In the order of the enumeration.
    [[nodiscard]] std::vector<std::string> names() const;
    friend constexpr bool operator==(scope_set, scope_set) noexcept = default;

private:
    std::uint32_t bits_ = 0;
};

} // namespace hikyaku::identity
