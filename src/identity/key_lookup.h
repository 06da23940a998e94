#pragma once

#include <vector>

#include <hikyaku/identity/domain_watch.h>

namespace hikyaku::identity
{

/// Looks for the records of a domain's pending keys on every server. Blocks for `timeout` at most;
/// asks nothing when no key is pending.
[[nodiscard]] std::vector<key_sighting> look_for_keys(const sender_domain& d, const dns_access& dns,
                                                      milliseconds timeout,
                                                      const dns_access::stop_predicate& stop);

} // namespace hikyaku::identity
