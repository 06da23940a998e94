#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/feedback/unsubscribe.h>
#include <hikyaku/http/server.h>
#include <hikyaku/identity/tenants.h>

namespace hikyaku::web
{

/// Largest body of a public form; more is 413.
inline constexpr std::size_t form_bytes_max = 16u << 10;

struct public_options
{
    /// Proxies in front of us, as CIDR blocks: their X-Forwarded-For is believed.
    /// @pre each is one (net::ip_network::parse)
    std::vector<std::string> proxies{};
    /// Of one address (IPv6: of one /64); more is 429.
    std::uint32_t requests_per_s = 50;
    std::uint32_t requests_burst = 500;
};

/// What recipients reach without logging in. Each member outlives the routes.
struct public_services
{
    const crypto::master_key& master;
    const identity::tenants& tenants;
    const campaign::campaigns& campaigns;
    const feedback::unsubscriber& unsubscriber;
    const clock& clock_source;
};

/// Adds
///   GET, HEAD /u/{token}  a page that asks; changes nothing, since mail scanners follow links
///   POST /u/{token}       List-Unsubscribe=One-Click (RFC 8058): takes the recipient off
///   GET /robots.txt
/// and the limits to the service's `before`. Pages are HTML in ja and en (?lang=, Accept-Language),
/// without scripts, cookies, redirects and addresses. Whatever is wrong with a token, the answer is
/// the same 404.
void add_public_routes(http::service& to, const public_services& all,
                       const public_options& options);

} // namespace hikyaku::web
