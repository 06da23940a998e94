#include "dns_servers.h"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <hikyaku/dns/ip_address.h>

namespace hikyaku::cli
{
namespace
{

constexpr std::uint16_t default_port = 53;
constexpr std::size_t servers_max = 3;
constexpr std::string_view local_name = "localhost";

struct host_port
{
    std::string_view host;
    std::string_view port;
};

/// "[v6]:port", "v4:port", or an address alone.
host_port split(std::string_view text)
{
    if (text.starts_with('['))
    {
        const auto end = text.find(']');
        if (end == std::string_view::npos)
        {
            return {};
        }
        const auto rest = text.substr(end + 1);
        const bool has_port = rest.size() > 1 && rest.front() == ':';
        return rest.empty() || has_port
                   ? host_port{text.substr(1, end - 1), has_port ? rest.substr(1) : rest}
                   : host_port{};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos)
    {
        return {text, {}};
    }
    // "192.0.2.1:" is a slip, not the default port.
    return colon + 1 == text.size() ? host_port{}
                                    : host_port{text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    std::uint16_t port = default_port;
    if (text.empty())
    {
        return port;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && port != 0 ? std::optional(port) : std::nullopt;
}

dns_endpoint make_endpoint(const dns::ip_address& ip, std::uint16_t port)
{
    dns_endpoint out;
    if (ip.is_v4())
    {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, ip.bytes.data(), sizeof v4.sin_addr);
        std::memcpy(&out.address, &v4, sizeof v4);
        out.size = sizeof v4;
        return out;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, ip.bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&out.address, &v6, sizeof v6);
    out.size = sizeof v6;
    return out;
}

} // namespace

result<dns_endpoint, failure> parse_dns_endpoint(std::string_view text)
{
    const auto parts = split(text);
    const auto ip = dns::parse_ip(parts.host == local_name ? "127.0.0.1" : parts.host);
    const auto port = parse_port(parts.port);
    if (!ip || !port)
    {
        return failure{"'" + std::string(text.substr(0, 128)) +
                       "' is not an address with an optional port, such as 127.0.0.1:53"};
    }
    return make_endpoint(*ip, *port);
}

std::vector<std::string> servers_in(std::string_view resolv_conf)
{
    std::vector<std::string> out;
    std::istringstream lines{std::string(resolv_conf)};
    for (std::string line; std::getline(lines, line) && out.size() < servers_max;)
    {
        std::istringstream words(line);
        std::string keyword;
        std::string address;
        if (words >> keyword >> address && keyword == "nameserver" && dns::parse_ip(address))
        {
            out.push_back(address);
        }
    }
    return out;
}

result<std::vector<std::string>, failure> dns_servers(const std::string& option)
{
    if (!option.empty())
    {
        const auto checked = parse_dns_endpoint(option);
        if (!checked)
        {
            return checked.error();
        }
        const bool local = option.starts_with(local_name);
        return std::vector<std::string>{local ? "127.0.0.1" + option.substr(local_name.size())
                                              : option};
    }
    std::ifstream file("/etc/resolv.conf");
    auto servers = servers_in(std::string(std::istreambuf_iterator<char>(file), {}));
    if (servers.empty())
    {
        servers.emplace_back("127.0.0.1");
    }
    return servers;
}

} // namespace hikyaku::cli
