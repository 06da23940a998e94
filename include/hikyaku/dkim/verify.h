#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/dkim/signer.h>

namespace hikyaku::dkim
{

/// What a signature is worth (RFC 8601 section 2.7.1).
enum class verdict
{
    /// Body and header are as they were signed.
    pass,
    /// The signature is acceptable, but body or header differ from what was signed.
    fail,
    /// The field is not a tag list, so it says nothing.
    neutral,
    /// The key could not be looked up now.
    temperror,
    /// It will never verify: a tag is missing or unknown, expired, no key, key revoked or too weak.
    permerror,
};

[[nodiscard]] std::string_view to_text(verdict v) noexcept;

enum class lookup_error
{
    /// The name has no TXT record.
    not_found,
    /// No answer now.
    temporary,
};

/// Lets result<T, lookup_error>::value() throw; only a bug reaches it.
[[noreturn]] void throw_exception_from_error(lookup_error e, const boost::source_location&);

/// The TXT record at `name` ("selector._domainkey.domain", lower case), its strings joined.
using key_lookup = std::function<result<std::string, lookup_error>(const std::string& name)>;

/// One DKIM-Signature field, from the top of the message down.
struct verify_result
{
    /// d=, s= and a= as written; empty when missing.
    std::string domain;
    std::string selector;
    std::string algorithm;
    verdict result = verdict::permerror;
    /// One sentence for a person; empty for a plain pass.
    std::string reason;
    /// libopendkim's answer on the same signature where it gave one: pass or fail. It may lack
    /// Ed25519 (a build option), and uses the machine's clock for x= and t=.
    std::optional<verdict> opendkim;
};

/// More DKIM-Signature fields than this are not looked at: each costs a lookup and a hash.
inline constexpr std::size_t verify_signatures_max = 16;
/// In a longer header no signature is checked: h= is matched against every field.
inline constexpr std::size_t verify_header_fields_max = 2'000;
inline constexpr unsigned rsa_verify_bits_max = 8192;
/// How far in the future t= may lie.
inline constexpr seconds clock_drift_max{300};

/// Checks every signature of a message (RFC 6376 section 6.1, RFC 8301, RFC 8463). Simple and
/// relaxed, l=, x=, i=; rsa-sha1 and RSA keys under 1024 bits are refused. Any thread; blocks as
/// long as `lookup` does.
///
/// @param message  CRLF line ends; anything is taken, hostile bytes too
/// @param now  what x= and t= are compared with
/// @returns one result per DKIM-Signature field; empty when the message is not signed
[[nodiscard]] std::vector<verify_result> verify(std::string_view message, wall_time now,
                                                const key_lookup& lookup);

/// The names verify() will ask for, without duplicates: to resolve them before.
[[nodiscard]] std::vector<std::string> key_names(std::string_view message);

/// A file's bytes as they travel: when no line ends in CRLF, every LF becomes CRLF.
[[nodiscard]] std::string with_wire_line_ends(std::string_view message);

/// Signs a fixed message and verifies it against the key's own DNS record, with our verifier and
/// with libopendkim. Run when a key is loaded or rotated.
///
/// @error  a signature can't be made, does not verify, or libopendkim refuses it (for Ed25519 it
///         may have no opinion)
[[nodiscard]] result<void, failure> probe(const identity& who);

} // namespace hikyaku::dkim
