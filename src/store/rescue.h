#pragma once

#include <string>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/wal_filter.h>

namespace hikyaku::store
{

/// Reads every table file in `dir` in full. @returns a text for each that is damaged, which names
/// it. Takes as long as reading the whole store does: for a store that doesn't open.
[[nodiscard]] std::vector<std::string> find_damaged_tables(rocksdb::Env& env,
                                                           const std::string& dir);

/// Ends the replay of the log at the first record that does not follow the one before. An opening
/// that tolerates damaged tables tolerates damaged log records too: without this it would apply
/// what lies behind a hole.
class gapless_log final : public rocksdb::WalFilter
{
public:
    WalProcessingOption LogRecordFound(unsigned long long log_number, const std::string& file,
                                       const rocksdb::WriteBatch& batch,
                                       rocksdb::WriteBatch* new_batch, bool* changed) override;
    const char* Name() const override { return "hikyaku.gapless_log"; }

private:
    /// Sequence number that the next record must have; 0 before the first.
    std::uint64_t next_ = 0;
};

} // namespace hikyaku::store
