#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include <hikyaku/base/assert.h>

namespace hikyaku::identity
{

/// A bounded map that drops the least recently used entry. Not thread-safe.
///
/// Its version tells a reader that loads a missing entry without a lock whether anything was erased
/// meanwhile: what it read may then be old, and is not put in.
/// Invariant: size() <= entries_max.
template <class Key, class Value> class lru_cache
{
public:
    explicit lru_cache(std::size_t entries_max) : entries_max_(entries_max)
    {
        HK_ASSERT(entries_max > 0);
    }

    [[nodiscard]] std::optional<Value> find(const Key& key)
    {
        const auto found = index_.find(key);
        if (found == index_.end())
        {
            return std::nullopt;
        }
        order_.splice(order_.begin(), order_, found->second);
        return found->second->second;
    }
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
    /// Keeps what was read at `version`, unless something was erased since.
    void put(const Key& key, Value value, std::uint64_t version)
    {
        if (version != version_ || index_.contains(key))
        {
            return;
        }
        order_.emplace_front(key, std::move(value));
        index_.emplace(key, order_.begin());
        if (index_.size() > entries_max_)
        {
            index_.erase(order_.back().first);
            order_.pop_back();
        }
    }
    void erase(const Key& key)
    {
        ++version_;
        const auto found = index_.find(key);
        if (found != index_.end())
        {
            order_.erase(found->second);
            index_.erase(found);
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }

private:
    using entries = std::list<std::pair<Key, Value>>;
    std::size_t entries_max_;
    std::uint64_t version_ = 0;
    entries order_;
    std::map<Key, typename entries::iterator> index_;
};

} // namespace hikyaku::identity
