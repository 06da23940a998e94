#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/api/idempotency.h>
#include <hikyaku/api/request_limits.h>
#include <hikyaku/api/route_table.h>
#include <hikyaku/base/id.h>
#include <hikyaku/base/json.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crm/services.h>
#include <hikyaku/delivery/engine.h>
#include <hikyaku/identity/api_keys.h>
#include <hikyaku/identity/domain_watch.h>
#include <hikyaku/identity/operator_token.h>
#include <hikyaku/identity/sender_domains.h>
#include <hikyaku/identity/tenants.h>
#include <hikyaku/jobs/jobs.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/shaping/shaping_table.h>
#include <hikyaku/store/database.h>
#include <hikyaku/store/disk_guard.h>

namespace hikyaku::campaign
{
class campaigns;
} // namespace hikyaku::campaign

namespace hikyaku::feed
{
class outcome_index;
} // namespace hikyaku::feed

namespace hikyaku::feedback
{
class dead_addresses;
class settings_book;
} // namespace hikyaku::feedback

namespace hikyaku::api
{

/// What the operator's pages ask of the sending engine. An empty function answers 503
/// `delivery_off`: the daemon runs without delivery.
struct queue_access
{
    std::function<delivery::engine_view()> view{};
    // Orders, as delivery::engine has them. False when nothing of that name is known.
    std::function<bool(const delivery::scope&, milliseconds, const std::string& why)> suspend{};
    std::function<bool(const delivery::scope&)> resume{};
    std::function<bool(const delivery::scope&)> retry{};
    std::function<bool(const delivery::scope&, milliseconds, const std::string& why)> bounce{};
    std::function<delivery::explanation(const queue::campaign_ref&, ordinal,
                                        const std::string& domain)>
        explain{};
    std::function<std::vector<delivery::forecast_line>(
        const std::vector<std::pair<std::string, std::uint64_t>>& recipients_by_domain,
        const std::string& pool)>
        forecast{};
    std::function<std::vector<delivery::session_view>()> sessions{};
    /// Null when too many listen.
    std::function<std::shared_ptr<delivery::trace_subscription>(const std::string& site)> trace{};
    std::function<void(bool on, std::string because)> hold{};

    /// @param engine  outlives the functions
    [[nodiscard]] static queue_access of(delivery::engine& engine);
};

/// What the daemon does for the operator. Any thread; each may be empty: then 503 `not_available`
/// (or the member is left out of the status).
struct operator_hooks
{
    /// Reads the configuration again. Returns what can't change live, as "key: reason".
    std::function<result<std::vector<std::string>, failure>()> reload{};
    /// The Prometheus text.
    std::function<std::string()> metrics{};
    /// Why the daemon should get no requests now (starting, stopping); empty: it is ready.
    std::function<std::string()> not_ready{};
    /// The shaping rules in force.
    std::function<std::shared_ptr<const shaping::shaping_table>()> shaping{};
    /// MX hosts of a routing domain, best preference first. May take a second.
    std::function<std::vector<std::string>(const std::string& domain)> find_mx{};
    /// A tenant was suspended (false) or resumed (true), durably: its campaigns follow.
    std::function<void(tenant_id, bool active)> tenant_changed{};
    /// A tenant's quota was changed, durably.
    std::function<void(tenant_id)> quota_changed{};
    /// The quota in force, the default included, and the tenant's calendar.
    std::function<delivery::tenant_terms(tenant_id)> terms_of{};
    /// The sources and pools in force, as they are shown.
    std::function<json::array()> sources{};
    std::function<json::array()> pools{};
    /// Further members of the status object.
    std::function<json::object()> status{};
};

/// What a listener's hook checks before the body of a route is read.
struct route_guard
{
    /// The scope a tenant's key must have.
    std::optional<identity::scope> required{};
    /// Refused while the disk is full.
    bool mutates = false;
    /// Needs no credentials.
    bool open = false;
};

/// Everything the endpoints need. Made once by the daemon, outlives the listeners. Members are
/// thread-safe; `routes` and `guards` are filled while routes are added and only read from then on.
struct services
{
    store::database& db;
    oplog::operation_log& log;
    identity::tenants& tenants;
    identity::api_keys& keys;
    identity::sender_domains& domains;
    crm::services& crm_data;
    hikyaku::jobs::jobs& work;
    const store::disk_guard& disk;
    const clock& clock_source;
    id_source& ids;
    api::idempotency& idempotency;
    /// nullptr: requests of tenants are not limited.
    request_limits* limits = nullptr;
    /// nullptr: records of domains can't be checked (503).
    identity::domain_watch* watch = nullptr;
    /// nullptr: campaign routes answer 503.
    campaign::campaigns* campaigns = nullptr;
    /// nullptr: what happened to recipients can't be looked up (503).
    feed::outcome_index* outcomes = nullptr;
    /// nullptr: tenants have the default settings, and can't change them (503).
    feedback::settings_book* settings = nullptr;
    /// nullptr: 503.
    feedback::dead_addresses* dead = nullptr;
    queue_access queue{};
    operator_hooks hooks{};
    /// nullptr: the platform is reachable over the Unix socket only.
    const identity::operator_token* token = nullptr;
    /// Peers over the Unix socket that are the operator: this user and root.
    std::uint32_t own_uid = 0;
    std::string version{};
    wall_time started{};
    route_table routes{};
    /// By http::request::route.
    std::map<std::string, route_guard, std::less<>> guards{};
};

} // namespace hikyaku::api
