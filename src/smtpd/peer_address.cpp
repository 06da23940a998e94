#include "peer_address.h"

#include <algorithm>

namespace hikyaku::smtpd
{

namespace ip = boost::asio::ip;

namespace
{

constexpr std::size_t v6_network_bytes = 8;

} // namespace

ip::address to_plain(const ip::address& a)
{
    return a.is_v6() && a.to_v6().is_v4_mapped()
               ? ip::address(ip::make_address_v4(ip::v4_mapped, a.to_v6()))
               : a;
}

std::string to_count_key(const ip::address& plain)
{
    if (plain.is_v4())
    {
        const auto bytes = plain.to_v4().to_bytes();
        return {bytes.begin(), bytes.end()};
    }
    const auto bytes = plain.to_v6().to_bytes();
    return {bytes.begin(), bytes.begin() + v6_network_bytes};
}

std::string to_network_text(const ip::address& plain)
{
    if (plain.is_v4())
    {
        auto bytes = plain.to_v4().to_bytes();
        bytes.back() = 0;
        return ip::address_v4(bytes).to_string() + "/24";
    }
    auto bytes = plain.to_v6().to_bytes();
    std::fill(bytes.begin() + v6_network_bytes, bytes.end(), static_cast<unsigned char>(0));
    return ip::address_v6(bytes).to_string() + "/64";
}

} // namespace hikyaku::smtpd
