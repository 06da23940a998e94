#pragma once

#include "openssl_handles.h"

#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/dkim/signing_key.h>

namespace hikyaku::dkim
{

/// A public key from DNS (RFC 6376 section 3.6.1), ready to verify with.
struct public_key
{
    pkey key;
    algorithm kind = algorithm::rsa_sha256;
    /// t=s: i= must name the domain itself.
    bool same_domain_only = false;
    /// t=y: the domain is trying DKIM out.
    bool testing = false;
};

/// Reads a record for checking one signature.
///
/// @param wanted  the signature's algorithm
/// @error  no key record, a key of another kind, not for sha256 or for mail, revoked (empty p=), no
///         key in p=, or an RSA size outside rsa_bits_min to rsa_verify_bits_max
[[nodiscard]] result<public_key, failure> read_key_record(std::string_view record,
                                                          algorithm wanted);

} // namespace hikyaku::dkim
