#include "forms.h"
#include "key_table.h"

#include <hikyaku/net/address.h>
#include <hikyaku/resolver/resolver.h>

#include <algorithm>

namespace hikyaku::config
{
namespace
{

constexpr std::size_t dns_servers_max = 16;
constexpr std::size_t routes_max = 10'000;
constexpr std::size_t networks_max = 10'000;
constexpr std::size_t sources_max = 1'000;
constexpr std::size_t pools_max = 1'000;
constexpr std::size_t name_bytes_max = 64;
constexpr std::uint32_t weight_max = 1'000;

/// False, and told, when a list or map is too long.
bool check_count(document& doc, const entry& e, std::size_t count, std::size_t count_max)
{
    if (count > count_max)
    {
        doc.fail(e.value.Mark(), e.path, "at most " + std::to_string(count_max) + " are allowed");
    }
    return count <= count_max;
}

bool is_name(std::string_view text)
{
    return !text.empty() && text.size() <= name_bytes_max &&
           std::all_of(text.begin(), text.end(),
                       [](char c)
                       {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                       });
}

std::string item_path(const std::string& list, std::size_t index)
{
    return list + "[" + std::to_string(index) + "]";
}

/// Reads one text with a check; tells when it does not fit.
template <class Fits>
void read_text(document& doc, const entry& e, std::string_view expected, std::string& out,
               Fits fits)
{
    const auto text = read_scalar(doc, e.value, e.path, expected);
    if (text && !fits(*text))
    {
        doc.fail(e.value.Mark(), e.path,
                 "expected " + std::string(expected) + ", found " + quote(*text));
    }
    else if (text)
    {
        out = *text;
    }
}

bool is_name_or_host(const std::string& text)
{
    return is_host_name(to_lower(text));
}

source_settings read_source(document& doc, const YAML::Node& node, const std::string& path)
{
    source_settings out;
    for (const auto& e : read_map(doc, node, path, &source_keys()))
    {
        if (e.name == "name")
        {
            read_text(doc, e, "a name of letters, digits, '-', '_' and '.'", out.name, is_name);
        }
        else if (e.name == "address_v4")
        {
            read_text(doc, e, "an IPv4 address", out.address_v4, is_address_v4);
        }
        else if (e.name == "address_v6")
        {
            read_text(doc, e, "an IPv6 address", out.address_v6, is_address_v6);
        }
        else
        {
            read_text(doc, e, host_form::expected(), out.ehlo_name, is_name_or_host);
        }
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
            continue;
        }
        const number_form form{1, weight_max};
        const auto text = read_scalar(doc, e.value, e.path, form.expected());
        if (text && !form.read(*text, out.weight))
        {
            doc.fail(e.value.Mark(), e.path,
                     "expected " + form.expected() + ", found " + quote(*text));
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
    static const std::vector<std::string> keys{"name", "address_v4", "address_v6", "ehlo_name"};
    return keys;
}
const std::vector<std::string>& pool_member_keys()
{
    static const std::vector<std::string> keys{"source", "weight"};
    return keys;
}

void read_listener_address(document& doc, const entry& e, listener_settings& out)
{
    constexpr std::string_view expected =
        "an address and port such as 127.0.0.1:8025 or [::1]:8025";
    const auto text = read_scalar(doc, e.value, e.path, expected);
    if (!text)
    {
        return;
    }
    const auto parsed = parse_host_port(*text);
    if (!parsed || !parsed->port || !(is_address_v4(parsed->host) || is_address_v6(parsed->host)))
    {
        doc.fail(e.value.Mark(), e.path,
                 "expected " + std::string(expected) + ", found " + quote(*text));
        return;
    }
    out.address = parsed->host;
    out.port = *parsed->port;
}

void read_dns_servers(document& doc, const entry& e, std::vector<std::string>& out)
{
    constexpr std::string_view expected = "a list such as [192.0.2.1, \"[2001:db8::1]:53\"]";
    const auto items = read_list(doc, e.value, e.path, expected);
    if (!check_count(doc, e, items.size(), dns_servers_max))
    {
        return;
    }
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        const auto path = item_path(e.path, i);
        const auto text = read_scalar(doc, items[i], path, "an address with or without a port");
        if (!text)
        {
            continue;
        }
        const auto checked = resolver::check_servers({*text});
        if (checked.has_error())
        {
            doc.fail(items[i].Mark(), path,
                     "expected an address with or without a port, found " + quote(*text));
        }
        out.push_back(*text);
    }
}

void read_routes(document& doc, const entry& e, std::map<std::string, route_settings>& out)
{
    const auto entries = read_map(doc, e.value, e.path, nullptr);
    if (!check_count(doc, e, entries.size(), routes_max))
    {
        return;
    }
    for (const auto& r : entries)
    {
        const std::string domain = to_lower(r.name);
        if (domain != "*" && !is_host_name(domain))
        {
            doc.fail(r.mark, e.path, "expected a domain or \"*\", found " + quote(r.name));
            continue;
        }
        constexpr std::string_view expected = "host:port such as relay.example:25";
        const auto text = read_scalar(doc, r.value, r.path, expected);
        const auto parsed = text ? parse_host_port(*text) : std::nullopt;
        if (text && !parsed)
        {
            doc.fail(r.value.Mark(), r.path,
                     "expected " + std::string(expected) + ", found " + quote(*text));
        }
        if (!parsed)
        {
            continue;
        }
        if (!out.emplace(domain, route_settings{parsed->host, parsed->port.value_or(25)}).second)
        {
            doc.fail(r.mark, e.path, "the domain " + quote(r.name) + " has two routes");
        }
    }
}

void read_networks(document& doc, const entry& e, std::optional<std::vector<std::string>>& out)
{
    const auto items = read_list(doc, e.value, e.path, "a list such as [10.0.0.0/8, \"fc00::/7\"]");
    if (!check_count(doc, e, items.size(), networks_max))
    {
        return;
    }
    out.emplace();
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        const auto path = item_path(e.path, i);
        const auto text = read_scalar(doc, items[i], path, "a network such as 10.0.0.0/8");
        if (!text)
        {
            continue;
        }
        const auto network = net::ip_network::parse(*text);
        if (network.has_error())
        {
            doc.fail(items[i].Mark(), path,
                     "expected a network such as 10.0.0.0/8, found " + quote(*text));
        }
        out->push_back(*text);
    }
}

void read_sources(document& doc, const entry& e, std::vector<source_settings>& out)
{
    const auto items = read_list(doc, e.value, e.path, "a list of sources");
    if (!check_count(doc, e, items.size(), sources_max))
    {
        return;
    }
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        auto source = read_source(doc, items[i], item_path(e.path, i));
        if (!source.name.empty() && std::any_of(out.begin(), out.end(), [&](const auto& s)
                                                { return s.name == source.name; }))
        {
            doc.fail(items[i].Mark(), item_path(e.path, i),
                     "there are two sources called " + quote(source.name));
        }
        out.push_back(std::move(source));
    }
}

void read_pools(document& doc, const entry& e, std::map<std::string, std::vector<pool_member>>& out)
{
    const auto entries = read_map(doc, e.value, e.path, nullptr);
    if (!check_count(doc, e, entries.size(), pools_max))
    {
        return;
    }
    for (const auto& p : entries)
    {
        if (!is_name(p.name))
        {
            doc.fail(p.mark, e.path,
                     "expected a name of letters, digits, '-', '_' and '.', found " +
                         quote(p.name));
            continue;
        }
        const auto items = read_list(doc, p.value, p.path, "a list of {source, weight}");
        auto& members = out[p.name];
        for (std::size_t i = 0; i < items.size() && i < sources_max; ++i)
        {
            members.push_back(read_member(doc, items[i], item_path(p.path, i)));
        }
        if (members.empty())
        {
            doc.fail(p.mark, p.path, "a pool needs at least one source");
        }
    }
}

} // namespace hikyaku::config
