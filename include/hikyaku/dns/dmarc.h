#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/dns/record.h>

namespace hikyaku::dns
{

/// A longer text is no DMARC record.
inline constexpr std::size_t dmarc_record_bytes_max = 4'096;

/// RFC 7489 section 6.3, tags p and sp.
enum class dmarc_policy : std::uint8_t
{
    none,
    quarantine,
    reject,
};

/// Section 3.1, tags adkim and aspf.
enum class alignment_mode : std::uint8_t
{
    /// The organisational domains are the same.
    relaxed,
    /// The domains are the same.
    strict,
};

/// What a record asks of receivers. Reports (rua, ruf, …) are not our business.
struct dmarc_record
{
    dmarc_policy policy = dmarc_policy::none;
    /// Of domains below; `policy` when the record has no sp.
    dmarc_policy subdomain_policy = dmarc_policy::none;
    alignment_mode dkim = alignment_mode::relaxed;
    alignment_mode spf = alignment_mode::relaxed;
    /// Share of failing mail that the policy is applied to.
    unsigned percent = 100;

    friend bool operator==(const dmarc_record&, const dmarc_record&) = default;
};

/// "none", "quarantine", "reject".
[[nodiscard]] const char* dmarc_policy_name(dmarc_policy policy) noexcept;

/// True when the text claims to be a DMARC record: its first tag is v=DMARC1 (section 6.6.3, step
/// 2: others are discarded).
[[nodiscard]] bool is_dmarc_record(std::string_view text) noexcept;

/// Reads one record (section 6.4). Unknown tags are ignored, and a wrong value of a tag other than
/// p counts as the tag's default (section 6.3). A record without a valid p is only good for
/// reports: taken as p=none when it has a rua, else refused (section 6.6.3, step 6).
/// @error failure  a sentence for the owner of the record
[[nodiscard]] result<dmarc_record, failure> parse_dmarc(std::string_view text);

/// The DMARC records among the TXT records of one name; more than one, or none, is no policy
/// (section 6.6.3, step 5).
[[nodiscard]] std::vector<std::string> find_dmarc_texts(const std::vector<record>& answers);

/// The organisational domain (section 3.2): one label more than the public suffix; the domain
/// itself when it is a public suffix. Suffixes are those of the Public Suffix List as the library
/// carries it, private ones (such as blogs') included; an unknown top-level domain is a suffix.
/// @param domain  canonical (A-labels, lower case)
[[nodiscard]] std::string organizational_domain(std::string_view domain);

/// Section 3.1: whether an authenticated domain speaks for the From domain. Both canonical.
[[nodiscard]] bool is_aligned(std::string_view authenticated, std::string_view from,
                              alignment_mode mode);

} // namespace hikyaku::dns
