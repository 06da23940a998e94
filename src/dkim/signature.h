#pragma once

#include "canonical.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/dkim/signing_key.h>
#include <hikyaku/dkim/verify.h>

namespace hikyaku::dkim
{

/// A DKIM-Signature field that may be checked (RFC 6376 section 3.5).
struct signature
{
    algorithm kind = algorithm::rsa_sha256;
    canonicalization header = canonicalization::simple;
    canonicalization body = canonicalization::simple;
    std::string domain;
    std::string selector;
    /// Right side of i=, lower case; the domain when absent.
    std::string identity_domain;
    std::string value;
    std::string body_hash;
    /// Points into the field's text.
    std::vector<std::string_view> signed_names;
    std::optional<std::uint64_t> body_bytes;
};

/// Names the key: "selector._domainkey.domain" in lower case.
[[nodiscard]] std::string key_name(const signature& s);

/// Reads a signature field and refuses what can't verify. Fills d, s, a of `out` as far as they
/// can be read, and result and reason when it is refused.
///
/// @param text  the field without its final CRLF; outlives the signature
/// @returns nullopt when refused
[[nodiscard]] std::optional<signature> read_signature(std::string_view text, wall_time now,
                                                      verify_result& out);

} // namespace hikyaku::dkim
