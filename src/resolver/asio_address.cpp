#include <hikyaku/resolver/asio_address.h>

#include <algorithm>
#include <array>

namespace hikyaku::resolver
{

boost::asio::ip::address to_asio(const dns::ip_address& address)
{
    if (address.is_v4())
    {
        boost::asio::ip::address_v4::bytes_type octets;
        std::copy_n(address.bytes.begin(), octets.size(), octets.begin());
        return boost::asio::ip::address_v4(octets);
    }
    boost::asio::ip::address_v6::bytes_type octets;
    std::copy_n(address.bytes.begin(), octets.size(), octets.begin());
    return boost::asio::ip::address_v6(octets);
}

dns::ip_address from_asio(const boost::asio::ip::address& address)
{
    if (address.is_v4())
    {
        const auto octets = address.to_v4().to_bytes();
        return dns::ip_address::v4({octets[0], octets[1], octets[2], octets[3]});
    }
    std::array<std::uint8_t, 16> octets;
    const auto from = address.to_v6().to_bytes();
    std::copy(from.begin(), from.end(), octets.begin());
    return dns::ip_address::v6(octets);
}

} // namespace hikyaku::resolver
