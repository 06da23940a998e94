#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>

namespace hikyaku::store
{

/// Where an operation of a record applies.
enum class space : std::uint8_t
{
    /// The tenant's own family; of tenant 0: the platform family.
    data = 1,
    /// The shared queue family. The key's bytes 1 to 4 must be the tenant's number
    /// (tenant 0 owns the interned routing domains).
    queue = 2,
};

/// One entry of a tenant's journal: puts, deletes and range deletes with keys inside the tenant,
/// in our own encoding (FORMAT.md). Applying it is deterministic: it holds values, never
/// "now" or "increment". Every change of a tenant's data is one of these.
class record
{
public:
    explicit record(tenant_id tenant) : tenant_(tenant) {}

    void put(space where, std::string_view key, std::string_view value);
    void erase(space where, std::string_view key);
    /// Deletes keys in [first, last). Takes effect after the operations before it in this record.
    void erase_range(space where, std::string_view first, std::string_view last);
    /// Platform records only: the tenant's column family begins or ends with this record.
    void create_family(tenant_id tenant);
    void drop_family(tenant_id tenant);

    [[nodiscard]] tenant_id tenant() const noexcept { return tenant_; }
    /// The encoded operations: what is hashed into the chain.
    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

private:
    void check_key(space where, std::string_view key) const;

    tenant_id tenant_;
    std::string bytes_;
};

enum class operation_kind : std::uint8_t
{
    put = 1,
    erase = 2,
    erase_range = 3,
    create_family = 4,
    drop_family = 5,
};

/// One decoded operation; the views point into the record's bytes.
struct operation
{
    operation_kind kind{};
    space where = space::data;
    std::string_view key;
    /// The value of a put; the end of a range.
    std::string_view value;
    tenant_id family;
};

/// Walks a record's operations. next() is false at the end or at damaged bytes: see ok().
class operation_reader
{
public:
    explicit operation_reader(std::string_view bytes) noexcept;
    [[nodiscard]] bool next(operation& out);
    [[nodiscard]] bool ok() const noexcept { return ok_; }

private:
    std::string_view rest_;
    bool ok_ = true;
};

} // namespace hikyaku::store
