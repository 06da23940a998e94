#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>

namespace rocksdb
{
class ColumnFamilyHandle;
class DB;
class Iterator;
class Slice;
class Snapshot;
} // namespace rocksdb

namespace hikyaku::store
{

class damage_list;

/// A frozen view of the whole store. Keep it short: it holds back compaction.
class snapshot
{
public:
    explicit snapshot(rocksdb::DB& db);
    ~snapshot();
    snapshot(const snapshot&) = delete;
    snapshot& operator=(const snapshot&) = delete;
    [[nodiscard]] const rocksdb::Snapshot* raw() const noexcept { return raw_; }

private:
    rocksdb::DB& db_;
    const rocksdb::Snapshot* raw_;
};

/// Walks keys of one family in ascending order inside [first, last). Sees the moment it was made
/// (or its snapshot). One thread at a time; must not outlive its reader.
class cursor
{
public:
    cursor(std::unique_ptr<rocksdb::Iterator> it, std::unique_ptr<std::string> last,
           std::unique_ptr<rocksdb::Slice> bound, damage_list& damage);
    ~cursor();
    cursor(cursor&&) noexcept;

    [[nodiscard]] bool valid() const;
    [[nodiscard]] std::string_view key() const;
    [[nodiscard]] std::string_view value() const;
    void next();
    /// Moves to the first key >= `key` (still bounded by `last`).
    void seek(std::string_view key);
    /// Why valid() is false: ok at the end of the range, errc::corrupt at a damaged table.
    [[nodiscard]] result<void> status() const;

private:
    // The iterator refers to the bound, the bound to the text.
    std::unique_ptr<std::string> last_;
    std::unique_ptr<rocksdb::Slice> bound_;
    std::unique_ptr<rocksdb::Iterator> it_;
    damage_list* damage_;
};

/// Reads one column family. Thread-safe; reads never block writes.
class reader
{
public:
    /// Damage that reads meet is named in `damage`, which outlives the reader.
    reader(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family, damage_list& damage) noexcept
        : db_(db), family_(family), damage_(damage)
    {
    }

    /// @error errc::corrupt  the block that should hold the key is damaged (named in the log).
    [[nodiscard]] result<std::optional<std::string>> find(std::string_view key,
                                                          const snapshot* at = nullptr) const;
    /// Looks up many keys at once: ascending keys are cheapest (one pass over the blocks).
    /// out[i] belongs to keys[i].
    /// @error errc::corrupt  at least one block is damaged; the keys in it are nullopt.
    [[nodiscard]] result<void> find_many(std::span<const std::string> keys,
                                         std::vector<std::optional<std::string>>& out,
                                         const snapshot* at = nullptr) const;
    /// Every key that starts with `prefix`.
    [[nodiscard]] cursor scan_prefix(std::string_view prefix, const snapshot* at = nullptr) const;
    /// Keys in [first, last); an empty `last` means to the end. `fill_cache` false for long scans.
    [[nodiscard]] cursor scan(std::string_view first, std::string_view last,
                              const snapshot* at = nullptr, bool fill_cache = true) const;
    /// The greatest key with the prefix, or nullopt.
    [[nodiscard]] result<std::optional<std::string>> last_key(std::string_view prefix) const;

    [[nodiscard]] rocksdb::ColumnFamilyHandle& family() const noexcept { return family_; }

private:
    rocksdb::DB& db_;
    rocksdb::ColumnFamilyHandle& family_;
    damage_list& damage_;
};

/// The smallest key greater than every key with the prefix; empty when there is none.
[[nodiscard]] std::string prefix_end(std::string_view prefix);

} // namespace hikyaku::store
