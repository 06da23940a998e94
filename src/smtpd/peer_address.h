#pragma once

#include <string>

#include <boost/asio/ip/address.hpp>

namespace hikyaku::smtpd
{

/// An IPv4 address that came over an IPv6 socket, as IPv4; others as they are.
[[nodiscard]] boost::asio::ip::address to_plain(const boost::asio::ip::address& a);

/// What sessions are counted by: the address, of IPv6 the /64. Bytes, not a text.
[[nodiscard]] std::string to_count_key(const boost::asio::ip::address& plain);

/// "192.0.2.0/24", "2001:db8:0:1::/64": for the operator's log, which holds no addresses of people.
[[nodiscard]] std::string to_network_text(const boost::asio::ip::address& plain);

} // namespace hikyaku::smtpd
