#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crm/problem.h>
#include <hikyaku/oplog/operation_log.h>

namespace hikyaku::crm
{

inline constexpr std::chrono::days uploads_kept{7};

/// A file a tenant has handed over: for an import or an audience.
struct upload
{
    std::uint64_t id = 0;
    std::uint64_t bytes = 0;
    wall_time created;
    wall_time expires;
    std::filesystem::path file;

    /// "upl_…"
    [[nodiscard]] std::string public_id() const { return format_id("upl", id); }
};

/// Files of tenants in dir/<tenant>/<id>, with a row in the tenant's family. Thread-safe; calls
/// block on the disk.
class uploads
{
public:
    uploads(store::database& db, oplog::operation_log& log, const clock& clock,
            std::filesystem::path dir);

    /// Renames a complete file into the tenant's directory (same file system) and makes file, name
    /// and row durable. Logged as "upload.create".
    /// @error io, not_found (tenant)
    [[nodiscard]] result<upload, problem> adopt(tenant_id tenant, const oplog::actor& who,
                                                const std::filesystem::path& file,
                                                const also<upload>& with = {});
    /// @error not_found  also another tenant's id, or one past its expiry
    [[nodiscard]] result<upload, problem> find(tenant_id tenant, std::string_view id) const;
    /// Removes rows and files past their expiry, and files that never got a row. Returns how many
    /// rows.
    [[nodiscard]] result<std::size_t, problem> expire(tenant_id tenant, wall_time now);

private:
    void remove_strays(tenant_id tenant, const store::reader& rows, wall_time now) const;
    [[nodiscard]] std::filesystem::path path_of(tenant_id tenant, std::uint64_t id) const;

    store::database& db_;
    oplog::operation_log& log_;
    const clock& clock_;
    id_source ids_;
    std::filesystem::path dir_;
};

} // namespace hikyaku::crm
