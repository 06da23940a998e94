#include <hikyaku/shaping/shaping_table.h>

#include <algorithm>
#include <utility>

namespace hikyaku::shaping
{

namespace
{

constexpr std::size_t name_bytes_max = 254;

// Lower case, no trailing dot.
std::string fold(std::string_view name)
{
    if (name.ends_with('.'))
    {
        name.remove_suffix(1);
    }
    std::string out(name);
    for (char& c : out)
    {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

// Letters, digits, '-', '_', single dots between labels: what an A-label host name looks like.
bool is_host_name(std::string_view name)
{
    if (name.empty() || name.size() > name_bytes_max || name.front() == '.' || name.back() == '.')
    {
        return false;
    }
    return name.find("..") == std::string_view::npos &&
           std::ranges::all_of(name,
                               [](char c)
                               {
                                   return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                                          c == '-' || c == '_' || c == '.';
                               });
}

failure bad_name(std::string_view what, std::string_view name)
{
    return failure{std::string(what) + " '" + std::string(name.substr(0, 64)) +
                   "' is not a host name (write international names as xn--…)"};
}

failure twice(std::string_view what, std::string_view name)
{
    return failure{std::string(what) + " '" + std::string(name.substr(0, 64)) + "' is given twice"};
}

void apply(const limits_patch& patch, limits_layer layer, effective_limits& to)
{
    std::size_t index = 0;
    for_each_limit(
        [&](std::string_view, auto limit, auto member)
        {
            if (patch.*member)
            {
                to.limits.*limit = *(patch.*member);
                to.trace[index].layer = layer;
            }
            ++index;
        });
}

result<void, failure> add_named(std::unordered_map<std::string, limits_patch>& to,
                                std::string_view what, std::string_view name, limits_patch patch)
{
    std::string folded = fold(name);
    if (!is_host_name(folded))
    {
        return bad_name(what, name);
    }
    if (auto checked = check_patch(patch); checked.has_error())
    {
        return failure{folded + ": " + checked.error().text};
    }
    if (to.size() >= shaping_table::names_max)
    {
        return failure{std::string(what) + ": more than 100000 names"};
    }
    if (!to.emplace(folded, std::move(patch)).second)
    {
        return twice(what, name);
    }
    return {};
}

// Folds `names` in place and checks that each is well formed, and new in `known` and the list.
std::optional<failure> fold_new_names(std::vector<std::string>& names, std::string_view what,
                                      bool may_start_with_dot,
                                      const std::unordered_map<std::string, std::size_t>& known)
{
    for (std::string& name : names)
    {
        name = fold(name);
        const bool dotted = may_start_with_dot && name.starts_with('.');
        if (!is_host_name(std::string_view{name}.substr(dotted ? 1 : 0)))
        {
            return bad_name(what, name);
        }
        if (known.contains(name))
        {
            return twice(what, name);
        }
    }
    std::vector<std::string> sorted = names;
    std::ranges::sort(sorted);
    const auto same = std::ranges::adjacent_find(sorted);
    return same == sorted.end() ? std::nullopt : std::optional{twice(what, *same)};
}

} // namespace

std::string_view to_string(limits_layer layer) noexcept
{
    switch (layer)
    {
    case limits_layer::built_in:
        return "built-in";
    case limits_layer::defaults:
        return "default";
    case limits_layer::provider:
        return "provider";
    case limits_layer::site:
        return "site";
    case limits_layer::domain:
        return "domain";
    }
    return "?";
}

result<void, failure> shaping_table::set_default(limits_patch patch)
{
    if (auto checked = check_patch(patch); checked.has_error())
    {
        return failure{"default: " + checked.error().text};
    }
    default_ = std::move(patch);
    return {};
}

result<void, failure> shaping_table::add_provider(provider_rule rule)
{
    if (rule.name.empty() || rule.name.size() > name_bytes_max)
    {
        return failure{"a provider needs a name of 1 to 254 bytes"};
    }
    const bool known = std::ranges::any_of(providers_, [&](const provider_rule& other)
                                           { return other.name == rule.name; });
    if (known)
    {
        return twice("provider", rule.name);
    }
    if (rule.mx_suffix.empty() && rule.domains.empty())
    {
        return failure{"provider " + rule.name + ": mx_suffix or domains is needed"};
    }
    if (auto checked = check_patch(rule.limits); checked.has_error())
    {
        return failure{"provider " + rule.name + ": " + checked.error().text};
    }
    if (providers_.size() >= providers_max ||
        provider_suffixes_.size() + rule.mx_suffix.size() > names_max ||
        provider_domains_.size() + rule.domains.size() > names_max)
    {
        return failure{"more than 1000 providers, or 100000 of their names"};
    }
    if (auto fault = fold_new_names(rule.mx_suffix, "mx_suffix", true, provider_suffixes_))
    {
        return std::move(*fault);
    }
    if (auto fault = fold_new_names(rule.domains, "domain", false, provider_domains_))
    {
        return std::move(*fault);
    }
    for (const std::string& suffix : rule.mx_suffix)
    {
        provider_suffixes_.emplace(suffix, providers_.size());
    }
    for (const std::string& domain : rule.domains)
    {
        provider_domains_.emplace(domain, providers_.size());
    }
    providers_.push_back(std::move(rule));
    return {};
}

result<void, failure> shaping_table::add_site(std::string_view mx_host, limits_patch patch)
{
    return add_named(sites_, "site", mx_host, std::move(patch));
}

result<void, failure> shaping_table::add_domain(std::string_view domain, limits_patch patch)
{
    return add_named(domains_, "domain", domain, std::move(patch));
}

void shaping_table::set_retry(retry_schedule schedule)
{
    retry_ = std::move(schedule);
}

bool shaping_table::has_provider(std::string_view name) const
{
    return std::ranges::any_of(providers_, [&](const auto& p) { return p.name == name; });
}

result<void, failure> shaping_table::add_rule(std::string_view provider, reply_rule rule)
{
    if (!provider.empty() && !has_provider(provider))
    {
        return failure{"rule " + rule.name + ": no provider is named " +
                       std::string(provider.substr(0, 64))};
    }
    return rules_.add(provider, std::move(rule));
}

result<void, failure> shaping_table::set_adaptation(adaptation_policy policy)
{
    if (auto checked = check_policy(policy); checked.has_error())
    {
        return checked.error();
    }
    adaptation_ = policy;
    return {};
}

result<void, failure> shaping_table::add_denied_mx(std::string_view name)
{
    std::string folded = fold(name);
    if (!is_host_name(std::string_view{folded}.substr(folded.starts_with('.') ? 1 : 0)))
    {
        return bad_name("mx_deny", name);
    }
    if (denied_mx_.size() >= names_max)
    {
        return failure{"mx_deny: more than 100000 names"};
    }
    return denied_mx_.insert(std::move(folded)).second ? result<void, failure>{}
                                                       : twice("mx_deny", name);
}

bool shaping_table::denies_mx(std::string_view host) const
{
    if (denied_mx_.empty() || host.size() > name_bytes_max)
    {
        return false;
    }
    const std::string folded = fold(host);
    for (std::size_t at = 0; at != std::string::npos; at = folded.find('.', at + 1))
    {
        if (denied_mx_.contains(folded.substr(at)))
        {
            return true;
        }
    }
    return false;
}

effective_limits shaping_table::effective(std::string_view domain,
                                          std::span<const std::string> mx_hosts) const
{
    effective_limits out;
    for_each_limit([&](std::string_view key, auto, auto) { out.trace.push_back({key}); });
    apply(default_, limits_layer::defaults, out);
    if (const provider_rule* provider = find_provider(domain, mx_hosts))
    {
        out.provider = provider->name;
        apply(provider->limits, limits_layer::provider, out);
    }
    for (const std::string& host : mx_hosts)
    {
        if (const auto site = sites_.find(fold(host)); site != sites_.end())
        {
            apply(site->second, limits_layer::site, out);
            break;
        }
    }
    if (const auto own = domains_.find(fold(domain)); own != domains_.end())
    {
        apply(own->second, limits_layer::domain, out);
    }
    out.limits.connections_initial =
        std::min(out.limits.connections_initial, out.limits.connections_max);
    out.limits.suspension_first = std::min(out.limits.suspension_first, out.limits.suspension_max);
    return out;
}

std::string_view shaping_table::provider_of(std::string_view domain,
                                            std::span<const std::string> mx_hosts) const
{
    const provider_rule* provider = find_provider(domain, mx_hosts);
    return provider ? std::string_view{provider->name} : std::string_view{};
}

const provider_rule* shaping_table::find_provider(std::string_view domain,
                                                  std::span<const std::string> mx_hosts) const
{
    if (const auto own = provider_domains_.find(fold(domain)); own != provider_domains_.end())
    {
        return &providers_[own->second];
    }
    for (const std::string& host : mx_hosts)
    {
        if (const provider_rule* provider = find_provider_of_host(fold(host)))
        {
            return provider;
        }
    }
    return nullptr;
}

const provider_rule* shaping_table::find_provider_of_host(const std::string& host) const
{
    if (host.size() > name_bytes_max)
    {
        return nullptr;
    }
    // The whole name, then ".b.c" and ".c" of "a.b.c": from the longest on.
    for (std::size_t at = 0; at != std::string::npos; at = host.find('.', at + 1))
    {
        const auto found = provider_suffixes_.find(host.substr(at));
        if (found != provider_suffixes_.end())
        {
            return &providers_[found->second];
        }
    }
    return nullptr;
}

} // namespace hikyaku::shaping
