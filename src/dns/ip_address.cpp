#include <hikyaku/dns/ip_address.h>

#include <arpa/inet.h>

#include <algorithm>

#include <hikyaku/base/assert.h>

namespace hikyaku::dns
{

ip_address ip_address::v4(const std::array<std::uint8_t, 4>& octets) noexcept
{
    ip_address out;
    out.family = ip_family::v4;
    std::copy(octets.begin(), octets.end(), out.bytes.begin());
    return out;
}

ip_address ip_address::v6(const std::array<std::uint8_t, 16>& octets) noexcept
{
    ip_address out;
    out.family = ip_family::v6;
    out.bytes = octets;
    return out;
}

// inet_pton and inet_ntop only convert text: no socket is involved.
std::optional<ip_address> parse_ip(std::string_view text)
{
    if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
    {
        return std::nullopt;
    }
    const std::string terminated(text);
    ip_address out;
    if (inet_pton(AF_INET, terminated.c_str(), out.bytes.data()) == 1)
    {
        return out;
    }
    out.bytes = {};
    out.family = ip_family::v6;
    if (inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) == 1)
    {
        return out;
    }
    return std::nullopt;
}

std::string format_ip(const ip_address& address)
{
    char text[INET6_ADDRSTRLEN];
    const int family = address.is_v4() ? AF_INET : AF_INET6;
    HK_ASSERT(inet_ntop(family, address.bytes.data(), text, sizeof text) != nullptr);
    return text;
}

} // namespace hikyaku::dns
