#include "rocks_options.h"

#include "writer.h"

#include <hikyaku/base/log.h>

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

namespace hikyaku::store
{
namespace
{

/// A damaged table must not stop the mail that lives in the others; anything else that fails in
/// the background (a flush, a log write, the manifest) ends the process.
class background_listener final : public rocksdb::EventListener
{
public:
    explicit background_listener(std::shared_ptr<background_events> events)
        : events_(std::move(events))
    {
    }
    void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override
    {
        if (reason == rocksdb::BackgroundErrorReason::kCompaction && error->IsCorruption())
        {
            events_->damaged_table(error->ToString());
            *error = rocksdb::Status::OK();
            return;
        }
        end_after_write_failure("background", *error);
    }

private:
    std::shared_ptr<background_events> events_;
};

} // namespace

rocksdb::DBOptions make_db_options(const options& opts, std::shared_ptr<background_events> events)
{
    rocksdb::DBOptions db;
    db.env = opts.env != nullptr ? opts.env : rocksdb::Env::Default();
    db.create_if_missing = opts.create_if_missing;
    db.create_missing_column_families = true;
    db.paranoid_checks = true;
    db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    db.track_and_verify_wals_in_manifest = true;
    // All families are flushed together: a log cut by damage then never lies behind a table, and
    // point-in-time recovery always opens.
    db.atomic_flush = true;
    db.max_total_wal_size = opts.wal_bytes_max;
    db.db_write_buffer_size = opts.memtable_bytes;
    db.avoid_flush_during_shutdown = false;
    db.max_background_jobs = 2;
    db.max_open_files = 512;
    db.bytes_per_sync = 1u << 20;
    db.keep_log_file_num = 4;
    db.max_log_file_size = 4u << 20;
    db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    db.stats_dump_period_sec = 0;
    db.stats_persist_period_sec = 0;
    db.listeners.push_back(std::make_shared<background_listener>(std::move(events)));
    return db;
}

std::shared_ptr<rocksdb::Cache> make_block_cache(const options& opts)
{
    return rocksdb::NewLRUCache(opts.block_cache_bytes, 4, false, 0.3);
}

rocksdb::ColumnFamilyOptions make_family_options(const options& opts,
                                                 const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = opts.memtable_bytes / 2;
    // Hundreds of families: a small arena keeps an idle one cheap.
    family.arena_block_size = 64u << 10;
    family.max_write_buffer_number = 4;
    family.level_compaction_dynamic_level_bytes = true;
    family.target_file_size_base = 16u << 20;
    family.compression = rocksdb::kLZ4Compression;
    family.bottommost_compression = rocksdb::kZSTD;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.block_size = 8u << 10;
    // The index knows each block's first key: a scan reads a block when it gets there, not while it
    // merges what lies before, and so a damaged one spoils nothing but its own rows.
    table.index_type = rocksdb::BlockBasedTableOptions::kBinarySearchWithFirstKey;
    // Shortened separators may equal a prefix that begins behind the block: it would be read for
    // it.
    table.index_shortening = rocksdb::BlockBasedTableOptions::IndexShorteningMode::kNoShortening;
    table.format_version = 5;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.optimize_filters_for_memory = true;
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return family;
}

} // namespace hikyaku::store
