#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <rocksdb/env.h>

namespace hikyaku::sim
{

/// A disk in memory that knows what was synced, so that its power can be cut. Names are durable at
/// once (tests/fault has the disk that loses those too).
class memory_disk
{
public:
    memory_disk();
    ~memory_disk();
    memory_disk(const memory_disk&) = delete;
    memory_disk& operator=(const memory_disk&) = delete;

    [[nodiscard]] rocksdb::Env& env() noexcept { return *env_; }

    /// What the disk holds when its power is cut now: of each file what was synced, and of the
    /// write-ahead log some of the rest (`torn` of 100 parts).
    [[nodiscard]] std::unique_ptr<memory_disk> cut_power(unsigned torn = 0) const;
    /// The same, just before the next sync of the write-ahead log comes to its end.
    void cut_power_at_next_sync(unsigned torn);
    /// The image of that moment; nullptr when there was no such sync.
    [[nodiscard]] std::unique_ptr<memory_disk> take_image();

private:
    friend class disk_file;
    friend class disk_file_system;
    struct contents;

    std::shared_ptr<contents> contents_;
    std::unique_ptr<rocksdb::Env> memory_;
    std::unique_ptr<rocksdb::Env> env_;
};

} // namespace hikyaku::sim
