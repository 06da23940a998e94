#include <hikyaku/identity/sender_domains.h>

#include "domain_keys.h"
#include "domain_records.h"
#include "fresh_key.h"
#include "lru_cache.h"
#include "rows.h"

#include <hikyaku/base/log.h>
#include <hikyaku/text/idn.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

namespace hikyaku::identity
{
namespace
{

constexpr std::string_view id_prefix = "dom";
constexpr unsigned first_generation = 1;
constexpr std::string_view return_path_label = "bounce.";

problem no_such_domain()
{
    return {problem_kind::not_found, "", "there is no such domain"};
}
problem not_a_domain(std::string why)
{
    return {problem_kind::invalid, "domain", std::move(why)};
}

/// A name people can publish records under: two labels, the last not a number (that would be an
/// address).
result<std::string, problem> check_domain(std::string_view domain)
{
    auto ascii = text::domain_to_ascii(domain);
    if (ascii.has_error())
    {
        return not_a_domain(ascii.error().text);
    }
    const auto dot = ascii->rfind('.');
    const bool numeric = dot != std::string::npos && dot + 1 < ascii->size() &&
                         (*ascii)[dot + 1] >= '0' && (*ascii)[dot + 1] <= '9';
    if (dot == std::string::npos || numeric)
    {
        return not_a_domain("expected a domain such as shop.example");
    }
    if (ascii->size() > sender_domains::domain_bytes_max)
    {
        return not_a_domain("the domain is longer than " +
                            std::to_string(sender_domains::domain_bytes_max) + " bytes");
    }
    return std::move(*ascii);
}

/// A check whose state in force is another than before.
struct check_change
{
    check_kind what{};
    std::string about;
    check_state from{};
    check_state to{};
};

std::vector<check_change> find_changes(const domain_checks& before, const domain_checks& after,
                                       wall_time now)
{
    std::vector<check_change> out;
    for (const auto& f : after.findings)
    {
        const auto old =
            std::find_if(before.findings.begin(), before.findings.end(),
                         [&](const auto& b) { return b.what == f.what && b.about == f.about; });
        const auto from =
            old == before.findings.end() ? check_state::unknown : state_in_force(*old, now);
        const auto to = state_in_force(f, now);
        if (from != to)
        {
            out.push_back({f.what, f.about, from, to});
        }
    }
    return out;
}

std::string describe(const std::vector<check_change>& changes)
{
    std::string out;
    for (const auto& c : changes)
    {
        out += out.empty() ? "" : ", ";
        out += std::string(to_string(c.what)) + " " + to_string(c.from) + " to " + to_string(c.to);
    }
    return out.empty() ? "unchanged" : out;
}

} // namespace

std::string public_domain_id(std::uint64_t id)
{
    return format_id(id_prefix, id);
}
std::optional<std::uint64_t> parse_domain_id(std::string_view text)
{
    return parse_id(id_prefix, text);
}

struct sender_domains::state
{
    using cache_key = std::pair<tenant_id, std::string>;

    dependencies deps;
    sender_domain_options options;
    mutable std::mutex mutex;
    mutable lru_cache<cache_key, identities> cache{cached_max};

    state(dependencies d, sender_domain_options o) : deps(d), options(std::move(o)) {}

    static result<sender_domain, problem> decode(tenant_id tenant, std::string_view key,
                                                 std::string_view value)
    {
        auto row = decode_domain(tenant, key, value);
        if (!row)
        {
            log::error("domain_row_damaged", {{"tenant", tenant.value}});
            return problem{problem_kind::unavailable, "", "a domain's row is damaged"};
        }
        return std::move(*row);
    }
    result<std::optional<sender_domain>, problem> read(tenant_id tenant, std::uint64_t id) const
    {
        const auto from = deps.db.find_tenant(tenant);
        if (from == nullptr)
        {
            return std::optional<sender_domain>{};
        }
        const std::string key = domain_row_key(id);
        const auto value = from->find(key);
        if (value.has_error())
        {
            return store_problem(value.error());
        }
        if (!value->has_value())
        {
            return std::optional<sender_domain>{};
        }
        auto row = decode(tenant, key, **value);
        if (row.has_error())
        {
            return row.error();
        }
        return std::optional<sender_domain>(std::move(*row));
    }
    result<std::vector<sender_domain>, problem> list(tenant_id tenant, std::uint64_t after,
                                                     std::size_t limit) const
    {
        std::vector<sender_domain> out;
        const auto from = deps.db.find_tenant(tenant);
        if (from == nullptr || after == std::numeric_limits<std::uint64_t>::max())
        {
            return out;
        }
        auto it = from->scan(domain_row_key(after + 1),
                             store::prefix_end(std::string_view(&domain_kind, 1)));
        for (; it.valid() && out.size() < limit; it.next())
        {
            auto row = decode(tenant, it.key(), it.value());
            if (row.has_error())
            {
                return row.error();
            }
            out.push_back(std::move(*row));
        }
        const auto status = it.status();
        if (status.has_error())
        {
            return store_problem(status.error());
        }
        return out;
    }
    /// Whether the tenant can have one more, called so. @param ascii  canonical
    result<void, problem> check_new(tenant_id tenant, std::string_view ascii) const
    {
        const auto all = list(tenant, 0, std::numeric_limits<std::size_t>::max());
        if (all.has_error())
        {
            return all.error();
        }
        if (std::any_of(all->begin(), all->end(),
                        [&](const sender_domain& d) { return d.domain == ascii; }))
        {
            return problem{problem_kind::conflict, "domain", "the domain is there already"};
        }
        if (all->size() >= options.domains_per_tenant_max)
        {
            return problem{problem_kind::limit, "",
                           "the tenant has " + std::to_string(options.domains_per_tenant_max) +
                               " domains already (limits.domains_per_tenant_max)"};
        }
        return {};
    }
    result<void, problem> make_keys(sender_domain& d, bool want_ed25519) const
    {
        std::vector<dkim::algorithm> kinds{dkim::algorithm::rsa_sha256};
        if (want_ed25519)
        {
            kinds.push_back(dkim::algorithm::ed25519_sha256);
        }
        for (const auto kind : kinds)
        {
            auto key = make_domain_key(deps.master, d, kind, first_generation);
            if (key.has_error())
            {
                log::error("dkim_key_failed", {{"reason", key.error().text}});
                return problem{problem_kind::unavailable, "", key.error().text};
            }
            key->since = d.created;
            d.keys.push_back(std::move(*key));
        }
        return {};
    }
};

sender_domains::sender_domains(dependencies deps, sender_domain_options options)
    : state_(std::make_unique<state>(deps, std::move(options)))
{
}
sender_domains::~sender_domains() = default;

result<sender_domain, problem> sender_domains::add(const oplog::actor& who, tenant_id tenant,
                                                   std::string_view domain, bool want_ed25519)
{
    auto ascii = check_domain(domain);
    if (ascii.has_error())
    {
        return ascii.error();
    }
    const auto& deps = state_->deps;
    if (tenant == platform_tenant || deps.db.find_tenant(tenant) == nullptr)
    {
        return problem{problem_kind::not_found, "", "there is no such tenant"};
    }
    // Asked twice: before the keys, which take time, and under the gate, where it counts.
    if (const auto room = state_->check_new(tenant, *ascii); room.has_error())
    {
        return room.error();
    }
    sender_domain d;
    d.id = deps.ids.next();
    d.tenant = tenant;
    d.domain = std::move(*ascii);
    d.return_path_domain = std::string(return_path_label) + d.domain;
    d.created = deps.clock_source.wall();
    if (const auto made = state_->make_keys(d, want_ed25519); made.has_error())
    {
        return made.error();
    }
    auto c = deps.log.begin(tenant, who, "domain.create");
    if (const auto room = state_->check_new(tenant, d.domain); room.has_error())
    {
        return room.error();
    }
    const auto taken = state_->read(tenant, d.id);
    if (taken.has_error() || taken->has_value())
    {
        // Only a clock that was set back gives an id a second time.
        return taken.has_error() ? taken.error()
                                 : problem{problem_kind::unavailable, "", "the clock was set back"};
    }
    c.data().put(store::space::data, domain_row_key(d.id), encode(d));
    c.set_object(public_domain_id(d.id));
    c.set_detail(d.domain);
    c.commit();
    return d;
}

result<std::vector<sender_domain>, problem>
sender_domains::list(tenant_id tenant, std::uint64_t after, std::size_t limit) const
{
    return state_->list(tenant, after, std::min(limit, page_max));
}

result<std::optional<sender_domain>, problem> sender_domains::find(tenant_id tenant,
                                                                   std::uint64_t id) const
{
    return state_->read(tenant, id);
}

result<std::optional<sender_domain>, problem>
sender_domains::find_by_name(tenant_id tenant, std::string_view domain) const
{
    const auto ascii = text::domain_to_ascii(domain);
    if (ascii.has_error())
    {
        return std::optional<sender_domain>{};
    }
    auto all = state_->list(tenant, 0, std::numeric_limits<std::size_t>::max());
    if (all.has_error())
    {
        return all.error();
    }
    for (auto& d : *all)
    {
        if (d.domain == *ascii)
        {
            return std::optional<sender_domain>(std::move(d));
        }
    }
    return std::optional<sender_domain>{};
}

result<sender_domain, problem> sender_domains::set_checks(const oplog::actor& who, tenant_id tenant,
                                                          std::uint64_t id,
                                                          const domain_checks& found)
{
    const auto& deps = state_->deps;
    if (tenant == platform_tenant || deps.db.find_tenant(tenant) == nullptr)
    {
        return no_such_domain();
    }
    auto c = deps.log.begin(tenant, who, "domain.check");
    auto row = state_->read(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    if (!row->has_value())
    {
        return no_such_domain();
    }
    sender_domain d = std::move(**row);
    const auto changes = find_changes(d.checks, found, deps.clock_source.wall());
    d.checks = found;
    c.data().put(store::space::data, domain_row_key(id), encode(d));
    c.set_object(public_domain_id(id));
    c.set_detail(describe(changes));
    c.commit();
    for (const auto& change : changes)
    {
        log::write(change.to == check_state::fail ? log::level::warning : log::level::info,
                   "domain_check_changed",
                   {{"tenant", tenant.value},
                    {"domain", d.domain},
                    {"check", to_string(change.what)},
                    {"about", change.about},
                    {"from", to_string(change.from)},
                    {"to", to_string(change.to)}});
    }
    return d;
}

std::string sender_domains::spf_mechanisms() const
{
    return identity::spf_mechanisms(state_->options);
}

std::vector<dns_record> sender_domains::records_of(const sender_domain& d) const
{
    return make_domain_records(state_->options, d);
}

std::string sender_domains::envelope_domain(const sender_domain& d) const
{
    const auto& shared = state_->options.return_path_domain;
    return d.checks.return_path || shared.empty() ? d.return_path_domain : shared;
}

bool sender_domains::envelope_is_ours(const sender_domain& d) const
{
    return d.checks.return_path || !state_->options.return_path_domain.empty();
}

result<sender_domains::identities, failure>
sender_domains::load_identities(tenant_id tenant, std::string_view domain) const
{
    const auto ascii = text::domain_to_ascii(domain);
    if (ascii.has_error())
    {
        return failure{"sender domain: " + ascii.error().text};
    }
    const state::cache_key key{tenant, *ascii};
    std::uint64_t version = 0;
    {
        const std::lock_guard lock(state_->mutex);
        if (auto found = state_->cache.find(key))
        {
            return std::move(*found);
        }
        version = state_->cache.version();
    }
    const auto row = find_by_name(tenant, *ascii);
    if (row.has_error())
    {
        return failure{row.error().text};
    }
    if (!row->has_value())
    {
        return failure{*ascii + " is not a sender domain of this tenant; add it first"};
    }
    auto opened = open_domain_keys(state_->deps.master, **row);
    if (opened.has_error())
    {
        log::error("dkim_key_unusable",
                   {{"tenant", tenant.value}, {"domain", *ascii}, {"reason", opened.error().text}});
        return opened.error();
    }
    auto shared = std::make_shared<const std::vector<dkim::identity>>(std::move(*opened));
    const std::lock_guard lock(state_->mutex);
    state_->cache.put(key, shared, version);
    return shared;
}

const sender_domains::dependencies& sender_domains::deps() const noexcept
{
    return state_->deps;
}

void sender_domains::forget(tenant_id tenant, const std::string& domain)
{
    const std::lock_guard lock(state_->mutex);
    state_->cache.erase({tenant, domain});
}

} // namespace hikyaku::identity
