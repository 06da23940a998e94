#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/domain_table.h>
#include <hikyaku/queue/keys.h>

namespace hikyaku::queue
{

result<void> domain_table::load(const store::reader& queue)
{
    const std::unique_lock lock(mutex_);
    auto it = queue.scan_prefix(std::string(1, static_cast<char>(row::domain)));
    for (; it.valid(); it.next())
    {
        const auto id = domain_id{get_be<std::uint32_t>(it.key().substr(1))};
        // Numbers are dense: they were given out in order and never taken back.
        HK_ASSERT(id.value == names_.size() + 1);
        names_.emplace_back(it.value());
        ids_.emplace(names_.back(), id);
    }
    return it.status();
}

domain_id domain_table::obtain(std::string_view domain, store::record& platform)
{
    const std::string name(domain);
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = ids_.find(name); found != ids_.end())
        {
            return found->second;
        }
    }
    const std::unique_lock lock(mutex_);
    const auto [at, is_new] =
        ids_.try_emplace(name, domain_id{static_cast<std::uint32_t>(names_.size() + 1)});
    if (is_new)
    {
        names_.push_back(name);
        HK_ASSERT((at->second.value & lane_id::tail_bit) == 0);
        std::string key(1, static_cast<char>(row::domain));
        put_be(key, at->second.value);
        platform.put(store::space::queue, key, name);
    }
    return at->second;
}

std::optional<domain_id> domain_table::find(std::string_view domain) const
{
    const std::shared_lock lock(mutex_);
    const auto found = ids_.find(std::string(domain));
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::string domain_table::name(domain_id id) const
{
    const std::shared_lock lock(mutex_);
    HK_ASSERT(id.value >= 1 && id.value <= names_.size());
    return names_[id.value - 1];
}

std::size_t domain_table::size() const
{
    const std::shared_lock lock(mutex_);
    return names_.size();
}

} // namespace hikyaku::queue
