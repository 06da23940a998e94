#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/campaign/returns.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/store/database.h>

namespace hikyaku::feedback
{

/// What a tenant wants done with what comes back.
struct tenant_settings
{
    static constexpr std::uint32_t threshold_max = 1'000;
    /// What a failure weighs whose address is certainly wrong; all others that count weigh 1.
    static constexpr std::uint32_t certain_weight = 99;

    /// An address is suppressed when its error counter reaches this.
    std::uint32_t bounce_threshold = 5;
    /// How long a suppression lasts whose last failure was certain, and any other; nullopt: for
    /// ever.
    std::optional<milliseconds> certain_expires_after;
    std::optional<milliseconds> other_expires_after = std::chrono::hours{24 * 90};
    /// Whether addresses that the whole installation knows not to exist are left out.
    bool use_dead_addresses = true;
    campaign::breaker_limits breaker;

    friend bool operator==(const tenant_settings&, const tenant_settings&) = default;
};

/// Settings of all tenants. Thread-safe.
class settings_book
{
public:
    settings_book(store::database& db, oplog::operation_log& log);

    /// The defaults for a tenant without a row. @error the store can't be read, or is damaged
    [[nodiscard]] result<tenant_settings> find(tenant_id tenant) const;
    /// Commits what `edit` makes of them, with an entry ("settings.update"). Blocks until durable.
    /// @throws boost::system::system_error  the tenant is gone. @error as find
    [[nodiscard]] result<tenant_settings> change(tenant_id tenant, const oplog::actor& who,
                                                 const std::function<void(tenant_settings&)>& edit);

private:
    store::database& db_;
    oplog::operation_log& log_;
    mutable std::mutex mutex_;
    mutable std::map<tenant_id, tenant_settings> known_;
};

} // namespace hikyaku::feedback
