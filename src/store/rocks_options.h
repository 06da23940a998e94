#pragma once

#include <functional>
#include <memory>
#include <string>

#include <hikyaku/store/database.h>

#include <rocksdb/options.h>

namespace hikyaku::store
{

/// Told of errors in RocksDB's background work, on its threads.
struct background_events
{
    /// A table failed its checksum in a compaction: the text names it. The store stays open.
    std::function<void(std::string text)> damaged_table;
};

/// The settings of ARCHITECTURE.md, in one place.
[[nodiscard]] rocksdb::DBOptions make_db_options(const options& opts,
                                                 std::shared_ptr<background_events> events);
[[nodiscard]] rocksdb::ColumnFamilyOptions
make_family_options(const options& opts, const std::shared_ptr<rocksdb::Cache>& cache);
[[nodiscard]] std::shared_ptr<rocksdb::Cache> make_block_cache(const options& opts);

} // namespace hikyaku::store
