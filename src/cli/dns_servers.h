#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include <hikyaku/base/result.h>

namespace hikyaku::cli
{

/// An address to send DNS questions to.
struct dns_endpoint
{
    sockaddr_storage address{};
    socklen_t size = 0;
};

/// "127.0.0.1:53", "192.0.2.1", "2001:db8::1", "[2001:db8::1]:53"; "localhost" is 127.0.0.1.
/// @error failure  names the text
[[nodiscard]] result<dns_endpoint, failure> parse_dns_endpoint(std::string_view text);

/// The nameserver lines of a resolv.conf, at most three (resolv.conf(5)).
[[nodiscard]] std::vector<std::string> servers_in(std::string_view resolv_conf);

/// What --dns says, or the machine's servers when it is empty; 127.0.0.1 when there are none.
/// @error failure  --dns is not an address
[[nodiscard]] result<std::vector<std::string>, failure> dns_servers(const std::string& option);

} // namespace hikyaku::cli
