#pragma once

#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <hikyaku/store/database.h>

#include "damage_list.h"

#include <rocksdb/db.h>

namespace hikyaku::store
{

/// The open column families and where each tenant's journal stands. Thread-safe; heads are
/// written by the writer thread only.
class families
{
public:
    families(rocksdb::DB& db, damage_list& damage) : db_(db), damage_(damage) {}

    /// Takes over the handles that DB::Open returned. Ends what a crash left of a drop; a tenant
    /// whose journal head can't be read is left out (see is_damaged()). An error means that the
    /// platform's own head is damaged: close() is all that may follow.
    /// @pre called once, before any other use
    [[nodiscard]] rocksdb::Status adopt(std::vector<rocksdb::ColumnFamilyHandle*> handles);
    /// The tenant was left out. Fixed after adopt().
    [[nodiscard]] bool is_damaged(tenant_id id) const { return damaged_.contains(id); }
    void add(tenant_id id, rocksdb::ColumnFamilyHandle* handle);
    void remove(tenant_id id);
    /// Releases every handle; the database closes next.
    void close();

    [[nodiscard]] std::shared_ptr<const tenant_store> find(tenant_id id) const;
    [[nodiscard]] std::vector<tenant_id> all() const;
    [[nodiscard]] std::vector<rocksdb::ColumnFamilyHandle*> handles() const;
    [[nodiscard]] rocksdb::ColumnFamilyHandle& platform() const { return *platform_; }
    [[nodiscard]] rocksdb::ColumnFamilyHandle& queue() const { return *queue_; }

    [[nodiscard]] journal_head head(tenant_id id) const;
    void set_head(tenant_id id, const journal_head& head);

    /// "t" and eight hexadecimal digits.
    [[nodiscard]] static std::string name_of(tenant_id id);

private:
    struct entry
    {
        std::shared_ptr<const tenant_store> store;
        journal_head head;
    };
    enum class head_state
    {
        usable,
        /// The tenant was dropped; the process died before its files were.
        dropped,
        damaged,
    };
    [[nodiscard]] head_state load_head(rocksdb::ColumnFamilyHandle& handle, journal_head& out,
                                       rocksdb::Status& status) const;
    [[nodiscard]] rocksdb::Status adopt_tenant(tenant_id id, rocksdb::ColumnFamilyHandle* handle);

    rocksdb::DB& db_;
    damage_list& damage_;
    mutable std::shared_mutex mutex_;
    std::unordered_map<tenant_id, entry> tenants_;
    journal_head platform_head_;
    rocksdb::ColumnFamilyHandle* default_ = nullptr;
    rocksdb::ColumnFamilyHandle* platform_ = nullptr;
    rocksdb::ColumnFamilyHandle* queue_ = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> unused_; // of damaged tenants
    std::unordered_set<tenant_id> damaged_;
};

/// Key of the journal head row in a tenant's family, and in `platform` for tenant 0.
inline constexpr std::string_view journal_head_key = "J";
/// In place of a head, in the batch of the record that drops the tenant: when the process dies
/// before the family is gone, the next start knows.
inline constexpr std::string_view dropped_head = "dropped";
[[nodiscard]] std::string encode_head(const journal_head& head);
[[nodiscard]] std::optional<journal_head> decode_head(std::string_view bytes);

} // namespace hikyaku::store
