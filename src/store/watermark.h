#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hikyaku/store/database.h>

#include <rocksdb/env.h>

namespace hikyaku::store
{

/// The durable file acked.seq: the last sequence number that was ever acknowledged, at most a
/// second old. After a start it tells whether the log lost its tail. A gap that was found is kept
/// in acked.gap until the operator accepts it: new commits would soon hide it otherwise.
/// Both are one line with a layout version and a checksum (FORMAT.md).
class watermark
{
public:
    watermark(rocksdb::Env& env, std::string dir) : env_(env), dir_(std::move(dir)) {}

    enum class load_state
    {
        found,
        /// No file yet: a new store.
        none,
        /// What it said is lost, so nobody knows whether the log is whole. Logged.
        damaged,
    };
    [[nodiscard]] load_state load(std::uint64_t& seq) const;
    /// Replaces the file: write, sync, rename, sync of the directory.
    [[nodiscard]] rocksdb::Status save(std::uint64_t seq) const;

    /// nullopt: none is open. A damaged file is a gap of unknown extent.
    [[nodiscard]] std::optional<missing_tail> load_gap() const;
    [[nodiscard]] rocksdb::Status save_gap(const missing_tail& gap) const;
    [[nodiscard]] rocksdb::Status clear_gap() const;

private:
    rocksdb::Env& env_;
    std::string dir_;
};

} // namespace hikyaku::store
