#include <hikyaku/config/load.h>

#include "document.h"
#include "forms.h"
#include "shaping_rules.h"

#include <limits>
#include <type_traits>

namespace hikyaku::config
{
namespace
{

using names = std::vector<std::string>;

constexpr std::uint64_t file_version = 1;

bool read_value(const std::string& text, std::uint32_t& out)
{
    return number_form{0, std::numeric_limits<std::uint32_t>::max()}.read(text, out);
}
bool read_value(const std::string& text, bool& out)
{
    return flag_form::read(text, out);
}
bool read_value(const std::string& text, milliseconds& out)
{
    return duration_form{milliseconds{1}, shaping::limits_duration_max}.read(text, out);
}
bool read_value(const std::string& text, shaping::rate& out)
{
    const auto value = shaping::parse_rate(text);
    if (value.has_value())
    {
        out = *value;
    }
    return value.has_value();
}
bool read_value(const std::string& text, shaping::tls_mode& out)
{
    const auto value = shaping::parse_tls_mode(text);
    out = value.value_or(out);
    return value.has_value();
}
bool read_value(const std::string& text, shaping::address_family& out)
{
    const auto value = shaping::parse_address_family(text);
    out = value.value_or(out);
    return value.has_value();
}
template <class T> bool read_value(const std::string& text, std::optional<T>& out)
{
    return text == "none" ? (out.reset(), true) : read_value(text, out.emplace());
}

std::string expected_of(const std::uint32_t&)
{
    return "a whole number";
}
std::string expected_of(const bool&)
{
    return flag_form::expected();
}
std::string expected_of(const milliseconds&)
{
    return "a duration such as 250ms, 90s, 15m, 72h, at most 7d";
}
std::string expected_of(const shaping::rate&)
{
    return "a rate such as 100/s, 30/min or \"1000/h,50\"";
}
std::string expected_of(const shaping::tls_mode&)
{
    return "off, opportunistic, required or verified";
}
std::string expected_of(const shaping::address_family&)
{
    return "interleave, prefer_ipv6, prefer_ipv4, ipv6 or ipv4";
}
template <class T> std::string expected_of(const std::optional<T>&)
{
    return expected_of(T{}) + ", or none";
}

const names& limit_names()
{
    static const names all = []
    {
        names out;
        shaping::for_each_limit([&](std::string_view key, auto, auto) { out.emplace_back(key); });
        return out;
    }();
    return all;
}

names with_limits(names first)
{
    first.insert(first.end(), limit_names().begin(), limit_names().end());
    return first;
}

/// Sets the limit that `e` names; false when it names none.
bool read_limit(document& doc, const entry& e, shaping::limits_patch& out)
{
    bool found = false;
    shaping::for_each_limit(
        [&](std::string_view key, auto, auto member)
        {
            if (key != e.name)
            {
                return;
            }
            found = true;
            typename std::remove_reference_t<decltype(out.*member)>::value_type value{};
            const std::string expected = expected_of(value);
            const auto text = read_scalar(doc, e.value, e.path, expected);
            if (text && !read_value(*text, value))
            {
                doc.fail(e.value.Mark(), e.path,
                         "expected " + expected + ", found " + quote(*text));
            }
            else if (text)
            {
                out.*member = value;
            }
        });
    return found;
}

shaping::limits_patch read_patch(document& doc, const YAML::Node& node, const std::string& path)
{
    shaping::limits_patch out;
    for (const auto& e : read_map(doc, node, path, &limit_names()))
    {
        read_limit(doc, e, out);
    }
    return out;
}

void tell(document& doc, const YAML::Mark& at, const std::string& path,
          const result<void, failure>& r)
{
    if (r.has_error())
    {
        doc.fail(at, path, r.error().text);
    }
}

std::vector<std::string> read_names(document& doc, const entry& e)
{
    std::vector<std::string> out;
    for (const auto& item : read_list(doc, e.value, e.path, "a list of names"))
    {
        if (auto text = read_scalar(doc, item, e.path, "a name"))
        {
            out.push_back(std::move(*text));
        }
    }
    return out;
}

void read_retry(document& doc, const entry& section, shaping::shaping_table& out)
{
    static const names known{"steps", "jitter_percent", "expire_after"};
    shaping::retry_policy policy;
    const duration_form step{shaping::retry_policy::step_min, shaping::retry_policy::step_max};
    const duration_form expiry{seconds{1}, shaping::retry_policy::expire_after_max};
    const number_form percent{0, 90};
    const auto read = [&](const YAML::Node& node, const std::string& path, auto form, auto& to)
    {
        const auto text = read_scalar(doc, node, path, form.expected());
        if (text && !form.read(*text, to))
        {
            doc.fail(node.Mark(), path, "expected " + form.expected() + ", found " + quote(*text));
        }
    };
    for (const auto& e : read_map(doc, section.value, section.path, &known))
    {
        if (e.name == "steps")
        {
            policy.steps.clear();
            for (const auto& item : read_list(doc, e.value, e.path, "a list of durations"))
            {
                read(item, e.path, step, policy.steps.emplace_back());
            }
        }
        else if (e.name == "jitter_percent")
        {
            read(e.value, e.path, percent, policy.jitter_percent);
        }
        else
        {
            read(e.value, e.path, expiry, policy.expire_after);
        }
    }
    if (!doc.good())
    {
        return;
    }
    auto made = shaping::retry_schedule::make(std::move(policy));
    if (made.has_error())
    {
        doc.fail(section.mark, section.path, made.error().text);
        return;
    }
    out.set_retry(std::move(*made));
}

/// Rules are read even when the provider is wrong, so that their mistakes are told as well.
void read_rules_of(document& doc, const entry& e, const std::string& provider,
                   shaping::shaping_table& out)
{
    if (out.has_provider(provider))
    {
        read_rules(doc, e.value, e.path, provider, out);
        return;
    }
    shaping::shaping_table aside;
    read_rules(doc, e.value, e.path, "", aside);
}

void read_providers(document& doc, const entry& section, shaping::shaping_table& out)
{
    static const names known = with_limits({"name", "mx_suffix", "domains", "rules"});
    const auto items = read_list(doc, section.value, section.path, "a list of providers");
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        const std::string path = section.path + "[" + std::to_string(i) + "]";
        shaping::provider_rule rule;
        std::optional<entry> rules;
        const std::size_t errors_before = doc.error_count();
        for (const auto& e : read_map(doc, items[i], path, &known))
        {
            if (e.name == "name")
            {
                rule.name = read_scalar(doc, e.value, e.path, "a name").value_or("");
            }
            else if (e.name == "mx_suffix")
            {
                rule.mx_suffix = read_names(doc, e);
            }
            else if (e.name == "domains")
            {
                rule.domains = read_names(doc, e);
            }
            else if (e.name == "rules")
            {
                rules = e; // when the provider is known
            }
            else
            {
                read_limit(doc, e, rule.limits);
            }
        }
        const std::string name = rule.name;
        if (doc.error_count() == errors_before)
        {
            tell(doc, items[i].Mark(), path, out.add_provider(std::move(rule)));
        }
        if (rules)
        {
            read_rules_of(doc, *rules, name, out);
        }
    }
}

void read_top(document& doc, const entry& e, shaping::shaping_table& out)
{
    if (e.name == "version")
    {
        const auto text = read_scalar(doc, e.value, e.path, "1");
        if (text && parse_number(*text) != file_version)
        {
            doc.fail(e.value.Mark(), e.path, "expected version 1, found " + quote(*text));
        }
    }
    else if (e.name == "default")
    {
        tell(doc, e.mark, e.path, out.set_default(read_patch(doc, e.value, e.path)));
    }
    else if (e.name == "retry")
    {
        read_retry(doc, e, out);
    }
    else if (e.name == "providers")
    {
        if (!e.value.IsNull())
        {
            read_providers(doc, e, out);
        }
    }
    else if (e.name == "rules")
    {
        read_rules(doc, e.value, e.path, "", out);
    }
    else if (e.name == "adaptation")
    {
        read_adaptation(doc, e, out);
    }
    else if (e.name == "mx_deny")
    {
        read_denied_mx(doc, e, out);
    }
    else
    {
        const bool is_site = e.name == "sites";
        for (const auto& item : read_map(doc, e.value, e.path, nullptr))
        {
            auto patch = read_patch(doc, item.value, item.path);
            tell(doc, item.mark, item.path,
                 is_site ? out.add_site(item.name, std::move(patch))
                         : out.add_domain(item.name, std::move(patch)));
        }
    }
}

} // namespace

result<std::shared_ptr<const shaping::shaping_table>, config_errors>
parse_shaping(std::string_view text, const std::string& file)
{
    static const names known{"version", "default",   "retry", "adaptation", "rules",
                             "mx_deny", "providers", "sites", "domains"};
    document doc(file);
    auto table = std::make_shared<shaping::shaping_table>();
    for (const auto& e : read_map(doc, doc.parse(text), "", &known, limit_names()))
    {
        read_top(doc, e, *table);
    }
    if (!doc.good())
    {
        return doc.take_errors();
    }
    return std::shared_ptr<const shaping::shaping_table>(std::move(table));
}

result<std::shared_ptr<const shaping::shaping_table>, config_errors>
load_shaping(const std::string& path)
{
    if (path.empty())
    {
        return std::make_shared<const shaping::shaping_table>();
    }
    const auto text = read_file(path);
    if (text.has_error())
    {
        return text.error();
    }
    return parse_shaping(*text, path);
}

} // namespace hikyaku::config
