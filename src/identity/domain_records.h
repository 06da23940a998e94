#pragma once

#include <vector>

#include <hikyaku/identity/sender_domains.h>

namespace hikyaku::identity
{

/// Pure part of sender_domains::records_of().
[[nodiscard]] std::vector<dns_record> make_domain_records(const sender_domain_options& options,
                                                          const sender_domain& d);

} // namespace hikyaku::identity
