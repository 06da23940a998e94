#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/dns/ip_address.h>
#include <hikyaku/resolver/resolver.h>

namespace hikyaku::resolver
{

/// A source of ours, as DNS should know it.
struct checked_source
{
    std::string name;
    /// Those it leaves from; a source whose address the system chooses has none, and only its EHLO
    /// name is checked.
    std::vector<dns::ip_address> addresses;
    std::string ehlo_name;
    /// Names that its addresses must have in reverse DNS; empty: any that leads back.
    std::vector<std::string> ptr_names;
};

enum class source_check_kind
{
    /// The address has a name in reverse DNS, one of ptr_names if there are any.
    ptr,
    /// That name leads back to the address (FCrDNS, RFC 1912 section 2.1).
    forward_confirmed,
    /// The EHLO name has an address, and all addresses of the source are among its own.
    ehlo_name,
    /// The address is not in a DNS block list (RFC 5782).
    dnsbl,
};
/// "ptr", "forward_confirmed", "ehlo_name", "dnsbl".
[[nodiscard]] std::string_view to_string(source_check_kind kind) noexcept;

/// One thing that was checked.
struct source_finding
{
    std::string source;
    source_check_kind check{};
    /// nullopt: DNS gave no answer, so nothing is known; ask again later.
    std::optional<bool> ok;
    /// The address; "" for an EHLO name that has none to be compared with.
    std::string address;
    /// What was found or is missing, English, printing ASCII, at most source_detail_bytes_max. For
    /// dnsbl it begins with the zone.
    std::string detail;

    friend bool operator==(const source_finding&, const source_finding&) = default;
};
inline constexpr std::size_t source_detail_bytes_max = 300;
/// Names in reverse DNS that are looked up again (RFC 7208 section 4.6.4 uses the same number).
inline constexpr std::size_t ptr_names_followed_max = 10;
/// Of one question.
inline constexpr milliseconds source_check_timeout{10'000};

/// "1.2.0.192.in-addr.arpa" (RFC 1035 section 3.5), nibbles below "ip6.arpa" (RFC 3596 section
/// 2.5); below a block list's zone in the same way (RFC 5782 sections 2.1 and 2.4).
[[nodiscard]] std::string ptr_name(const dns::ip_address& address);
[[nodiscard]] std::string dnsbl_name(const dns::ip_address& address, std::string_view zone);

/// Whether a block list's answer is a listing: an address in 127.0.0.0/8 (RFC 5782 section 2.1).
/// Other addresses come from parked zones, and 127.255.255.0/24 says that the list does not answer
/// this resolver: nothing is known then (nullopt).
[[nodiscard]] std::optional<bool> is_listed(const std::vector<dns::ip_address>& answer);

/// Asks everything about one source, one question after the other, past the cache: it is asked
/// rarely and must see what DNS says now.
///
/// @param dnsbl_zones  names of block lists
/// @returns a finding per address and check, in the order of source_check_kind within an address
/// A coroutine of the resolver's io_context; `from` and `time`, its clock, outlive it.
[[nodiscard]] asio::awaitable<std::vector<source_finding>>
check_source(resolver& from, const clock& time, checked_source source,
             std::vector<std::string> dnsbl_zones);

} // namespace hikyaku::resolver
