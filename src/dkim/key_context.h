#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include <hikyaku/base/result.h>
#include <hikyaku/crypto/sha256.h>
#include <hikyaku/dkim/signing_key.h>

#include "openssl_handles.h"

namespace hikyaku::dkim
{

/// A key made ready to sign: OpenSSL's context is set up once and signs many times. Not
/// thread-safe; the key itself may be shared.
class key_context
{
public:
    explicit key_context(std::shared_ptr<const signing_key> key);

    /// The raw signature over a SHA-256 digest, into `signature`. RSASSA-PKCS1-v1_5 (RFC 6376
    /// section 3.3.2), or PureEd25519 over the digest (RFC 8463 section 3).
    [[nodiscard]] result<void, failure> sign(const crypto::digest& hash, std::string& signature);

private:
    [[nodiscard]] bool sign_rsa(const crypto::digest& hash, std::string& signature);
    [[nodiscard]] bool sign_ed25519(const crypto::digest& hash, std::string& signature);

    /// Keeps the address alive that key_contexts finds this by.
    std::shared_ptr<const signing_key> key_;
    pkey_context rsa_;
    md_context ed25519_;
};

/// The contexts of the keys used last.
class key_contexts
{
public:
    /// @pre capacity > 0
    explicit key_contexts(std::size_t capacity) noexcept : capacity_(capacity) {}

    /// The context of `key`, made now or kept from before. Valid until the next obtain().
    [[nodiscard]] key_context& obtain(const std::shared_ptr<const signing_key>& key);

private:
    using ordered = std::list<std::pair<const signing_key*, key_context>>;
    std::size_t capacity_;
    /// Front: used last.
    ordered contexts_;
    std::unordered_map<const signing_key*, ordered::iterator> places_;
};

} // namespace hikyaku::dkim
