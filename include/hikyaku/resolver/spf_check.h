#pragma once

#include <boost/asio/awaitable.hpp>

#include <hikyaku/base/time.h>
#include <hikyaku/dns/spf.h>
#include <hikyaku/resolver/resolver.h>

namespace hikyaku::resolver
{

/// Of one evaluation, all questions together (RFC 7208 section 4.6.4: 20 seconds at least).
inline constexpr milliseconds spf_timeout{20'000};

/// Evaluates SPF for one client and sender with the answers of `from`, past its cache. What is not
/// answered by `timeout` counts as a DNS error, so the verdict is then temperror, or a fail without
/// the domain's own explanation. `request.now` is set from `time`.
///
/// A coroutine of the resolver's io_context; `time` is the resolver's clock. Both outlive it.
[[nodiscard]] asio::awaitable<dns::spf_verdict> check_spf(resolver& from, const clock& time,
                                                          dns::spf_request request,
                                                          milliseconds timeout = spf_timeout);

} // namespace hikyaku::resolver
