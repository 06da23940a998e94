#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::dns
{

enum class ip_family : std::uint8_t
{
    v4 = 4,
    v6 = 6,
};

/// An IPv4 or IPv6 address as DNS gives it: no port, no scope. The layers that own sockets convert
/// it (resolver/asio_address.h). Invariant: for v4 only the first four bytes are used, the rest
/// is zero, so comparison is by value.
struct ip_address
{
    ip_family family = ip_family::v4;
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] static ip_address v4(const std::array<std::uint8_t, 4>& octets) noexcept;
    [[nodiscard]] static ip_address v6(const std::array<std::uint8_t, 16>& octets) noexcept;
    [[nodiscard]] bool is_v4() const noexcept { return family == ip_family::v4; }

    friend auto operator<=>(const ip_address&, const ip_address&) = default;
};

/// Parses "192.0.2.1" or "2001:db8::1". No brackets, ports, scopes, or octal forms.
/// @returns nullopt for anything else.
[[nodiscard]] std::optional<ip_address> parse_ip(std::string_view text);

/// The canonical text (RFC 5952 for IPv6).
[[nodiscard]] std::string format_ip(const ip_address& address);

/// The name of an address's PTR records: "4.3.2.1.in-addr.arpa", or the nibbles under ip6.arpa
/// (RFC 1035 section 3.5, RFC 3596 section 2.5).
[[nodiscard]] std::string reverse_name(const ip_address& ip);

} // namespace hikyaku::dns
