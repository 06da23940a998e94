#include <hikyaku/identity/tenants.h>

#include "checks.h"
#include "fresh_key.h"
#include "rows.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/crypto/hex.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace hikyaku::identity
{
namespace
{

constexpr std::string_view id_prefix = "tnt";
constexpr std::string_view first_key_name = "first key";

/// Tenant numbers count from here, as ids do.
constexpr wall_time numbers_begin = std::chrono::sys_days{std::chrono::year{2020} / 1 / 1};

/// @returns whether the value is another one now
template <class T> bool replace(T& value, const T& by)
{
    const T before = std::exchange(value, by);
    return before != by;
}

/// For the operation log: "per_day 5, ramp 30 days from 100", or "default".
std::string quota_text(const std::optional<shaping::quota_limits>& quota)
{
    if (!quota)
    {
        return "default";
    }
    std::string out;
    const auto add = [&](std::string_view name, const std::string& value)
    { out.append(out.empty() ? "" : ", ").append(name).append(" ").append(value); };
    if (quota->per_day)
    {
        add("per_day", std::to_string(*quota->per_day));
    }
    if (quota->per_month)
    {
        add("per_month", std::to_string(*quota->per_month));
    }
    if (!quota->ramp.empty())
    {
        add("ramp", std::to_string(quota->ramp.size()) + " days from " +
                        std::to_string(quota->ramp.front()));
    }
    return out.empty() ? "unlimited" : out;
}

} // namespace

std::string_view to_string(tenant_state s) noexcept
{
    switch (s)
    {
    case tenant_state::active:
        return "active";
    case tenant_state::suspended:
        return "suspended";
    case tenant_state::closed:
        return "closed";
    }
    HK_ASSERT(false);
}

std::string public_id(tenant_id id)
{
    return format_id(id_prefix, id.value);
}

std::optional<tenant_id> parse_tenant_id(std::string_view text)
{
    const auto value = parse_id(id_prefix, text);
    if (!value || *value == 0 || *value > std::numeric_limits<std::uint32_t>::max())
    {
        return std::nullopt;
    }
    return tenant_id{static_cast<std::uint32_t>(*value)};
}

tenants::tenants(dependencies deps, tenant_limits limits, created_hook on_created)
    : deps_(deps), limits_(limits), on_created_(std::move(on_created))
{
}
tenants::~tenants() = default;

result<std::unique_ptr<tenants>, problem> tenants::open(dependencies deps, tenant_limits limits,
                                                        created_hook on_created)
{
    std::unique_ptr<tenants> out(new tenants(deps, limits, std::move(on_created)));
    const auto loaded = out->load();
    if (loaded.has_error())
    {
        return loaded.error();
    }
    return out;
}

result<void, problem> tenants::load()
{
    auto it = deps_.db.platform().scan_prefix(std::string_view(&tenant_kind, 1));
    for (; it.valid(); it.next())
    {
        auto row = decode_tenant(it.key(), it.value());
        if (!row)
        {
            log::error("tenant_row_damaged", {{"key", crypto::encode_hex(it.key())}});
            return problem{problem_kind::unavailable, "",
                           "a tenant's row is damaged; restore the store from a backup"};
        }
        const tenant_id id = row->id;
        rows_.emplace(id, std::move(*row));
    }
    const auto status = it.status();
    if (status.has_error())
    {
        return store_problem(status.error());
    }
    return {};
}

result<tenant_id, problem> tenants::next_id(wall_time now) const
{
    const std::lock_guard lock(mutex_);
    if (rows_.size() >= limits_.tenants_max)
    {
        return problem{problem_kind::limit, "",
                       "this host holds " + std::to_string(limits_.tenants_max) +
                           " tenants already (limits.tenants_max)"};
    }
    const auto since = std::chrono::floor<seconds>(now - numbers_begin).count();
    std::uint64_t number = since > 0 ? static_cast<std::uint64_t>(since) : 1;
    if (!rows_.empty())
    {
        // Also behind a clock that was set back: numbers are never used twice and keep their order.
        number = std::max<std::uint64_t>(number, rows_.rbegin()->first.value + std::uint64_t{1});
    }
    if (number > std::numeric_limits<std::uint32_t>::max())
    {
        return problem{problem_kind::limit, "", "the clock is too far ahead for another tenant"};
    }
    return tenant_id{static_cast<std::uint32_t>(number)};
}

result<tenants::creation, problem> tenants::create(const oplog::actor& who, std::string_view name,
                                                   std::string_view admin_email)
{
    if (auto wrong = check_name(name, name_bytes_max))
    {
        return *std::move(wrong);
    }
    if (auto wrong = check_email(admin_email, admin_email_bytes_max))
    {
        return *std::move(wrong);
    }
    const std::lock_guard creating(creating_);
    const wall_time now = deps_.clock_source.wall();
    const auto id = next_id(now);
    if (id.has_error())
    {
        return id.error();
    }
    tenant row;
    row.id = *id;
    row.name = name;
    row.admin_email = admin_email;
    row.created = now;
    auto key = make_fresh_key(deps_.db, deps_.ids, deps_.random, *id, first_key_name,
                              scope_set::all(), now);
    if (key.has_error())
    {
        return key.error();
    }
    auto c = deps_.log.begin_new(*id, who, "tenant.create");
    c.set_object(public_id(*id));
    c.platform().put(store::space::data, tenant_row_key(*id), encode(row));
    put_key(c.platform(), key->row);
    if (on_created_)
    {
        on_created_(row, c.data());
    }
    c.commit(
        [this, &row]
        {
            const std::lock_guard lock(mutex_);
            rows_.emplace(row.id, row);
        });
    deps_.log.note(platform_tenant, who, "tenant.create", public_id(*id), "");
    return creation{std::move(row), std::move(key->row.key), std::move(key->text)};
}

std::optional<tenant> tenants::find(tenant_id id) const
{
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(id);
    return found == rows_.end() ? std::nullopt : std::optional<tenant>(found->second);
}

std::vector<tenant> tenants::list(tenant_id after, std::size_t limit) const
{
    limit = std::min(limit, page_max);
    std::vector<tenant> out;
    const std::lock_guard lock(mutex_);
    for (auto it = rows_.upper_bound(after); it != rows_.end() && out.size() < limit; ++it)
    {
        out.push_back(it->second);
    }
    return out;
}

bool tenants::is_active(tenant_id id) const
{
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(id);
    return found != rows_.end() && found->second.state == tenant_state::active;
}

result<tenant, problem> tenants::suspend(const oplog::actor& who, tenant_id id)
{
    return edit_row(who, id, "tenant.suspend", "",
                    [](tenant& t) { return replace(t.state, tenant_state::suspended); });
}

result<tenant, problem> tenants::resume(const oplog::actor& who, tenant_id id)
{
    return edit_row(who, id, "tenant.resume", "",
                    [](tenant& t) { return replace(t.state, tenant_state::active); });
}

result<tenant, problem> tenants::set_quota(const oplog::actor& who, tenant_id id,
                                           std::optional<shaping::quota_limits> quota)
{
    if (quota)
    {
        const auto sound = shaping::check_quota(*quota);
        if (sound.has_error())
        {
            return problem{problem_kind::invalid, "quota", sound.error().text};
        }
    }
    return edit_row(who, id, "tenant.quota", quota_text(quota),
                    [&](tenant& t) { return replace(t.quota, quota); });
}

result<tenant, problem> tenants::edit_row(const oplog::actor& who, tenant_id id,
                                          std::string_view verb, const std::string& detail,
                                          const std::function<bool(tenant&)>& edit)
{
    const auto before = find(id);
    if (!before)
    {
        return problem{problem_kind::not_found, "", "there is no such tenant"};
    }
    // A closed tenant may have no family any more, so no log to open a change in.
    if (before->state == tenant_state::closed || deps_.db.find_tenant(id) == nullptr)
    {
        return problem{problem_kind::conflict, "", "the tenant is closed"};
    }
    tenant changed;
    {
        auto c = deps_.log.begin(id, who, verb);
        changed = *find(id);
        if (!edit(changed))
        {
            return changed;
        }
        c.set_object(public_id(id));
        c.set_detail(detail);
        c.platform().put(store::space::data, tenant_row_key(id), encode(changed));
        c.commit(
            [this, &changed]
            {
                const std::lock_guard lock(mutex_);
                rows_[changed.id] = changed;
            });
    }
    deps_.log.note(platform_tenant, who, verb, public_id(id), detail);
    return changed;
}

} // namespace hikyaku::identity
