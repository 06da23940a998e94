#pragma once

#include "../dns/spf_zone.h"

#include <hikyaku/identity/domain_check.h>

namespace hikyaku::identity
{

inline constexpr const char* rsa_text = "v=DKIM1; k=rsa; p=TUlJQg==";
inline constexpr const char* other_text = "v=DKIM1; k=rsa; p=AAAA";
inline constexpr wall_time check_time = from_unix_ms(1'795'392'000'000);

/// What a zone leaves out.
struct zone_gaps
{
    bool dkim = false;
    bool from_spf = false;
    bool return_path_spf = false;
    bool return_path_mx = false;
    bool dmarc = false;
    bool from_mx = false;
    bool ptr = false;
};

/// shop.co.jp as its owner should publish it; `keys` are TXT records of selectors.
inline dns::test::spf_zone
make_zone(const zone_gaps& without = {},
          const std::vector<std::pair<std::string, std::string>>& keys = {{"hk1r", rsa_text}})
{
    dns::test::spf_zone z;
    for (const auto& [selector, text] : keys)
    {
        if (!without.dkim)
        {
            z.txt(selector + "._domainkey.shop.co.jp", text);
        }
    }
    if (!without.from_spf)
    {
        z.txt("shop.co.jp", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all");
    }
    if (!without.return_path_spf)
    {
        z.txt("bounce.shop.co.jp", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all");
    }
    if (!without.return_path_mx)
    {
        z.mx("bounce.shop.co.jp", 10, "mail.host.example");
    }
    if (!without.dmarc)
    {
        z.txt("_dmarc.shop.co.jp", "v=DMARC1; p=none");
    }
    if (!without.from_mx)
    {
        z.mx("shop.co.jp", 10, "mx.shop.co.jp");
    }
    if (!without.ptr)
    {
        z.ptr("1.2.0.192.in-addr.arpa", "mail.host.example");
        z.address("mail.host.example", {"192.0.2.1"});
    }
    return z;
}

} // namespace hikyaku::identity
