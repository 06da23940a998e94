#include <hikyaku/api/idempotency.h>

#include "idempotency_row.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/sha256.h>

#include <algorithm>

namespace hikyaku::api
{

/// What the row is about; shared by the ticket and by every copy of the actor.
struct idempotency::ticket::effect
{
    tenant_id tenant;
    std::string row_key;
    std::string fingerprint;
    wall_time created;
    std::atomic<bool> written{false};
    /// Set by the writer of the row, read by the request's own thread after the commit.
    std::mutex mutex;
    std::string object;
};

idempotency::ticket::ticket(idempotency& owner, std::shared_ptr<effect> e)
    : owner_(&owner), effect_(std::move(e))
{
}

idempotency::ticket::~ticket()
{
    if (effect_)
    {
        const std::lock_guard lock(owner_->mutex_);
        owner_->running_.erase(effect_->row_key);
    }
}

std::function<void(store::record&, std::string_view)> idempotency::ticket::row_writer() const
{
    return [e = effect_](store::record& rows, std::string_view object)
    {
        if (rows.tenant() != e->tenant || e->written.exchange(true))
        {
            return;
        }
        const std::lock_guard lock(e->mutex);
        e->object = std::string(object);
        rows.put(store::space::data, e->row_key,
                 encode_row({e->created, e->fingerprint, e->object, std::nullopt}));
    };
}

bool idempotency::ticket::has_effect() const noexcept
{
    return effect_->written.load();
}

void idempotency::ticket::keep(const answer& a)
{
    const std::lock_guard lock(effect_->mutex);
    // From now on no change may put the row without the answer back.
    effect_->written.store(true);
    if (a.body.size() > answer_bytes_max)
    {
        return;
    }
    store::record rows(effect_->tenant);
    rows.put(store::space::data, effect_->row_key,
             encode_row({effect_->created, effect_->fingerprint, effect_->object, a}));
    owner_->db_.commit(std::move(rows), store::commit_class::control);
}

bool idempotency::valid_key(std::string_view key) noexcept
{
    return !key.empty() && key.size() <= key_chars_max &&
           std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

std::shared_ptr<const store::reader> idempotency::rows_of(tenant_id tenant) const
{
    if (tenant == platform_tenant)
    {
        // Owned by the database: nothing to share.
        return {std::shared_ptr<void>(), &db_.platform()};
    }
    return db_.find_tenant(tenant);
}

idempotency::outcome idempotency::begin(tenant_id tenant, const request_identity& r)
{
    HK_ASSERT(valid_key(r.key));
    std::string name;
    put_be(name, tenant.value);
    put_string(name, r.method);
    put_string(name, r.path);
    put_string(name, r.key);
    auto e = std::make_shared<ticket::effect>();
    e->tenant = tenant;
    e->row_key =
        std::string(1, idempotency_kind) + std::string(crypto::as_bytes(crypto::sha256(name)));
    e->fingerprint = r.fingerprint;
    e->created = clock_.wall();
    {
        const std::lock_guard lock(mutex_);
        if (!running_.insert(e->row_key).second)
        {
            return {verdict::in_progress, std::nullopt, std::nullopt, {}};
        }
    }
    ticket mine(*this, std::move(e));
    const auto family = rows_of(tenant);
    const auto found = family ? family->find(mine.effect_->row_key)
                              : result<std::optional<std::string>>(store::errc::no_tenant);
    if (!found)
    {
        return {verdict::unavailable, std::nullopt, std::nullopt, {}};
    }
    auto row = *found ? decode_row(**found) : std::nullopt;
    if (*found && !row)
    {
        return {verdict::unavailable, std::nullopt, std::nullopt, {}};
    }
    if (!row || mine.effect_->created - row->created >= kept)
    {
        return {verdict::fresh, std::move(mine), std::nullopt, {}};
    }
    if (row->fingerprint != r.fingerprint)
    {
        return {verdict::reused, std::nullopt, std::nullopt, {}};
    }
    const auto what = row->before ? verdict::replay : verdict::replay_object;
    return {what, std::nullopt, std::move(row->before), std::move(row->object)};
}

result<std::vector<std::string>> idempotency::find_expired(const store::reader& rows,
                                                           tenant_id tenant, wall_time now)
{
    const std::string prefix(1, idempotency_kind);
    std::string first = prefix;
    {
        const std::lock_guard lock(mutex_);
        const auto from = purge_from_.find(tenant);
        first = from == purge_from_.end() ? prefix : from->second;
    }
    std::vector<std::string> out;
    std::size_t seen = 0;
    auto it = rows.scan(first, store::prefix_end(prefix), nullptr, false);
    for (; it.valid() && seen < purge_rows_max; it.next(), ++seen)
    {
        const auto row = decode_row(it.value());
        if (row && now - row->created >= kept)
        {
            out.emplace_back(it.key());
        }
    }
    const std::lock_guard lock(mutex_);
    if (it.valid())
    {
        purge_from_[tenant] = std::string(it.key());
        return out;
    }
    purge_from_.erase(tenant);
    if (const auto status = it.status(); status.has_error())
    {
        return status.error();
    }
    return out;
}

std::vector<std::string> idempotency::hold(std::vector<std::string> keys)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(keys, [&](const std::string& k) { return !running_.insert(k).second; });
    return keys;
}

void idempotency::release(const std::vector<std::string>& keys)
{
    const std::lock_guard lock(mutex_);
    for (const auto& k : keys)
    {
        running_.erase(k);
    }
}

result<std::size_t> idempotency::purge(tenant_id tenant, wall_time now)
{
    const auto family = rows_of(tenant);
    if (!family)
    {
        return store::make_error_code(store::errc::no_tenant);
    }
    auto expired = find_expired(*family, tenant, now);
    if (!expired)
    {
        return expired.error();
    }
    // A key that is used again right now must not lose its new row: hold it and look once more.
    const auto held = hold(std::move(*expired));
    store::record gone(tenant);
    std::size_t removed = 0;
    for (const auto& key : held)
    {
        const auto found = family->find(key);
        const auto row = found && *found ? decode_row(**found) : std::nullopt;
        if (row && now - row->created >= kept)
        {
            gone.erase(store::space::data, key);
            ++removed;
        }
    }
    if (removed > 0)
    {
        db_.commit(std::move(gone), store::commit_class::bulk);
    }
    release(held);
    return removed;
}

} // namespace hikyaku::api
