#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/store/errc.h>
#include <hikyaku/store/reader.h>
#include <hikyaku/store/record.h>

namespace rocksdb
{
class Env;
}

namespace hikyaku::store
{

/// In which order waiting records go to disk.
enum class commit_class : std::uint8_t
{
    /// What happened to recipients: always first.
    outcome = 0,
    /// Requests somebody waits for.
    control = 1,
    /// Expansion, import, projections: a bounded number of bytes per commit.
    bulk = 2,
};
inline constexpr std::size_t commit_classes = 3;

struct options
{
    std::string path;
    bool create_if_missing = true;
    std::size_t block_cache_bytes = 48u << 20;
    std::size_t memtable_bytes = 64u << 20;
    std::size_t wal_bytes_max = 32u << 20;
    /// A group is closed at this size; a single larger record is its own group.
    std::size_t group_bytes_max = 256u << 10;
    /// How long outcomes wait for company when nothing else waits: one sync then carries more.
    std::chrono::microseconds group_wait{0};
    /// The file system seam: nullptr is the machine's. Outlives the database.
    rocksdb::Env* env = nullptr;
    /// The wall clock of time marks: nullptr is the machine's (by hand: none are written).
    /// Outlives the database.
    const clock* time = nullptr;
    /// No threads of our own: groups are written in write_one(), and what still waits there when
    /// the database is closed is dropped. For simulated worlds.
    bool by_hand = false;
};

/// Acknowledged data that is missing after a start: the log was damaged or cut.
struct missing_tail
{
    /// RocksDB sequence number that had been acknowledged; 0 when the files that would tell
    /// (acked.seq, acked.gap) are damaged themselves: then anything may be missing.
    std::uint64_t acknowledged = 0;
    /// The last one found.
    std::uint64_t found = 0;
};

/// Where a tenant's journal stands.
struct journal_head
{
    std::uint32_t epoch = 1;
    std::uint64_t seq = 0;
    std::string hash = std::string(32, '\0');
};

struct commit_stats
{
    std::uint64_t groups = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    /// Of the last group, and a decaying maximum, in microseconds from first wait to durable.
    std::uint64_t last_us = 0;
};

/// A tenant's own family: the only way to reach its data. Shared, because a job may still read
/// while the tenant is dropped: the files go when the last user is done. Never keep one past the
/// database.
class tenant_store : public reader
{
public:
    tenant_store(tenant_id id, rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family,
                 damage_list& damage) noexcept
        : reader(db, family, damage), id_(id), db_(db)
    {
    }
    ~tenant_store();
    tenant_store(const tenant_store&) = delete;
    tenant_store& operator=(const tenant_store&) = delete;
    [[nodiscard]] tenant_id id() const noexcept { return id_; }

private:
    tenant_id id_;
    rocksdb::DB& db_;
};

/// One RocksDB with one write-ahead log: a family per tenant, `platform` and `queue`.
///
/// Writes go through one writer thread that groups records, appends each to its tenant's hash
/// chain, and syncs the log once per group. A failed write or sync ends the process: nothing that
/// was not synced is ever acknowledged. All methods are thread-safe.
class database
{
public:
    /// @error errc::other_version, errc::locked, errc::open_failed; the log has the details.
    [[nodiscard]] static result<std::unique_ptr<database>> open(const options& opts);
    /// Stops the writer after the waiting records are durable, flushes, closes.
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// nullptr when the tenant does not exist or is damaged.
    [[nodiscard]] std::shared_ptr<const tenant_store> find_tenant(tenant_id id) const;
    /// The same, with the reason. @error errc::no_tenant, errc::tenant_damaged
    [[nodiscard]] result<std::shared_ptr<const tenant_store>> require_tenant(tenant_id id) const;
    [[nodiscard]] std::vector<tenant_id> tenants() const;
    [[nodiscard]] const reader& platform() const noexcept { return *platform_; }
    [[nodiscard]] const reader& queue() const noexcept { return *queue_; }
    [[nodiscard]] std::unique_ptr<snapshot> take_snapshot() const;
    [[nodiscard]] journal_head head(tenant_id id) const;
    /// The newest time mark that was there at open: no record before it is younger, and none
    /// behind it was younger by more than a second. {} when there was none.
    [[nodiscard]] wall_time last_time_mark() const noexcept { return last_time_mark_; }

    /// Called on the writer thread once the records are durable. Must be quick and not throw.
    using durable_callback = std::function<void()>;
    /// Hands over records that become durable together, all or none. Never blocks. Records of a
    /// tenant that is dropped before its turn are left out: their data has nowhere to go.
    /// @throws boost::system::system_error  errc::tenant_damaged; nothing was handed over.
    void submit(std::vector<record> records, commit_class cls, durable_callback done);
    void submit(record r, commit_class cls, durable_callback done);
    /// The same, and waits until durable. Not from the writer or an event loop thread.
    /// @throws boost::system::system_error  errc::no_tenant, errc::tenant_damaged: none of the
    /// records was written.
    void commit(std::vector<record> records, commit_class cls);
    void commit(record r, commit_class cls);

    /// By hand: writes the next group and calls its callbacks, on this thread.
    /// @returns false when nothing waits.
    bool write_one();

    /// Bytes handed over and not yet durable: producers stop at commit_backlog_max.
    [[nodiscard]] std::size_t backlog_bytes() const noexcept;
    static constexpr std::size_t commit_backlog_max = 16u << 20;
    [[nodiscard]] commit_stats stats() const;
    /// Durations of groups in microseconds since the last call (for the metric), at most 4,096.
    [[nodiscard]] std::vector<std::uint32_t> take_commit_durations();

    /// Set when acknowledged data was missing at open: hold delivery and tell the operator.
    [[nodiscard]] const std::optional<missing_tail>& missing() const noexcept { return missing_; }
    /// The operator accepts the gap: the watermark starts anew from what is there.
    void accept_missing();
    /// What failed a checksum since the start: "000012.sst: why" for each table file, and one text
    /// for each tenant whose journal head is lost.
    [[nodiscard]] std::vector<std::string> damaged_tables() const;

    /// Writes the memtables out and compacts everything (maintenance and measuring).
    void compact_all();
    void flush();
    /// Bytes of live files, WAL included.
    [[nodiscard]] std::uint64_t disk_bytes() const;

private:
    struct impl;
    explicit database(std::unique_ptr<impl> i);

    std::unique_ptr<impl> impl_;
    std::unique_ptr<reader> platform_;
    std::unique_ptr<reader> queue_;
    std::optional<missing_tail> missing_;
    wall_time last_time_mark_{};
};

} // namespace hikyaku::store
