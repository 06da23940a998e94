#include "server_address.h"

#include <charconv>
#include <optional>

#include <hikyaku/resolver/resolver.h>

namespace hikyaku::resolver
{

namespace
{

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0)
    {
        return std::nullopt;
    }
    return port;
}

struct host_and_port
{
    std::string_view host;
    std::optional<std::string_view> port;
};

host_and_port split(std::string_view text)
{
    if (text.starts_with('['))
    {
        const std::size_t close = text.find(']');
        const std::string_view rest =
            close == std::string_view::npos ? std::string_view{"?"} : text.substr(close + 1);
        if (rest.empty())
        {
            return {text.substr(1, close - 1), std::nullopt};
        }
        return {rest.starts_with(':') ? text.substr(1, close - 1) : std::string_view{},
                rest.substr(1)};
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos)
    {
        return {text, std::nullopt};
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

} // namespace

result<server_address, failure> parse_server(std::string_view text)
{
    const host_and_port parts = split(text);
    const std::optional<dns::ip_address> ip = dns::parse_ip(parts.host);
    const std::optional<std::uint16_t> port =
        parts.port ? parse_port(*parts.port) : server_address::port_default;
    if (!ip || !port)
    {
        return failure{"DNS server \"" + std::string(text) +
                       "\" is not an IP address with an optional port, like 192.0.2.1:53 or "
                       "[2001:db8::1]:53"};
    }
    return server_address{*ip, *port};
}

result<std::vector<server_address>, failure> parse_servers(const std::vector<std::string>& texts)
{
    std::vector<server_address> out;
    for (const std::string& text : texts)
    {
        const result<server_address, failure> server = parse_server(text);
        if (server.has_error())
        {
            return server.error();
        }
        out.push_back(*server);
    }
    return out;
}

result<void, failure> check_servers(const std::vector<std::string>& servers)
{
    const auto parsed = parse_servers(servers);
    if (parsed.has_error())
    {
        return parsed.error();
    }
    return {};
}

} // namespace hikyaku::resolver
