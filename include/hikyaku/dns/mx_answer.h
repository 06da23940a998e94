#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <hikyaku/dns/ip_address.h>

namespace hikyaku::dns
{

/// MX hosts kept of one domain: the ten most preferred (ties by name, so the choice is stable).
inline constexpr std::size_t mx_hosts_max = 10;
/// Addresses kept of one MX host, IPv4 and IPv6 taken in turn.
inline constexpr std::size_t host_addresses_max = 5;

/// What a routing domain resolves to. Only no_domain, null_mx and loop are permanent: every
/// other failure may be the fault of a server that is repaired tomorrow.
enum class lookup_status
{
    /// `hosts` holds at least one host with an address.
    ok,
    /// SERVFAIL, REFUSED, time-out, bogus or malformed answer: defer, 4.4.3.
    temporary,
    /// NXDOMAIN, or a text that can't be a domain name: bounce, 5.1.2.
    no_domain,
    /// The domain says it takes no mail (RFC 7505): bounce, 5.1.10.
    null_mx,
    /// The domain exists but none of its MX hosts has an address, or it has neither MX nor
    /// address: defer, 4.4.4 (people repair this; expiry ends it).
    no_address,
    /// All usable addresses are in forbidden networks. Never set by the resolver: delivery
    /// decides on the connected address. Bounce, 5.4.4.
    refused_address,
    /// Aliases that form a loop, or this host itself is the best MX: bounce, 5.4.6.
    loop,
};

/// "ok", "temporary", "no_domain", …: stable names for logs and JSON.
[[nodiscard]] const char* lookup_status_name(lookup_status status) noexcept;
/// True when the recipient bounces, false when it is tried (again).
[[nodiscard]] bool is_permanent(lookup_status status) noexcept;
/// The enhanced status code (RFC 3463, RFC 7505) of a failed look-up: "5.1.2", "4.4.3", …;
/// "" for ok.
[[nodiscard]] const char* enhanced_code(lookup_status status) noexcept;

struct mx_host
{
    /// Canonical: lower case, no final dot.
    std::string name;
    std::uint16_t preference = 0;
    /// At most host_addresses_max. Empty when the host has none, or none could be learnt now.
    /// Not filtered: an address may be loopback or private.
    std::vector<ip_address> addresses;

    friend bool operator==(const mx_host&, const mx_host&) = default;
};

/// Where mail for a domain goes. A value; shared as const between threads.
struct mx_answer
{
    /// Canonical, or as given when it was not a name.
    std::string domain;
    lookup_status status = lookup_status::temporary;
    /// For logs and the bounce text, English, printing ASCII: "SERVFAIL for MX of example.jp".
    /// "" when ok.
    std::string reason;
    /// By preference; equals in random order as of the look-up (RFC 5321 section 5.1). At most
    /// mx_hosts_max. Use connection_order() per connection: this vector is shared by all of them.
    std::vector<mx_host> hosts;
    /// The set of MX hosts as a name: sorted, lower case, joined with ','. The same for every
    /// domain with these hosts, whatever the preferences and addresses; the domain itself for an
    /// implicit MX. "" when there are no hosts.
    std::string site;
    /// How long the answer may be used, already bounded (dns/rrset.h).
    std::chrono::seconds ttl{0};
    /// No MX record: the domain is its own host (RFC 5321 section 5.1).
    bool implicit_mx = false;
    /// MX records in the DNS answer, before limits and null MX were taken out.
    std::size_t records_seen = 0;
};

} // namespace hikyaku::dns
