#include <hikyaku/feedback/tenant_settings.h>

#include "rows.h"

#include <hikyaku/store/errc.h>

namespace hikyaku::feedback
{
namespace
{

result<tenant_settings> read(const store::reader& from)
{
    const auto row = from.find(settings_key());
    if (row.has_error())
    {
        return row.error();
    }
    if (!*row)
    {
        return tenant_settings{};
    }
    const auto s = decode_settings(**row);
    return s ? result<tenant_settings>(*s) : store::make_error_code(store::errc::corrupt);
}

} // namespace

settings_book::settings_book(store::database& db, oplog::operation_log& log) : db_(db), log_(log) {}

result<tenant_settings> settings_book::find(tenant_id tenant) const
{
    {
        const std::lock_guard lock(mutex_);
        const auto known = known_.find(tenant);
        if (known != known_.end())
        {
            return known->second;
        }
    }
    const auto rows = db_.find_tenant(tenant);
    if (rows == nullptr)
    {
        return store::make_error_code(store::errc::no_tenant);
    }
    auto s = read(*rows);
    if (s.has_value())
    {
        // A change that came in between has put its own.
        const std::lock_guard lock(mutex_);
        return known_.try_emplace(tenant, *s).first->second;
    }
    return s;
}

result<tenant_settings> settings_book::change(tenant_id tenant, const oplog::actor& who,
                                              const std::function<void(tenant_settings&)>& edit)
{
    auto change = log_.begin(tenant, who, "settings.update");
    const auto rows = db_.find_tenant(tenant);
    auto s = rows != nullptr ? read(*rows) : store::make_error_code(store::errc::no_tenant);
    if (s.has_error())
    {
        return s;
    }
    edit(*s);
    change.data().put(store::space::data, settings_key(), encode(*s));
    change.commit(
        [&]
        {
            const std::lock_guard lock(mutex_);
            known_[tenant] = *s;
        });
    return s;
}

} // namespace hikyaku::feedback
