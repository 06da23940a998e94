#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <hikyaku/base/time.h>

namespace hikyaku::resolver
{

/// A bounded map from name to value with an expiry; the least recently used entry goes first.
/// Invariant: size() <= entries_max and bytes() <= bytes_max.
template <class Value> class lru_cache
{
public:
    /// Of one entry beside its key and value: list and map nodes.
    static constexpr std::size_t entry_overhead_bytes = 128;

    lru_cache(std::size_t entries_max, std::size_t bytes_max)
        : entries_max_(entries_max), bytes_max_(bytes_max)
    {
    }

    /// The value of a live entry, or nullptr; an expired entry is removed. Valid until the next
    /// call.
    [[nodiscard]] const Value* find(std::string_view name, mono_time now)
    {
        const auto at = index_.find(name);
        if (at == index_.end())
        {
            return nullptr;
        }
        if (at->second->expires <= now)
        {
            erase(at->second);
            return nullptr;
        }
        entries_.splice(entries_.begin(), entries_, at->second);
        return &at->second->value;
    }

    /// Replaces what is there. A value too big for the whole cache is not kept.
    void put(std::string name, Value value, std::size_t value_bytes, mono_time expires)
    {
        if (const auto at = index_.find(name); at != index_.end())
        {
            erase(at->second);
        }
        const std::size_t weight = 2 * name.size() + value_bytes + entry_overhead_bytes;
        if (weight > bytes_max_ || entries_max_ == 0)
        {
            return;
        }
        while (entries_.size() >= entries_max_ || bytes_ + weight > bytes_max_)
        {
            erase(std::prev(entries_.end()));
        }
        entries_.push_front({std::move(name), std::move(value), weight, expires});
        index_.emplace(entries_.front().name, entries_.begin());
        bytes_ += weight;
    }

    void clear()
    {
        index_.clear();
        entries_.clear();
        bytes_ = 0;
    }

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    struct entry
    {
        std::string name;
        Value value;
        std::size_t weight;
        mono_time expires;
    };
    using place = typename std::list<entry>::iterator;

    void erase(place at)
    {
        bytes_ -= at->weight;
        index_.erase(at->name);
        entries_.erase(at);
    }

    std::size_t entries_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    /// Most recently used first.
    std::list<entry> entries_;
    /// The keys are the names in entries_.
    std::unordered_map<std::string_view, place> index_;
};

} // namespace hikyaku::resolver
