#pragma once

#include <hikyaku/base/result.h>

#include <boost/asio/ip/address.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::net
{

/// A block of addresses in CIDR form. IPv4 is kept apart from IPv6.
class ip_network
{
public:
    /// "192.0.2.0/24", "2001:db8::/32", or one address. Host bits must be zero.
    [[nodiscard]] static result<ip_network, failure> parse(std::string_view text);

    [[nodiscard]] bool contains(const boost::asio::ip::address& a) const noexcept;
    [[nodiscard]] bool is_v6() const noexcept { return v6_; }
    [[nodiscard]] unsigned prefix_bits() const noexcept { return bits_; }
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const ip_network&, const ip_network&) = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
    unsigned bits_ = 0;
    bool v6_ = false;
};

/// The IPv4 address inside an IPv6 one: ::ffff:a.b.c.d (mapped), ::a.b.c.d (compatible),
/// 64:ff9b::a.b.c.d (RFC 6052), 2002:aabb:ccdd::/48 (6to4).
[[nodiscard]] std::optional<boost::asio::ip::address_v4>
embedded_v4(const boost::asio::ip::address& a) noexcept;

/// Blocks, asked together.
class network_list
{
public:
    network_list() = default;
    explicit network_list(std::vector<ip_network> networks) : networks_(std::move(networks)) {}

    void add(ip_network n) { networks_.push_back(n); }
    /// Also true when the IPv4 address embedded in `a` is in a block: `::ffff:127.0.0.1` is
    /// loopback.
    [[nodiscard]] bool contains(const boost::asio::ip::address& a) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return networks_.empty(); }

private:
    std::vector<ip_network> networks_;
};

/// Where mail never goes unless the operator allows it: this host, private, shared (CGNAT),
/// link-local, documentation, benchmark, multicast and reserved blocks of both families
/// (RFC 6890 and successors). An MX that points there is a mistake or an attack.
[[nodiscard]] network_list default_forbidden_networks();

} // namespace hikyaku::net
