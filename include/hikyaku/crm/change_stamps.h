#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <hikyaku/base/id.h>

namespace hikyaku::crm
{

/// Tells the send path that what it read of a contact or of a suppression may be old.
///
/// Remember the stamps of the contact and of its address before reading, compare just before the
/// final dot: different means read again. A change bumps after it is durable and before its caller
/// is answered. A table of counters shared by hash: a bump of another contact may look like one of
/// this (then a row is read once more), never the other way round. Lock-free, any thread.
class change_stamps
{
public:
    static constexpr std::size_t slots = std::size_t{1} << 18;

    change_stamps() : table_(std::make_unique<table>()) {}

    [[nodiscard]] std::uint32_t stamp(tenant_id tenant, ordinal number) const noexcept
    {
        return at(slot_of(tenant, number)).load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint32_t stamp_address(tenant_id tenant,
                                              std::string_view normalized) const noexcept
    {
        return at(slot_of(tenant, normalized)).load(std::memory_order_acquire);
    }
    void bump(tenant_id tenant, ordinal number) noexcept
    {
        at(slot_of(tenant, number)).fetch_add(1, std::memory_order_acq_rel);
    }
    void bump_address(tenant_id tenant, std::string_view normalized) noexcept
    {
        at(slot_of(tenant, normalized)).fetch_add(1, std::memory_order_acq_rel);
    }

private:
    using table = std::array<std::atomic<std::uint32_t>, slots>;

    [[nodiscard]] static std::size_t slot_of(tenant_id tenant, ordinal number) noexcept;
    [[nodiscard]] static std::size_t slot_of(tenant_id tenant, std::string_view text) noexcept;
    [[nodiscard]] std::atomic<std::uint32_t>& at(std::size_t slot) const noexcept
    {
        return (*table_)[slot];
    }

    std::unique_ptr<table> table_;
};

} // namespace hikyaku::crm
