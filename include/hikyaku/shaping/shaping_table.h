#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/shaping/adaptation.h>
#include <hikyaku/shaping/limits.h>
#include <hikyaku/shaping/reply_rules.h>
#include <hikyaku/shaping/retry_schedule.h>

namespace hikyaku::shaping
{

/// Which layer set a limit. Later ones win.
enum class limits_layer
{
    built_in,
    defaults,
    provider,
    site,
    domain,
};
[[nodiscard]] std::string_view to_string(limits_layer layer) noexcept;

/// Limits that apply to every site run by one company.
struct provider_rule
{
    std::string name;
    /// Of MX hosts: ".google.com" (every host below it) or "mx.example.com" (that host alone).
    std::vector<std::string> mx_suffix;
    /// Routing domains, whole names. They win over the MX hosts.
    std::vector<std::string> domains;
    limits_patch limits;
};

struct limit_origin
{
    /// Lives for ever.
    std::string_view key;
    limits_layer layer = limits_layer::built_in;
};

struct effective_limits
{
    site_limits limits;
    /// Empty when no provider matched.
    std::string provider;
    /// One per limit, in the order of for_each_limit.
    std::vector<limit_origin> trace;
};

/// What shaping.yaml says. Filled once, then only read: const use from several threads is safe.
/// Names are compared without case and without a trailing dot.
class shaping_table
{
public:
    static constexpr std::size_t providers_max = 1'000;
    static constexpr std::size_t names_max = 100'000;

    /// Each setter @error says which value is out of bounds or given twice; the table is then
    /// unchanged.
    [[nodiscard]] result<void, failure> set_default(limits_patch patch);
    [[nodiscard]] result<void, failure> add_provider(provider_rule rule);
    /// `mx_host` names a site by any one of its MX hosts.
    [[nodiscard]] result<void, failure> add_site(std::string_view mx_host, limits_patch patch);
    [[nodiscard]] result<void, failure> add_domain(std::string_view domain, limits_patch patch);
    [[nodiscard]] bool has_provider(std::string_view name) const;
    void set_retry(retry_schedule schedule);
    /// See reply_rules::add. @error also when no such provider was added ("": rules for all)
    [[nodiscard]] result<void, failure> add_rule(std::string_view provider, reply_rule rule);
    [[nodiscard]] result<void, failure> set_adaptation(adaptation_policy policy);
    /// An MX host that is not delivered to: "mx.example.com", or ".example.com" for every host
    /// below it.
    [[nodiscard]] result<void, failure> add_denied_mx(std::string_view name);

    /// The limits for a routing domain whose MX hosts are `mx_hosts`, best preference first:
    /// built-in, then default, provider, site, domain. The provider is the one that lists
    /// the domain; else that of the first MX host that matches any, by the longest suffix. The
    /// site is the first MX host that has an entry. `connections_initial` is at most
    /// connections_max, suspension_first at most suspension_max.
    [[nodiscard]] effective_limits effective(std::string_view domain,
                                             std::span<const std::string> mx_hosts) const;

    /// Name of the provider as above, empty when there is none. Lives as long as the table.
    [[nodiscard]] std::string_view provider_of(std::string_view domain,
                                               std::span<const std::string> mx_hosts) const;

    /// All live as long as the table.
    [[nodiscard]] const reply_rules& rules() const noexcept { return rules_; }
    [[nodiscard]] const adaptation_policy& adaptation() const noexcept { return adaptation_; }
    /// Whether an MX host is on the deny list (typo traps). A domain is refused when every host it
    /// could be delivered to is; denied ones among others are left out.
    [[nodiscard]] bool denies_mx(std::string_view host) const;
    [[nodiscard]] const retry_schedule& retry() const noexcept { return retry_; }

private:
    using name_index = std::unordered_map<std::string, std::size_t>;

    [[nodiscard]] const provider_rule* find_provider(std::string_view domain,
                                                     std::span<const std::string> mx_hosts) const;
    [[nodiscard]] const provider_rule* find_provider_of_host(const std::string& host) const;

    limits_patch default_;
    std::vector<provider_rule> providers_;
    name_index provider_domains_;
    name_index provider_suffixes_;
    std::unordered_map<std::string, limits_patch> sites_;
    std::unordered_map<std::string, limits_patch> domains_;
    retry_schedule retry_;
    reply_rules rules_;
    adaptation_policy adaptation_;
    std::unordered_set<std::string> denied_mx_;
};

} // namespace hikyaku::shaping
