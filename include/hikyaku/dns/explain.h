#pragma once

#include <hikyaku/base/json.h>
#include <hikyaku/dns/mx_answer.h>

namespace hikyaku::dns
{

/// What `hikyaku mx DOMAIN` prints: `{domain, status, permanent, code, reason, site, ttl_s,
/// implicit_mx, records_seen, hosts: [{name, preference, addresses}], plan: [{host, address}],
/// decision}`. `plan` is the order of connection attempts as the answer stands; `decision` is
/// "deliver", "defer" or "bounce".
[[nodiscard]] json::value explain_mx(const mx_answer& answer);

} // namespace hikyaku::dns
