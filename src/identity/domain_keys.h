#pragma once

#include <string_view>
#include <vector>

#include <hikyaku/crypto/master_key.h>
#include <hikyaku/dkim/signer.h>
#include <hikyaku/identity/sender_domain.h>

namespace hikyaku::identity
{

/// "hk1r", "hk2e": keys of one generation change together.
[[nodiscard]] std::string make_selector(unsigned generation, dkim::algorithm kind);
/// The generation of a key made next.
[[nodiscard]] unsigned next_generation(const sender_domain& d);

/// A fresh key that has been proven to sign, sealed for (tenant, domain id, selector).
/// @param d  tenant, id and domain are set
/// @error OpenSSL refuses, or the probe fails
[[nodiscard]] result<dkim_key_row, failure> make_domain_key(const crypto::master_key& master,
                                                            const sender_domain& d,
                                                            dkim::algorithm kind,
                                                            unsigned generation);

/// Opens, parses and probes every active key of the domain, RSA first.
/// @error names the selector
[[nodiscard]] result<std::vector<dkim::identity>, failure>
open_domain_keys(const crypto::master_key& master, const sender_domain& d);

} // namespace hikyaku::identity
