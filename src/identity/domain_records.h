#pragma once

#include <vector>

#include <hikyaku/identity/sender_domains.h>

namespace hikyaku::identity
{

/// Mechanisms that name this installation (RFC 7208 section 5).
[[nodiscard]] std::string spf_mechanisms(const sender_domain_options& options);

/// Pure part of sender_domains::records_of().
[[nodiscard]] std::vector<dns_record> make_domain_records(const sender_domain_options& options,
                                                          const sender_domain& d);

} // namespace hikyaku::identity
