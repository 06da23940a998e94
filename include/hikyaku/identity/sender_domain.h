#pragma once

#include <chrono>
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

    friend bool operator==(const dns_record&, const dns_record&) = default;
};

/// What is looked at when a sender domain is checked. The numbers are on disk: never reused.
enum class check_kind : std::uint8_t
{
    /// The public key of one selector equals ours.
    dkim = 1,
    /// SPF of the From domain (docomo checks it).
    spf = 2,
    /// SPF of the own return-path domain passes for every source.
    return_path_spf = 3,
    /// The own return-path domain's MX leads to us.
    return_path_mx = 4,
    /// There is one valid DMARC record.
    dmarc = 5,
    /// SPF and DKIM speak for the From domain (RFC 7489 section 3.1).
    alignment = 6,
    /// The From domain takes mail: MX or address.
    from_mx = 7,
    /// A source's reverse name leads back to it (the operator's).
    ptr = 8,
    /// SPF of the operator's shared return-path domain, while that is used.
    envelope_spf = 9,
};
/// "dkim", … as in the API.
[[nodiscard]] const char* to_string(check_kind kind) noexcept;

/// On disk: never reused.
enum class check_state : std::uint8_t
{
    ok = 1,
    /// Mail goes out; somebody should look at it.
    warn = 2,
    /// Receivers will refuse or distrust mail from this domain.
    fail = 3,
    /// The DNS gave no answer: neither ok nor fail.
    unknown = 4,
};
/// "ok", "warn", "fail", "unknown".
[[nodiscard]] const char* to_string(check_state state) noexcept;

/// How long a definite result stays in force while the DNS gives no answer.
inline constexpr std::chrono::hours check_keep{72};

/// The result of one check.
struct check_finding
{
    check_kind what{};
    check_state state = check_state::unknown;
    /// The name or address that was asked about; tells findings of one kind apart.
    std::string about;
    /// What the DNS says, as a sentence or the record. Bounded, printing ASCII.
    std::string seen;
    std::string expected;
    /// What to publish when it is not ok.
    std::optional<dns_record> record;
    /// The last state that was not unknown, and when it was found.
    check_state last = check_state::unknown;
    std::optional<wall_time> last_at;

    friend bool operator==(const check_finding&, const check_finding&) = default;
};

/// The state that counts: an `unknown` is what was found last, for check_keep.
[[nodiscard]] check_state state_in_force(const check_finding& f, wall_time now) noexcept;

/// What the last check of the DNS found; the flags sum up the findings in force.
struct domain_checks
{
    bool dkim = false;
    bool spf = false;
    /// MX and SPF of the return-path domain.
    bool return_path = false;
    bool dmarc = false;
    std::optional<wall_time> checked;
    std::vector<check_finding> findings{};

    friend bool operator==(const domain_checks&, const domain_checks&) = default;
};

/// A key's life. On disk: never reused.
enum class key_state : std::uint8_t
{
    /// Waits for its record to be seen in the DNS.
    pending = 1,
    /// Signs.
    active = 2,
    /// Signs nothing any more; its record is still needed by mail under way.
    retiring = 3,
    /// The private key is erased; its record may be removed.
    gone = 4,
};
/// "pending", … as in the API.
[[nodiscard]] const char* to_string(key_state state) noexcept;

struct dkim_key_row
{
    std::string selector;
    dkim::algorithm kind = dkim::algorithm::rsa_sha256;
    /// The text to publish at <selector>._domainkey.<domain>.
    std::string dns_text;
    /// PKCS#8 PEM under the master key (crypto::seal). Empty: gone.
    std::string sealed_private_key;
    key_state state = key_state::active;
    /// When it came into this state.
    std::optional<wall_time> since{};
    /// Pending: since when every server has shown its record without a gap.
    std::optional<wall_time> seen{};
    /// The longest TTL that was seen with it.
    seconds ttl{0};
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
