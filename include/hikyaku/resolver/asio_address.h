#pragma once

#include <boost/asio/ip/address.hpp>

#include <hikyaku/dns/ip_address.h>

namespace hikyaku::resolver
{

[[nodiscard]] boost::asio::ip::address to_asio(const dns::ip_address& address);
/// Drops an IPv6 scope id; DNS has none.
[[nodiscard]] dns::ip_address from_asio(const boost::asio::ip::address& address);

} // namespace hikyaku::resolver
