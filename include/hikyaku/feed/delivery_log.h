#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <hikyaku/base/id.h>
#include <hikyaku/store/database.h>

namespace hikyaku::feed
{

class rates;

/// Zone in which a tenant's log shows times: minutes east of UTC. Called on the log's thread.
using offset_of_tenant = std::function<int(tenant_id)>;

/// Japan Standard Time, the zone of tenants that chose no other.
inline constexpr int default_offset_minutes = 9 * 60;

struct delivery_log_options
{
    /// Created with mode 0640 when missing.
    std::string path;
    /// Empty: default_offset_minutes for everybody.
    offset_of_tenant offset_minutes;
    /// How often what was written is synced and the cursors are saved.
    std::chrono::milliseconds cursor_interval{1'000};
    /// Bytes of blocks that may wait in memory; the rest is read back from the store.
    std::size_t waiting_bytes_max = 16u << 20;
    /// Told of every fact that is written, by the fact's own time; nullptr: nobody. Outlives the
    /// log.
    rates* counters = nullptr;
};

/// Where the log stands.
struct delivery_log_stats
{
    std::uint64_t lines = 0;
    /// Blocks read back from the store: after a start, or because too many waited.
    std::uint64_t blocks_read_back = 0;
    /// Blocks that are damaged or whose row is gone, so their lines are missing.
    std::uint64_t blocks_skipped = 0;
    /// Failed writes and syncs. What they held is written again.
    std::uint64_t write_failures = 0;
    std::size_t waiting_bytes = 0;
};

/// Writes delivery.log: one JSON line per fact (log_line.h), after the fact is durable.
///
/// Lines of a tenant stand in the order of their facts. Nothing is lost: a cursor per tenant
/// (platform row 'L' + tenant) names the last block whose lines are synced, and what lies behind it
/// is written (again, with the same `seq`) after a start, a failed write or a failed sync.
/// Invariant, per tenant: saved cursor <= written <= durable.
///
/// Owns a thread. Public methods are thread-safe. `db` outlives the log.
class delivery_log
{
public:
    /// Opens the file, cuts off a line that a crash left unfinished, and begins with what the
    /// cursors say is missing.
    /// @throws std::runtime_error  the file can't be opened, or the cursors can't be read
    delivery_log(store::database& db, delivery_log_options options);
    /// Writes and syncs what waits in memory and saves the cursors.
    ~delivery_log();
    delivery_log(const delivery_log&) = delete;
    delivery_log& operator=(const delivery_log&) = delete;

    /// A fact block is durable, and so is every block of the tenant with a smaller number. Only
    /// enqueues: made for the store's writer thread. `block` may be nullptr: it is then read back.
    void on_settled(tenant_id tenant, std::uint64_t fact_seq,
                    std::shared_ptr<const std::string> block);
    /// Closes the file and opens the path anew, soon: logrotate has moved the file.
    void reopen();
    /// Waits until the lines of every block handed over before are synced and the cursors saved.
    /// Returns false when the file could not be written; the lines come later.
    [[nodiscard]] bool flush();
    [[nodiscard]] delivery_log_stats stats() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

/// Key of a tenant's cursor in the platform family. Value: a version byte, then the number of the
/// last block whose lines are synced, eight bytes big-endian.
[[nodiscard]] std::string log_cursor_key(tenant_id tenant);

} // namespace hikyaku::feed
