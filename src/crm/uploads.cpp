#include "failures.h"
#include "files.h"
#include "keys.h"
#include "row_codec.h"

#include <hikyaku/base/log.h>
#include <hikyaku/crm/uploads.h>

#include <algorithm>
#include <vector>

namespace hikyaku::crm
{
namespace
{

/// A younger file without a row may be one that adopt() is about to give its row.
constexpr std::chrono::hours stray_age_min{1};

/// When an id was made: its upper 42 bits are milliseconds since 2020 (id_source).
wall_time made_at(std::uint64_t id)
{
    constexpr std::chrono::sys_days epoch{std::chrono::year{2020} / 1 / 1};
    return wall_time{epoch} + milliseconds{static_cast<std::int64_t>(id >> 22)};
}

problem no_upload()
{
    return {errc::not_found, "", "There is no such upload."};
}

problem file_trouble()
{
    return {errc::io, "", "The file could not be kept; the operator's log has the details."};
}

std::string upload_key(std::uint64_t id)
{
    std::string key(1, upload_kind);
    put_be(key, id);
    return key;
}

std::string encode_upload(const upload& u)
{
    std::string out(1, static_cast<char>(row_version));
    put_varint(out, u.bytes);
    put_varint(out, zigzag(to_unix_ms(u.created)));
    put_varint(out, zigzag(to_unix_ms(u.expires)));
    return out;
}

std::optional<upload> decode_upload(std::string_view key, std::string_view row)
{
    byte_reader in(row);
    upload u;
    const auto version = in.u8();
    u.bytes = in.varint();
    u.created = from_unix_ms(unzigzag(in.varint()));
    u.expires = from_unix_ms(unzigzag(in.varint()));
    if (key.size() != 1 + sizeof(u.id) || version != row_version || !in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    u.id = get_be<std::uint64_t>(key.substr(1));
    return u;
}

/// The file under its new name, bytes and name durable, as is a directory made for it.
result<void, problem> move_in(const std::filesystem::path& from, const std::filesystem::path& to)
{
    if (auto made = make_directory(to.parent_path()); made.has_error())
    {
        return made;
    }
    if (auto synced = sync_file(from); synced.has_error())
    {
        return synced;
    }
    std::error_code failed;
    std::filesystem::rename(from, to, failed);
    if (failed)
    {
        log::error("upload_not_moved", {{"reason", failed.message()}});
        return file_trouble();
    }
    return sync_directory(to.parent_path());
}

void remove_file(const std::filesystem::path& path)
{
    std::error_code failed;
    std::filesystem::remove(path, failed);
    if (failed)
    {
        log::warning("upload_not_removed", {{"reason", failed.message()}});
    }
}

} // namespace

uploads::uploads(store::database& db, oplog::operation_log& log, const clock& clock,
                 std::filesystem::path dir)
    : db_(db), log_(log), clock_(clock), ids_(clock), dir_(std::move(dir))
{
}

std::filesystem::path uploads::path_of(tenant_id tenant, std::uint64_t id) const
{
    return dir_ / std::to_string(tenant.value) / format_id("upl", id);
}

result<upload, problem> uploads::adopt(tenant_id tenant, const oplog::actor& who,
                                       const std::filesystem::path& file, const also<upload>& with)
{
    if (db_.find_tenant(tenant) == nullptr)
    {
        return no_tenant();
    }
    std::error_code failed;
    upload u;
    u.bytes = std::filesystem::file_size(file, failed);
    if (failed)
    {
        log::error("upload_unreadable", {{"reason", failed.message()}});
        return file_trouble();
    }
    u.id = ids_.next();
    u.created = clock_.wall();
    u.expires = u.created + uploads_kept;
    u.file = path_of(tenant, u.id);
    if (const auto moved = move_in(file, u.file); moved.has_error())
    {
        return moved.error();
    }
    auto change = log_.begin(tenant, who, "upload.create");
    change.set_object(u.public_id());
    change.set_detail(std::to_string(u.bytes) + " bytes");
    change.data().put(store::space::data, upload_key(u.id), encode_upload(u));
    if (with)
    {
        with(u, change.data());
    }
    change.commit();
    return u;
}

result<upload, problem> uploads::find(tenant_id tenant, std::string_view id) const
{
    const auto number = parse_id("upl", id);
    const auto from = db_.find_tenant(tenant);
    if (!number || from == nullptr)
    {
        return from == nullptr ? no_tenant() : no_upload();
    }
    const std::string key = upload_key(*number);
    const auto row = from->find(key);
    if (row.has_error())
    {
        return damaged();
    }
    if (!row->has_value())
    {
        return no_upload();
    }
    auto u = decode_upload(key, **row);
    if (!u)
    {
        return damaged();
    }
    if (u->expires <= clock_.wall())
    {
        return no_upload();
    }
    u->file = path_of(tenant, u->id);
    return std::move(*u);
}

result<std::size_t, problem> uploads::expire(tenant_id tenant, wall_time now)
{
    const auto from = db_.find_tenant(tenant);
    if (from == nullptr)
    {
        return no_tenant();
    }
    std::vector<std::uint64_t> old;
    auto it = from->scan_prefix(std::string_view(&upload_kind, 1));
    for (; it.valid(); it.next())
    {
        const auto u = decode_upload(it.key(), it.value());
        if (!u)
        {
            return damaged();
        }
        if (u->expires <= now)
        {
            old.push_back(u->id);
        }
    }
    if (it.status().has_error())
    {
        return damaged();
    }
    if (!old.empty())
    {
        auto change = log_.begin(tenant, oplog::system_actor(), "upload.expire");
        change.set_detail(std::to_string(old.size()) + " files");
        for (const auto id : old)
        {
            change.data().erase(store::space::data, upload_key(id));
        }
        change.commit();
    }
    remove_strays(tenant, *from, now);
    return old.size();
}

void uploads::remove_strays(tenant_id tenant, const store::reader& rows, wall_time now) const
{
    std::error_code failed;
    std::filesystem::directory_iterator files(dir_ / std::to_string(tenant.value), failed);
    if (failed)
    {
        return; // the tenant never uploaded anything
    }
    for (; !failed && files != std::filesystem::directory_iterator{}; files.increment(failed))
    {
        const auto id = parse_id("upl", files->path().filename().string());
        if (!id || now - made_at(*id) < stray_age_min)
        {
            continue;
        }
        const auto row = rows.find(upload_key(*id));
        if (row.has_value() && !row->has_value())
        {
            remove_file(files->path());
        }
    }
}

} // namespace hikyaku::crm
