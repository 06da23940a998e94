// Which addresses have been seen before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>
#include <unordered_set>

namespace hikyaku::sink
{

/// A set of strings kept as 64-bit hashes. Thread-safe, split so that workers rarely meet.
class seen_set
{
public:
    /// @returns true when `text` was not in the set.
    bool insert(std::string_view text)
    {
        const std::uint64_t hash = std::hash<std::string_view>{}(text);
        shard& home = shards_[hash % shard_count];
        const std::scoped_lock lock(home.mutex);
        return home.hashes.insert(hash).second;
    }

    [[nodiscard]] std::uint64_t size()
    {
        std::uint64_t total = 0;
        for (shard& each : shards_)
        {
            const std::scoped_lock lock(each.mutex);
            total += each.hashes.size();
        }
        return total;
    }

    void clear()
    {
        for (shard& each : shards_)
        {
            const std::scoped_lock lock(each.mutex);
            each.hashes.clear();
        }
    }

private:
    static constexpr std::size_t shard_count = 64;
    struct shard
    {
        std::mutex mutex;
        std::unordered_set<std::uint64_t> hashes;
    };
    std::array<shard, shard_count> shards_;
};

} // namespace hikyaku::sink
