#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/random.h>
#include <hikyaku/base/time.h>
#include <hikyaku/identity/api_key.h>
#include <hikyaku/identity/problem.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/shaping/quota.h>
#include <hikyaku/store/database.h>

namespace hikyaku::identity
{

/// Stored: values are never reused.
enum class tenant_state : std::uint8_t
{
    /// Its keys work and its mail is sent.
    active = 1,
    /// Its keys are refused; data is kept. The operator can resume it.
    suspended = 2,
    /// The contract has ended. Final.
    closed = 3,
};

/// "active", "suspended", "closed". Lives for ever.
[[nodiscard]] std::string_view to_string(tenant_state s) noexcept;

/// The contracting company.
struct tenant
{
    tenant_id id;
    std::string name;
    std::string admin_email;
    /// IANA name, and the offset that times are written with, in minutes east of UTC.
    std::string time_zone = "Asia/Tokyo";
    int offset_minutes = 540;
    tenant_state state = tenant_state::active;
    wall_time created;
    /// What it may send; nullopt: what the configuration gives every tenant (quotas.default).
    std::optional<shaping::quota_limits> quota;
};

/// "tnt_" and 13 characters.
[[nodiscard]] std::string public_id(tenant_id id);
/// The number behind public_id(); nullopt for anything else, and for the platform (0).
[[nodiscard]] std::optional<tenant_id> parse_tenant_id(std::string_view text);

struct tenant_limits
{
    /// Tenants of every state that a host holds (a column family each).
    std::size_t tenants_max = 500;
};

/// All tenants, held in memory. Thread-safe. Calls that change something block until durable.
class tenants
{
public:
    static constexpr std::size_t name_bytes_max = 256;
    static constexpr std::size_t admin_email_bytes_max = 254;
    static constexpr std::size_t page_max = 1000;

    struct dependencies
    {
        store::database& db;
        oplog::operation_log& log;
        const clock& clock_source;
        /// The installation's one source of key ids, shared with api_keys.
        id_source& ids;
        random_source& random;
    };
    /// Fills the first rows of a new tenant into the change that creates it. Must not throw or
    /// open another change.
    using created_hook = std::function<void(const tenant&, store::record& data)>;

    /// Reads every tenant. Everything in `deps` outlives the object.
    /// @error unavailable  a row is damaged
    [[nodiscard]] static result<std::unique_ptr<tenants>, problem>
    open(dependencies deps, tenant_limits limits = {}, created_hook on_created = {});
    ~tenants();
    tenants(const tenants&) = delete;
    tenants& operator=(const tenants&) = delete;

    struct creation
    {
        tenant row;
        /// The first key, with every scope.
        api_key key;
        /// Its text, shown once and stored nowhere.
        std::string key_text;
    };
    /// Makes the tenant's family, its row, its first key, the hook's rows and the first entry of
    /// its operation log in one commit. The platform's log gets an entry ("tenant.create") right
    /// after it: a crash in between leaves that one out, the tenant's own entry tells the same.
    ///
    /// @error invalid (name, admin_email), limit (tenants_max)
    [[nodiscard]] result<creation, problem> create(const oplog::actor& who, std::string_view name,
                                                   std::string_view admin_email);

    /// @returns nullopt when there is none; closed tenants are found
    [[nodiscard]] std::optional<tenant> find(tenant_id id) const;
    /// Ascending by id (so by creation), ids > `after`, at most `limit` (and page_max).
    [[nodiscard]] std::vector<tenant> list(tenant_id after, std::size_t limit) const;
    /// Cheap: asked for every request. False for a tenant that does not exist.
    [[nodiscard]] bool is_active(tenant_id id) const;

    /// Refuses the tenant's keys from now on. Stopping its campaigns is the caller's. Repeating it
    /// changes nothing.
    /// @error not_found, conflict (closed)
    [[nodiscard]] result<tenant, problem> suspend(const oplog::actor& who, tenant_id id);
    /// Undoes suspend().
    /// @error not_found, conflict (closed)
    [[nodiscard]] result<tenant, problem> resume(const oplog::actor& who, tenant_id id);
    /// What the tenant may send from now on; nullopt: the configuration's default. Telling the
    /// engine is the caller's. Repeating it changes nothing.
    /// @error not_found, conflict (closed), invalid (quota)
    [[nodiscard]] result<tenant, problem> set_quota(const oplog::actor& who, tenant_id id,
                                                    std::optional<shaping::quota_limits> quota);

private:
    tenants(dependencies deps, tenant_limits limits, created_hook on_created);
    [[nodiscard]] result<void, problem> load();
    [[nodiscard]] result<tenant_id, problem> next_id(wall_time now) const;
    /// Commits what `edit` makes of the row; an edit that returns false changes nothing.
    [[nodiscard]] result<tenant, problem> edit_row(const oplog::actor& who, tenant_id id,
                                                   std::string_view verb, const std::string& detail,
                                                   const std::function<bool(tenant&)>& edit);

    dependencies deps_;
    tenant_limits limits_;
    created_hook on_created_;
    /// Held over a whole create(): ids and the limit are decided there.
    std::mutex creating_;
    mutable std::mutex mutex_;
    std::map<tenant_id, tenant> rows_;
};

} // namespace hikyaku::identity
