#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/random.h>
#include <hikyaku/dns/mx_answer.h>
#include <hikyaku/dns/record.h>
#include <hikyaku/dns/rrset.h>

namespace hikyaku::dns
{

/// Turns the answer to the MX question into the hosts to look up next: hosts without addresses
/// and status ok; or a final failure. RFC 5321 section 5.1, RFC 7505:
/// - no MX records: the domain itself with preference 0 (implicit MX);
/// - a single MX to the root with preference 0: null_mx; a root next to other hosts is ignored;
///   only roots otherwise: no_address;
/// - NXDOMAIN: no_domain; an alias loop: loop; anything else that failed: temporary.
/// A host named twice keeps its best preference. The result has its site and a bounded ttl.
///
/// @pre mx.status is not `follow`; domain is canonical
[[nodiscard]] mx_answer plan_mx(std::string_view domain, const rrset& mx, random_source& random);

/// What became of one host's A and AAAA questions.
struct host_addresses
{
    /// At least one of the two questions could not be answered now.
    bool temporary = false;
    /// Both names don't exist (NXDOMAIN).
    bool no_name = false;
    /// The name is an alias loop.
    bool alias_loop = false;
    /// Text of the failure, "" without one.
    std::string reason;
    /// At most host_addresses_max.
    std::vector<ip_address> addresses;
    /// Bounded.
    std::chrono::seconds ttl{0};
};

/// Joins the A and the AAAA answer of a host: IPv4 and IPv6 in turn, IPv4 first, duplicates
/// dropped, cut to host_addresses_max.
/// @pre neither status is `follow`
[[nodiscard]] host_addresses join_addresses(const rrset& a, const rrset& aaaa);

/// Decides, once every host of `plan` has its addresses: ok when one of them has an address;
/// else temporary when one may have; else no_address (for an implicit MX: no_domain on NXDOMAIN,
/// loop on an alias loop). Hosts without addresses stay in the list.
/// @pre plan.status is ok; hosts.size() == plan.hosts.size(), in the same order
[[nodiscard]] mx_answer decide(mx_answer plan, std::vector<host_addresses> hosts);

/// One thing to connect to. Borrowed from the answer.
struct connection_target
{
    const mx_host* host = nullptr;
    ip_address address;
};

/// The order of one connection attempt: by preference, equals shuffled anew (RFC 5321 section 5.1
/// MUST), addresses of a host shuffled within their family and IPv4 and IPv6 in turn.
/// The pointers live as long as `answer`.
[[nodiscard]] std::vector<connection_target> connection_order(const mx_answer& answer,
                                                              random_source& random);

/// Says whether a host is this installation (by name or by address).
using self_test = std::function<bool(const mx_host&)>;

/// RFC 5321 section 5.1: if we are an MX of the domain, hosts with our preference or a worse one
/// are dropped; nobody left means `loop`. The site stays as it is.
[[nodiscard]] mx_answer without_self(mx_answer answer, const self_test& is_self);

/// The name of a set of hosts: sorted, unique, joined with ','. Stable. Names are canonical.
[[nodiscard]] std::string site_key(const std::vector<mx_host>& hosts);

} // namespace hikyaku::dns
