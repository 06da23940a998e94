#include <hikyaku/identity/api_keys.h>

#include "bearer.h"
#include "checks.h"
#include "fresh_key.h"
#include "lru_cache.h"
#include "rows.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/crypto/api_token.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <stdexcept>

namespace hikyaku::identity
{
namespace
{

constexpr std::string_view id_prefix = "key";
constexpr std::string_view actor_group = "api key";

problem no_such_tenant()
{
    return {problem_kind::not_found, "", "there is no such tenant"};
}
problem no_such_key()
{
    return {problem_kind::not_found, "", "there is no such key"};
}

crypto::digest random_digest(random_source& random)
{
    crypto::digest out{};
    random.fill(std::as_writable_bytes(std::span(out)));
    return out;
}

} // namespace

oplog::actor make_actor(const principal& who, std::string ip, std::string request_id)
{
    return {who.key_name, std::string(actor_group), std::move(ip), std::move(request_id)};
}

std::string_view to_text(auth_failure f) noexcept
{
    switch (f)
    {
    case auth_failure::missing:
        return "the request has no Authorization header; send \"Authorization: Bearer <key>\"";
    case auth_failure::malformed:
        return "the Authorization header is not \"Bearer \" and a key";
    case auth_failure::refused:
        return "the key is not valid";
    case auth_failure::tenant_suspended:
        return "the tenant is suspended";
    case auth_failure::unavailable:
        return "the key can't be checked now";
    }
    HK_ASSERT(false);
}

void throw_exception_from_error(auth_failure f, const boost::source_location&)
{
    throw std::runtime_error(std::string(to_text(f)));
}

std::string public_key_id(std::uint64_t id)
{
    return format_id(id_prefix, id);
}
std::optional<std::uint64_t> parse_key_id(std::string_view text)
{
    return parse_id(id_prefix, text);
}

struct api_keys::state
{
    dependencies deps;
    api_key_limits limits;
    /// What the secret of an unknown id is compared with.
    crypto::digest nobody;
    mutable std::mutex mutex;
    mutable lru_cache<std::uint64_t, key_row> cache{cached_max};

    state(dependencies d, api_key_limits l) : deps(d), limits(l), nobody(random_digest(d.random)) {}

    /// A closed tenant may have a row and no data any more.
    bool has_store(tenant_id tenant) const
    {
        return deps.all_tenants.find(tenant) && deps.db.find_tenant(tenant) != nullptr;
    }
    result<std::optional<key_row>, problem> read(std::uint64_t id) const
    {
        const std::string row_key = key_row_key(id);
        const auto value = deps.db.platform().find(row_key);
        if (value.has_error())
        {
            return store_problem(value.error());
        }
        if (!value->has_value())
        {
            return std::optional<key_row>{};
        }
        auto row = decode_key(row_key, **value);
        if (!row)
        {
            log::error("key_row_damaged", {{"key", public_key_id(id)}});
            return problem{problem_kind::unavailable, "", "the key's row is damaged"};
        }
        return row;
    }
    result<std::optional<key_row>, problem> obtain(std::uint64_t id) const
    {
        std::uint64_t version = 0;
        {
            const std::lock_guard lock(mutex);
            if (auto found = cache.find(id))
            {
                return found;
            }
            version = cache.version();
        }
        auto row = read(id);
        if (row.has_value() && row->has_value())
        {
            const std::lock_guard lock(mutex);
            cache.put(id, **row, version);
        }
        return row;
    }
    result<std::vector<api_key>, problem> list(tenant_id tenant, std::uint64_t after,
                                               std::size_t limit) const
    {
        std::vector<api_key> out;
        if (after == std::numeric_limits<std::uint64_t>::max())
        {
            return out;
        }
        auto it = deps.db.platform().scan(tenant_key_row_key(tenant, after + 1),
                                          store::prefix_end(tenant_key_prefix(tenant)));
        for (; it.valid() && out.size() < limit; it.next())
        {
            const auto row = read(get_id(it.key()));
            if (row.has_error())
            {
                return row.error();
            }
            HK_ASSERT(row->has_value());
            out.push_back(std::move((*row)->key));
        }
        const auto status = it.status();
        if (status.has_error())
        {
            return store_problem(status.error());
        }
        return out;
    }
    static std::uint64_t get_id(std::string_view index_key)
    {
        HK_ASSERT(index_key.size() == 13);
        return get_be<std::uint64_t>(index_key.substr(5));
    }
    result<void, problem> check_room(tenant_id tenant) const
    {
        const auto all = list(tenant, 0, std::numeric_limits<std::size_t>::max());
        if (all.has_error())
        {
            return all.error();
        }
        const auto live = std::count_if(all->begin(), all->end(),
                                        [](const api_key& k) { return !k.revoked.has_value(); });
        if (static_cast<std::size_t>(live) >= limits.keys_per_tenant_max)
        {
            return problem{problem_kind::limit, "",
                           "the tenant has " + std::to_string(limits.keys_per_tenant_max) +
                               " keys already (limits.keys_per_tenant_max); revoke one first"};
        }
        return {};
    }
};

api_keys::api_keys(dependencies deps, api_key_limits limits)
    : state_(std::make_unique<state>(deps, limits))
{
}
api_keys::~api_keys() = default;

result<api_keys::creation, problem> api_keys::create(const oplog::actor& who, tenant_id tenant,
                                                     std::string_view name, scope_set scopes,
                                                     scope_set may_grant)
{
    if (auto wrong = check_name(name, name_bytes_max))
    {
        return *std::move(wrong);
    }
    if (scopes.empty())
    {
        return problem{problem_kind::invalid, "scopes", "a key needs at least one scope"};
    }
    if (!may_grant.includes(scopes))
    {
        return problem{problem_kind::forbidden, "scopes",
                       "a key can't be given scopes that its creator does not have"};
    }
    const auto& deps = state_->deps;
    if (!state_->has_store(tenant))
    {
        return no_such_tenant();
    }
    auto c = deps.log.begin(tenant, who, "key.create");
    const auto room = state_->check_room(tenant);
    if (room.has_error())
    {
        return room.error();
    }
    auto key = make_fresh_key(deps.db, deps.ids, deps.random, tenant, name, scopes,
                              deps.clock_source.wall());
    if (key.has_error())
    {
        return key.error();
    }
    put_key(c.platform(), key->row);
    c.set_object(public_key_id(key->row.key.id));
    c.commit();
    return creation{std::move(key->row.key), std::move(key->text)};
}

result<std::vector<api_key>, problem> api_keys::list(tenant_id tenant, std::uint64_t after,
                                                     std::size_t limit) const
{
    return state_->list(tenant, after, std::min(limit, page_max));
}

result<std::optional<api_key>, problem> api_keys::find(tenant_id tenant, std::uint64_t id) const
{
    auto row = state_->read(id);
    if (row.has_error())
    {
        return row.error();
    }
    if (!row->has_value() || (*row)->key.tenant != tenant)
    {
        return std::optional<api_key>{};
    }
    return std::optional<api_key>(std::move((*row)->key));
}

result<api_key, problem> api_keys::revoke(const oplog::actor& who, tenant_id tenant,
                                          std::uint64_t id)
{
    const auto& deps = state_->deps;
    if (!state_->has_store(tenant))
    {
        return no_such_key();
    }
    auto c = deps.log.begin(tenant, who, "key.revoke");
    auto row = state_->read(id);
    if (row.has_error())
    {
        return row.error();
    }
    if (!row->has_value() || (*row)->key.tenant != tenant)
    {
        return no_such_key();
    }
    key_row changed = std::move(**row);
    if (changed.key.revoked)
    {
        return changed.key;
    }
    changed.key.revoked = deps.clock_source.wall();
    put_key(c.platform(), changed);
    c.set_object(public_key_id(id));
    c.commit(
        [this, id]
        {
            const std::lock_guard lock(state_->mutex);
            state_->cache.erase(id);
        });
    return changed.key;
}

result<principal, auth_failure> api_keys::authenticate(std::string_view authorization_header) const
{
    if (authorization_header.empty())
    {
        return auth_failure::missing;
    }
    const auto credentials = take_bearer(authorization_header);
    const auto token = credentials ? crypto::parse_api_token(*credentials) : std::nullopt;
    if (!token)
    {
        return auth_failure::malformed;
    }
    const auto row = state_->obtain(token->id);
    if (row.has_error())
    {
        return auth_failure::unavailable;
    }
    const bool known = row->has_value();
    const bool right =
        crypto::verify_api_token(*token, known ? (*row)->hash : state_->nobody) && known;
    if (!right || (*row)->key.revoked)
    {
        return auth_failure::refused;
    }
    const api_key& key = (*row)->key;
    if (!state_->deps.all_tenants.is_active(key.tenant))
    {
        return auth_failure::tenant_suspended;
    }
    return principal{key.tenant, key.id, key.name, key.scopes};
}

} // namespace hikyaku::identity
