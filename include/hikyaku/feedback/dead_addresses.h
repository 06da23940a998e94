#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/store/database.h>

namespace hikyaku::feedback
{

struct dead_address_options
{
    bool enabled = true;
    /// An entry counts until so long after the last failure.
    milliseconds expires_after = std::chrono::hours{24 * 180};
    /// It counts once so many tenants have met the failure.
    std::uint32_t tenants_min = 1;
    friend bool operator==(const dead_address_options&, const dead_address_options&) = default;
};

/// What the installation knows of an address.
struct dead_address
{
    wall_time first{};
    wall_time last{};
    /// "bad_mailbox" or "bad_domain".
    std::string cls;
    /// Different tenants that met the failure, up to dead_addresses::tenants_kept; their numbers
    /// are for the operator's eyes only.
    std::vector<tenant_id> tenants;

    friend bool operator==(const dead_address&, const dead_address&) = default;
};

/// Addresses proven not to exist, of the whole installation. Kept as keyed hashes: the list can be
/// asked, not read. A tenant learns of an entry only by its own recipient being left out
/// ("suppressed", class "dead_address"), and never whose evidence it was; it can opt out
/// (tenant_settings::use_dead_addresses). Only receivers' unambiguous answers, in a session or
/// about a message that is certainly ours, put addresses here; a message that gets through takes
/// its address off.
///
/// Thread-safe.
class dead_addresses
{
public:
    static constexpr std::size_t tenants_kept = 8;

    /// Counts the entries. What is given outlives the object.
    dead_addresses(store::database& db, oplog::operation_log& log, const crypto::master_key& master,
                   const clock& clock_source, dead_address_options options);

    void set_options(dead_address_options options);
    [[nodiscard]] dead_address_options options() const;

    /// out[i]: whether normalized[i] counts as dead now. False for all while switched off. What
    /// can't be read is not dead.
    void find_many(std::span<const std::string> normalized, std::vector<bool>& out) const;
    /// Entries, expired ones included.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_.load(); }
    [[nodiscard]] bool enabled() const noexcept { return enabled_.load(); }

    /// Adds what a failure tells to a record of the platform. One caller at a time; `rows` is
    /// committed before the next call, then settled() is told.
    void note_failure(std::string_view normalized, std::string_view cls, tenant_id by, wall_time at,
                      store::record& rows);
    /// A message got through. As above.
    void note_delivery(std::string_view normalized, store::record& rows);
    /// What was added to the record is durable, or was dropped.
    void settled(bool durable);

    /// By any form of the address. @error invalid address, or the store can't be read
    [[nodiscard]] result<std::optional<dead_address>, failure> find(std::string_view address) const;
    /// Logged ("dead_address.remove"). False when there is none. @error as find
    [[nodiscard]] result<bool, failure> remove(const oplog::actor& who, std::string_view address);
    /// Erases what has expired. Once a day is enough. @returns how many
    std::uint64_t expire(wall_time now);

private:
    [[nodiscard]] std::string key_of(std::string_view normalized) const;

    store::database& db_;
    oplog::operation_log& log_;
    const clock& clock_;
    crypto::digest key_;
    mutable std::mutex mutex_;
    dead_address_options options_; // under mutex_
    std::atomic<bool> enabled_;
    std::atomic<std::uint64_t> size_{0};
    /// Of the record being filled.
    std::vector<std::string> added_;
    std::vector<std::string> removed_;
};

} // namespace hikyaku::feedback
