#include "domain_records.h"

namespace hikyaku::identity
{

std::string spf_mechanisms(const sender_domain_options& options)
{
    if (!options.spf_include.empty())
    {
        return "include:" + options.spf_include;
    }
    std::string out;
    for (const auto& address : options.source_addresses)
    {
        out += out.empty() ? "" : " ";
        out += address.find(':') == std::string::npos ? "ip4:" : "ip6:";
        out += address;
    }
    return out.empty() ? "a:" + options.hostname : out;
}

std::vector<dns_record> make_domain_records(const sender_domain_options& options,
                                            const sender_domain& d)
{
    std::vector<dns_record> out;
    for (const auto& key : d.keys)
    {
        if (key.state == key_state::gone)
        {
            continue;
        }
        out.push_back({"TXT", key.selector + "._domainkey." + d.domain, key.dns_text, "dkim"});
    }
    const std::string spf = "v=spf1 " + spf_mechanisms(options);
    // The domain may have other senders: softfail until its owner says otherwise.
    out.push_back({"TXT", d.domain, spf + " ~all", "spf"});
    out.push_back({"MX", d.return_path_domain, "10 " + options.hostname, "return_path_mx"});
    out.push_back({"TXT", d.return_path_domain, spf + " -all", "return_path_spf"});
    out.push_back({"TXT", "_dmarc." + d.domain, "v=DMARC1; p=none", "dmarc"});
    return out;
}

} // namespace hikyaku::identity
