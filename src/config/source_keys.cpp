#include "forms.h"
#include "key_table.h"
#include "list_items.h"

#include <hikyaku/shaping/source_table.h>

#include <algorithm>

namespace hikyaku::config
{
namespace
{

constexpr std::size_t dnsbl_max = 16;
constexpr std::string_view name_expected = "a name of letters, digits, '-', '_' and '.'";

bool is_name(std::string_view text)
{
    return !text.empty() && text.size() <= shaping::source_table::name_bytes_max &&
           std::all_of(text.begin(), text.end(),
                       [](char c)
                       {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                       });
}

bool is_name_or_host(const std::string& text)
{
    return is_host_name(to_lower(text));
}

/// A list of whole numbers.
std::vector<std::uint64_t> read_numbers(document& doc, const entry& e, std::uint64_t number_max,
                                        std::size_t count_max)
{
    std::vector<std::uint64_t> out;
    const auto items = read_list(doc, e.value, e.path, "a list such as [50, 100, 200]");
    if (!check_count(doc, e, items.size(), count_max))
    {
        return out;
    }
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        const entry item{"", item_path(e.path, i), items[i].Mark(), items[i]};
        read_form(doc, item, number_form{1, number_max}, out.emplace_back());
    }
    return out;
}

std::vector<std::string> read_hosts(document& doc, const entry& e, std::size_t count_max)
{
    std::vector<std::string> out;
    const auto items = read_list(doc, e.value, e.path, "a list of host names");
    if (!check_count(doc, e, items.size(), count_max))
    {
        return out;
    }
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        const entry item{"", item_path(e.path, i), items[i].Mark(), items[i]};
        std::string name;
        read_text(doc, item, host_form::expected(), name, is_name_or_host);
        out.push_back(to_lower(name));
    }
    return out;
}

/// A warm-up plan as it is written.
struct warm_up_text
{
    std::optional<shaping::day_number> started;
    std::vector<std::uint64_t> plan;
    std::optional<shaping::warm_up_growth> growth;
    std::optional<std::uint64_t> target;
};

void read_growth(document& doc, const entry& growth, warm_up_text& out)
{
    auto& g = out.growth.emplace();
    for (const auto& e : read_map(doc, growth.value, growth.path, &growth_keys()))
    {
        if (e.name == "first")
        {
            read_form(doc, e, number_form{1, shaping::warm_up_plan::cap_max}, g.first);
        }
        else
        {
            read_form(doc, e, number_form{1, shaping::warm_up_growth::percent_max}, g.percent);
        }
    }
}

warm_up_text read_warm_up_text(document& doc, const entry& warm_up)
{
    warm_up_text out;
    const auto read_started = [&](const std::string& text)
    {
        out.started = shaping::parse_day(text);
        return out.started.has_value();
    };
    for (const auto& e : read_map(doc, warm_up.value, warm_up.path, &warm_up_keys()))
    {
        std::string text;
        if (e.name == "started")
        {
            read_text(doc, e, "a day such as 2026-11-24", text, read_started);
        }
        else if (e.name == "plan")
        {
            out.plan = read_numbers(doc, e, shaping::warm_up_plan::cap_max,
                                    shaping::warm_up_plan::days_max);
        }
        else if (e.name == "growth")
        {
            read_growth(doc, e, out);
        }
        else
        {
            read_form(doc, e, number_form{1, shaping::warm_up_plan::cap_max}, out.target.emplace());
        }
    }
    return out;
}

std::optional<shaping::warm_up_plan> read_warm_up(document& doc, const entry& e)
{
    const std::size_t errors_before = doc.error_count();
    const auto text = read_warm_up_text(doc, e);
    if (doc.error_count() != errors_before)
    {
        return std::nullopt;
    }
    if (!text.started || text.plan.empty() != text.growth.has_value())
    {
        doc.fail(e.mark, e.path, "a warm-up needs started, and either plan or growth");
        return std::nullopt;
    }
    if (text.growth && !text.target)
    {
        doc.fail(e.mark, e.path, "growth needs a target");
        return std::nullopt;
    }
    auto made = text.growth ? shaping::make_warm_up(*text.started, *text.growth, *text.target)
                            : shaping::make_warm_up(*text.started, text.plan, text.target);
    if (made.has_error())
    {
        doc.fail(e.mark, e.path, made.error().text);
        return std::nullopt;
    }
    return std::move(*made);
}

void read_source_key(document& doc, const entry& e, source_settings& out)
{
    if (e.name == "name")
    {
        read_text(doc, e, name_expected, out.name, is_name);
    }
    else if (e.name == "address_v4")
    {
        read_text(doc, e, "an IPv4 address", out.address_v4, is_address_v4);
    }
    else if (e.name == "address_v6")
    {
        read_text(doc, e, "an IPv6 address", out.address_v6, is_address_v6);
    }
    else if (e.name == "ehlo_name")
    {
        read_text(doc, e, host_form::expected(), out.ehlo_name, is_name_or_host);
    }
    else if (e.name == "ptr_names")
    {
        out.ptr_names = read_hosts(doc, e, shaping::source_table::ptr_names_max);
    }
    else
    {
        out.warm_up = read_warm_up(doc, e);
    }
}

source_settings read_source(document& doc, const YAML::Node& node, const std::string& path)
{
    source_settings out;
    doc.remember(path, node.Mark());
    for (const auto& e : read_map(doc, node, path, &source_keys()))
    {
        read_source_key(doc, e, out);
    }
    if (!doc.has(path + ".name"))
    {
        doc.fail(node.Mark(), path, "a source needs a name");
    }
    return out;
}

pool_member read_member(document& doc, const YAML::Node& node, const std::string& path)
{
    pool_member out;
    for (const auto& e : read_map(doc, node, path, &pool_member_keys()))
    {
        if (e.name == "source")
        {
            read_text(doc, e, "the name of a source", out.source, is_name);
        }
        else
        {
            read_form(doc, e, number_form{1, shaping::source_table::weight_max}, out.weight);
        }
    }
    if (!doc.has(path + ".source"))
    {
        doc.fail(node.Mark(), path, "a member of a pool needs a source");
    }
    return out;
}

} // namespace

const std::vector<std::string>& source_keys()
{
    static const std::vector<std::string> keys{"name",      "address_v4", "address_v6",
                                               "ehlo_name", "ptr_names",  "warm_up"};
    return keys;
}
const std::vector<std::string>& warm_up_keys()
{
    static const std::vector<std::string> keys{"started", "plan", "growth", "target"};
    return keys;
}
const std::vector<std::string>& growth_keys()
{
    static const std::vector<std::string> keys{"first", "percent"};
    return keys;
}
const std::vector<std::string>& pool_member_keys()
{
    static const std::vector<std::string> keys{"source", "weight"};
    return keys;
}

void read_sources(document& doc, const entry& e, std::vector<source_settings>& out)
{
    const auto items = read_list(doc, e.value, e.path, "a list of sources");
    if (!check_count(doc, e, items.size(), shaping::source_table::sources_max))
    {
        return;
    }
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        out.push_back(read_source(doc, items[i], item_path(e.path, i)));
    }
}

void read_pools(document& doc, const entry& e, std::map<std::string, std::vector<pool_member>>& out)
{
    const auto entries = read_map(doc, e.value, e.path, nullptr);
    if (!check_count(doc, e, entries.size(), shaping::source_table::pools_max))
    {
        return;
    }
    for (const auto& p : entries)
    {
        if (!is_name(p.name))
        {
            doc.fail(p.mark, e.path,
                     "expected " + std::string(name_expected) + ", found " + quote(p.name));
            continue;
        }
        const auto items = read_list(doc, p.value, p.path, "a list of {source, weight}");
        auto& members = out[p.name];
        for (std::size_t i = 0;
             check_count(doc, p, items.size(), shaping::source_table::sources_max) &&
             i < items.size();
             ++i)
        {
            members.push_back(read_member(doc, items[i], item_path(p.path, i)));
        }
    }
}

void read_ramp(document& doc, const entry& e, std::vector<std::uint64_t>& out)
{
    out = read_numbers(doc, e, shaping::quota_limits::count_max,
                       shaping::quota_limits::ramp_days_max);
    const auto checked = shaping::check_quota({std::nullopt, std::nullopt, out});
    if (checked.has_error())
    {
        doc.fail(e.value.Mark(), e.path, checked.error().text);
    }
}

void read_dnsbl(document& doc, const entry& e, std::vector<std::string>& out)
{
    out = read_hosts(doc, e, dnsbl_max);
}

} // namespace hikyaku::config
