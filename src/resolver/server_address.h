#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/dns/ip_address.h>

namespace hikyaku::resolver
{

/// A DNS server as configured; UDP and TCP on the same port.
struct server_address
{
    static constexpr std::uint16_t port_default = 53;

    dns::ip_address ip;
    std::uint16_t port = port_default;
};

/// "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:53".
/// @error failure  names the text
[[nodiscard]] result<server_address, failure> parse_server(std::string_view text);
[[nodiscard]] result<std::vector<server_address>, failure>
parse_servers(const std::vector<std::string>& texts);

} // namespace hikyaku::resolver
