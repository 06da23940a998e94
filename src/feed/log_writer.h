#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_map>

#include <hikyaku/feed/delivery_log.h>

#include "log_file.h"
#include "tenant_progress.h"
#include "waiting_blocks.h"

namespace hikyaku::feed
{

/// Turns blocks into lines of the file and keeps the cursors. The log's thread only.
///
/// After a failed write or sync it is broken(): everything since the last sync counts as not
/// written, and repair() starts again from there.
class log_writer
{
public:
    /// Lines gathered before they are written.
    static constexpr std::size_t write_bytes = 256u << 10;
    /// Bytes of blocks read back in one go, so that fresh ones get their turn.
    static constexpr std::size_t read_back_bytes = 4u << 20;

    /// @throws std::runtime_error as delivery_log's constructor
    log_writer(store::database& db, const delivery_log_options& options);

    /// Writes the blocks, and before each what is missing in front of it. Stops early when
    /// `hurry` is set and something would have to be read back.
    void write(const waiting_blocks& taken, const std::atomic<bool>& hurry);
    /// Reads back some of what is durable and not written. @returns false when nothing is left
    bool catch_up();
    /// Syncs the file and saves the cursors that moved; waits until they are durable when told to.
    void save(bool wait);
    /// Syncs and opens the path anew. A failure leaves the old file in use.
    void reopen();
    void repair();

    [[nodiscard]] bool broken() const noexcept { return broken_; }
    /// Something was written since the last save().
    [[nodiscard]] bool dirty() const noexcept { return dirty_; }

    std::atomic<std::uint64_t> lines{0};
    std::atomic<std::uint64_t> blocks_read_back{0};
    std::atomic<std::uint64_t> blocks_skipped{0};
    std::atomic<std::uint64_t> write_failures{0};

private:
    tenant_progress& obtain(tenant_id tenant);
    void load(tenant_id tenant);
    void emit(tenant_id tenant, tenant_progress& p, std::uint64_t seq, std::string_view block);
    bool read_back(tenant_id tenant, tenant_progress& p, std::uint64_t last);
    void read_singly(tenant_id tenant, tenant_progress& p, const store::reader& rows,
                     std::uint64_t last);
    void skip(tenant_id tenant, std::uint64_t seq, std::string_view why);
    void write_out();
    [[nodiscard]] bool sync();
    void fail(const failure& why);

    store::database& db_;
    offset_of_tenant offset_minutes_;
    rates* counters_;
    log_file file_;
    std::string buffer_;
    std::unordered_map<tenant_id, tenant_progress> tenants_;
    bool broken_ = false;
    bool dirty_ = false;
};

} // namespace hikyaku::feed
