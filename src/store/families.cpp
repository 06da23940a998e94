#include "families.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>

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

journal_head families::load_head(rocksdb::ColumnFamilyHandle& handle) const
{
    std::string value;
    const auto status = db_.Get(
        {}, &handle, rocksdb::Slice(journal_head_key.data(), journal_head_key.size()), &value);
    if (status.IsNotFound())
    {
        return {};
    }
    const auto head = status.ok() ? decode_head(value) : std::nullopt;
    if (!head)
    {
        // Without its head the chain can't go on: nothing may be appended to this journal.
        throw std::runtime_error("journal head of family " + handle.GetName() +
                                 " is damaged: " + status.ToString());
    }
    return *head;
}

void families::adopt(std::vector<rocksdb::ColumnFamilyHandle*> handles)
{
    for (auto* handle : handles)
    {
        if (handle->GetName() == "platform")
        {
            platform_ = handle;
            platform_head_ = load_head(*handle);
        }
        else if (handle->GetName() == "queue")
        {
            queue_ = handle;
        }
        else if (const auto id = tenant_of(handle->GetName()))
        {
            add(*id, handle);
        }
        else
        {
            HK_ASSERT(default_ == nullptr);
            default_ = handle;
        }
    }
}

void families::add(tenant_id id, rocksdb::ColumnFamilyHandle* handle)
{
    entry made{std::make_shared<const tenant_store>(id, db_, *handle), load_head(*handle)};
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
