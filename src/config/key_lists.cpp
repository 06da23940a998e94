#include "forms.h"
#include "key_table.h"
#include "list_items.h"

#include <hikyaku/net/address.h>
#include <hikyaku/resolver/resolver.h>

namespace hikyaku::config
{
namespace
{

constexpr std::size_t dns_servers_max = 16;
constexpr std::size_t routes_max = 10'000;
constexpr std::size_t networks_max = 10'000;
constexpr std::size_t local_parts_max = 16;

} // namespace

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

void read_proxies(document& doc, const entry& e, std::vector<std::string>& out)
{
    std::optional<std::vector<std::string>> read;
    read_networks(doc, e, read);
    out = std::move(read).value_or(std::vector<std::string>());
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

void read_local_parts(document& doc, const entry& e, std::vector<std::string>& out)
{
    const auto items = read_list(doc, e.value, e.path, "a list such as [fbl, complaints]");
    if (!check_count(doc, e, items.size(), local_parts_max))
    {
        return;
    }
    out.clear();
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        constexpr std::string_view expected = "the part of an address before its @";
        const auto path = item_path(e.path, i);
        const auto text = read_scalar(doc, items[i], path, expected);
        const bool plain =
            text && !text->empty() && text->size() <= 64 &&
            text->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789.-_+") == std::string::npos;
        if (text && !plain)
        {
            doc.fail(items[i].Mark(), path,
                     "expected " + std::string(expected) + ", found " + quote(*text));
        }
        else if (text)
        {
            out.push_back(to_lower(*text));
        }
    }
}

} // namespace hikyaku::config
