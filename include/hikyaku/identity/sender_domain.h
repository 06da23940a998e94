#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/dkim/signing_key.h>

namespace hikyaku::identity
{

/// A record the owner of a domain publishes.
struct dns_record
{
    /// "TXT" or "MX".
    std::string type;
    /// Whole name without a dot at the end.
    std::string name;
    /// TXT: the text, its strings joined. MX: "10 host".
    std::string value;
    /// "dkim", "spf", "return_path_mx", "return_path_spf", "dmarc".
    std::string purpose;
};

/// What the last check of the DNS found.
struct domain_checks
{
    bool dkim = false;
    bool spf = false;
    /// MX and SPF of the return-path domain.
    bool return_path = false;
    bool dmarc = false;
    std::optional<wall_time> checked;

    friend bool operator==(const domain_checks&, const domain_checks&) = default;
};

struct dkim_key_row
{
    std::string selector;
    dkim::algorithm kind = dkim::algorithm::rsa_sha256;
    /// The text to publish at <selector>._domainkey.<domain>.
    std::string dns_text;
    /// PKCS#8 PEM under the master key (crypto::seal).
    std::string sealed_private_key;
};

/// A domain a tenant may send from.
struct sender_domain
{
    std::uint64_t id = 0;
    tenant_id tenant;
    /// A-labels, lower case.
    std::string domain;
    /// Where bounces go: the domain of MAIL FROM, once it is verified.
    std::string return_path_domain;
    std::vector<dkim_key_row> keys;
    domain_checks checks;
    wall_time created;
};

/// "dom_" and 13 characters.
[[nodiscard]] std::string public_domain_id(std::uint64_t id);
[[nodiscard]] std::optional<std::uint64_t> parse_domain_id(std::string_view text);

} // namespace hikyaku::identity
