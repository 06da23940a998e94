#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/random.h>
#include <hikyaku/identity/api_key.h>
#include <hikyaku/identity/problem.h>
#include <hikyaku/identity/tenants.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/store/database.h>

namespace hikyaku::identity
{

/// Who a request comes from.
struct principal
{
    tenant_id tenant;
    std::uint64_t key_id = 0;
    std::string key_name;
    scope_set scopes;
};

/// The actor of the operation log for a request with a key.
[[nodiscard]] oplog::actor make_actor(const principal& who, std::string ip, std::string request_id);

enum class auth_failure
{
    /// No Authorization header: 401.
    missing,
    /// Not "Bearer " and a canonical key: 401.
    malformed,
    /// Unknown, revoked or with a wrong secret; the caller is not told which: 401.
    refused,
    /// The key is right, the tenant is suspended or closed: 403.
    tenant_suspended,
    /// The key's row can't be read: 503.
    unavailable,
};

/// One sentence for a person. Lives for ever.
[[nodiscard]] std::string_view to_text(auth_failure f) noexcept;
/// Lets result<T, auth_failure>::value() throw; only a bug reaches it.
[[noreturn]] void throw_exception_from_error(auth_failure f, const boost::source_location&);

struct api_key_limits
{
    /// Keys of one tenant that are not revoked.
    std::size_t keys_per_tenant_max = 200;
};

/// Bearer keys of all tenants. Thread-safe. Calls that change something block until durable.
class api_keys
{
public:
    static constexpr std::size_t name_bytes_max = 128;
    static constexpr std::size_t page_max = 1000;
    /// Rows kept in memory, least recently used first out.
    static constexpr std::size_t cached_max = 4096;

    struct dependencies
    {
        store::database& db;
        oplog::operation_log& log;
        const tenants& all_tenants;
        const clock& clock_source;
        /// The installation's one source of key ids, shared with tenants.
        id_source& ids;
        random_source& random;
    };
    /// Everything in `deps` outlives the object.
    explicit api_keys(dependencies deps, api_key_limits limits = {});
    ~api_keys();
    api_keys(const api_keys&) = delete;
    api_keys& operator=(const api_keys&) = delete;

    struct creation
    {
        api_key key;
        /// `hk_<id>_<secret>`, shown once and stored nowhere.
        std::string text;
    };
    /// @param may_grant  scopes of whoever asks: nobody gives away more than he has
    /// @error invalid (name, scopes), forbidden (scopes), limit, not_found (tenant)
    [[nodiscard]] result<creation, problem> create(const oplog::actor& who, tenant_id tenant,
                                                   std::string_view name, scope_set scopes,
                                                   scope_set may_grant = scope_set::all());

    /// Keys of one tenant, revoked ones included, ids > `after`, ascending (by creation), at most
    /// `limit` (and page_max).
    /// @error unavailable
    [[nodiscard]] result<std::vector<api_key>, problem> list(tenant_id tenant, std::uint64_t after,
                                                             std::size_t limit) const;
    /// Another tenant's key is not found.
    /// @error unavailable
    [[nodiscard]] result<std::optional<api_key>, problem> find(tenant_id tenant,
                                                               std::uint64_t id) const;

    /// From the return on, no request with the key is let in. Repeating it changes nothing.
    /// @error not_found, unavailable
    [[nodiscard]] result<api_key, problem> revoke(const oplog::actor& who, tenant_id tenant,
                                                  std::uint64_t id);

    /// @param authorization_header  the field's value: "Bearer hk_…" (the scheme in any case);
    ///        empty when the request has none
    ///
    /// Takes the same time for an unknown id, a revoked key and a wrong secret, but for the
    /// look-up of the row: ids are no secret.
    [[nodiscard]] result<principal, auth_failure>
    authenticate(std::string_view authorization_header) const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// "key_" and 13 characters.
[[nodiscard]] std::string public_key_id(std::uint64_t id);
[[nodiscard]] std::optional<std::uint64_t> parse_key_id(std::string_view text);

} // namespace hikyaku::identity
