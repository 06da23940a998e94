#include "families.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>

#include <charconv>

namespace hikyaku::store
{
namespace
{

constexpr std::uint8_t head_version = 1;

std::optional<tenant_id> tenant_of(const std::string& name)
{
    if (name.size() != 9 || name[0] != 't')
    {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    const auto [end, ec] = std::from_chars(name.data() + 1, name.data() + 9, value, 16);
    if (ec != std::errc{} || end != name.data() + 9)
    {
        return std::nullopt;
    }
    return tenant_id{value};
}

} // namespace

tenant_store::~tenant_store()
{
    db_.DestroyColumnFamilyHandle(&family());
}

std::string encode_head(const journal_head& head)
{
    std::string out;
    out.push_back(static_cast<char>(head_version));
    put_be(out, head.epoch);
    put_be(out, head.seq);
    out += head.hash;
    return out;
}

std::optional<journal_head> decode_head(std::string_view bytes)
{
    byte_reader in(bytes);
    const auto version = in.u8();
    journal_head head;
    head.epoch = in.be<std::uint32_t>();
    head.seq = in.be<std::uint64_t>();
    head.hash = std::string(in.take(32));
    if (!in.ok() || !in.at_end() || version != head_version)
    {
        return std::nullopt;
    }
    return head;
}

std::string families::name_of(tenant_id id)
{
    constexpr std::string_view hex = "0123456789abcdef";
    std::string name = "t";
    for (int shift = 28; shift >= 0; shift -= 4)
    {
        name += hex[(id.value >> shift) & 15U];
    }
    return name;
}

families::head_state families::load_head(rocksdb::ColumnFamilyHandle& handle, journal_head& out,
                                         rocksdb::Status& status) const
{
    std::string value;
    status = db_.Get({}, &handle, rocksdb::Slice(journal_head_key.data(), journal_head_key.size()),
                     &value);
    if (status.IsNotFound())
    {
        return head_state::usable;
    }
    if (status.ok() && value == dropped_head)
    {
        return head_state::dropped;
    }
    const auto head = status.ok() ? decode_head(value) : std::nullopt;
    if (!head)
    {
        return head_state::damaged;
    }
    out = *head;
    return head_state::usable;
}

rocksdb::Status families::adopt_tenant(tenant_id id, rocksdb::ColumnFamilyHandle* handle)
{
    rocksdb::Status status;
    journal_head head;
    switch (load_head(*handle, head, status))
    {
    case head_state::usable:
        tenants_.emplace(
            id, entry{std::make_shared<const tenant_store>(id, db_, *handle, damage_), head});
        return rocksdb::Status::OK();
    case head_state::dropped:
        log::warning("tenant_drop_resumed", {{"tenant", id.value}});
        unused_.push_back(handle);
        return db_.DropColumnFamily(handle);
    case head_state::damaged:
        // Without its head the chain can't go on: nothing may be appended to this journal.
        log::error("tenant_damaged", {{"tenant", id.value},
                                      {"reason", status.ToString()},
                                      {"effect", "the tenant is out of use; the others go on"}});
        unused_.push_back(handle);
        damaged_.insert(id);
        damage_.note(status.ToString());
        damage_.note("tenant " + std::to_string(id.value) +
                     ": its journal head is damaged, it is out of use");
        break;
    }
    return rocksdb::Status::OK();
}

rocksdb::Status families::adopt(std::vector<rocksdb::ColumnFamilyHandle*> handles)
{
    rocksdb::Status result;
    for (auto* handle : handles)
    {
        rocksdb::Status status;
        if (handle->GetName() == "platform")
        {
            platform_ = handle;
            if (load_head(*handle, platform_head_, status) != head_state::usable)
            {
                damage_.note(status.ToString());
                result = rocksdb::Status::Corruption("the platform's journal head is damaged",
                                                     status.ToString());
            }
        }
        else if (handle->GetName() == "queue")
        {
            queue_ = handle;
        }
        else if (const auto id = tenant_of(handle->GetName()))
        {
            status = adopt_tenant(*id, handle);
            result = status.ok() ? result : status;
        }
        else
        {
            HK_ASSERT(default_ == nullptr);
            default_ = handle;
        }
    }
    return result;
}

void families::add(tenant_id id, rocksdb::ColumnFamilyHandle* handle)
{
    entry made{std::make_shared<const tenant_store>(id, db_, *handle, damage_), {}};
    const std::unique_lock lock(mutex_);
    HK_ASSERT(tenants_.emplace(id, std::move(made)).second);
}

void families::remove(tenant_id id)
{
    const std::unique_lock lock(mutex_);
    HK_ASSERT(tenants_.erase(id) == 1);
}

void families::close()
{
    const std::unique_lock lock(mutex_);
    tenants_.clear();
    for (auto* handle : {default_, platform_, queue_})
    {
        if (handle != nullptr)
        {
            db_.DestroyColumnFamilyHandle(handle);
        }
    }
    for (auto* handle : unused_)
    {
        db_.DestroyColumnFamilyHandle(handle);
    }
}

std::shared_ptr<const tenant_store> families::find(tenant_id id) const
{
    const std::shared_lock lock(mutex_);
    const auto found = tenants_.find(id);
    return found == tenants_.end() ? nullptr : found->second.store;
}

std::vector<tenant_id> families::all() const
{
    const std::shared_lock lock(mutex_);
    std::vector<tenant_id> ids;
    ids.reserve(tenants_.size());
    for (const auto& [id, unused] : tenants_)
    {
        ids.push_back(id);
    }
    return ids;
}

std::vector<rocksdb::ColumnFamilyHandle*> families::handles() const
{
    const std::shared_lock lock(mutex_);
    std::vector<rocksdb::ColumnFamilyHandle*> all{platform_, queue_};
    for (const auto& [id, e] : tenants_)
    {
        all.push_back(&e.store->family());
    }
    return all;
}

journal_head families::head(tenant_id id) const
{
    const std::shared_lock lock(mutex_);
    if (id == platform_tenant)
    {
        return platform_head_;
    }
    const auto found = tenants_.find(id);
    return found == tenants_.end() ? journal_head{} : found->second.head;
}

void families::set_head(tenant_id id, const journal_head& head)
{
    const std::unique_lock lock(mutex_);
    if (id == platform_tenant)
    {
        platform_head_ = head;
        return;
    }
    tenants_.at(id).head = head;
}

} // namespace hikyaku::store
