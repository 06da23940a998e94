#pragma once

#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include <hikyaku/store/database.h>

#include <rocksdb/db.h>

namespace hikyaku::store
{

/// The open column families and where each tenant's journal stands. Thread-safe; heads are
/// written by the writer thread only.
class families
{
public:
    explicit families(rocksdb::DB& db) : db_(db) {}

    /// Takes over the handles that DB::Open returned. @pre called once, before any other use.
    void adopt(std::vector<rocksdb::ColumnFamilyHandle*> handles);
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
    [[nodiscard]] journal_head load_head(rocksdb::ColumnFamilyHandle& handle) const;

    rocksdb::DB& db_;
    mutable std::shared_mutex mutex_;
    std::unordered_map<tenant_id, entry> tenants_;
    journal_head platform_head_;
    rocksdb::ColumnFamilyHandle* default_ = nullptr;
    rocksdb::ColumnFamilyHandle* platform_ = nullptr;
    rocksdb::ColumnFamilyHandle* queue_ = nullptr;
};

/// Key of the journal head row in a tenant's family, and in `platform` for tenant 0.
inline constexpr std::string_view journal_head_key = "J";
[[nodiscard]] std::string encode_head(const journal_head& head);
[[nodiscard]] std::optional<journal_head> decode_head(std::string_view bytes);

} // namespace hikyaku::store
