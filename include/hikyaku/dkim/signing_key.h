#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

/// OpenSSL's key; complete only inside this module.
struct evp_pkey_st;

namespace hikyaku::dkim
{

/// The a= tag (RFC 6376 section 3.3, RFC 8463 section 3). rsa-sha1 does not exist here: RFC 8301
/// forbids making and believing it.
enum class algorithm
{
    rsa_sha256,
    ed25519_sha256,
};

/// "rsa-sha256", "ed25519-sha256".
[[nodiscard]] std::string_view to_text(algorithm a) noexcept;

/// RFC 8301 section 3.2: shorter keys are never believed.
inline constexpr unsigned rsa_bits_min = 1024;
/// Longer ones are refused when a key is loaded; verifying stays below rsa_verify_bits_max.
inline constexpr unsigned rsa_sign_bits_max = 4096;
inline constexpr unsigned rsa_generate_bits = 2048;

/// A private key, kept parsed. Immutable after load, so shared between threads.
class signing_key
{
public:
    static constexpr std::size_t pem_bytes_max = 16u << 10;

    /// A fresh key from OpenSSL's generator; RSA has 2048 bits and takes some 100 ms.
    [[nodiscard]] static result<signing_key, failure> generate(algorithm kind);
    /// Reads PKCS#8 or a traditional RSA key; never asks for a pass phrase.
    ///
    /// @error  not one PEM private key, encrypted, neither RSA nor Ed25519, or an RSA size outside
    ///         rsa_bits_min to rsa_sign_bits_max
    [[nodiscard]] static result<signing_key, failure> from_pem(std::string_view pem);

    signing_key(signing_key&&) noexcept = default;
    signing_key& operator=(signing_key&&) noexcept = default;

    /// Unencrypted PKCS#8: a secret. Seal it before it is stored.
    [[nodiscard]] std::string to_pem() const;
    /// The TXT record at <selector>._domainkey.<domain> (RFC 6376 section 3.6.1), one string:
    /// "v=DKIM1; k=rsa; p=...". The zone file splits it at 255 bytes.
    [[nodiscard]] const std::string& dns_record() const noexcept { return dns_record_; }
    [[nodiscard]] algorithm kind() const noexcept { return kind_; }
    /// Size of the RSA modulus; 256 for Ed25519.
    [[nodiscard]] unsigned bits() const noexcept { return bits_; }
    /// For this module's signer; borrowed, valid as long as the key.
    [[nodiscard]] evp_pkey_st* native() const noexcept { return key_.get(); }

private:
    struct free_key
    {
        void operator()(evp_pkey_st* key) const noexcept;
    };
    using handle = std::unique_ptr<evp_pkey_st, free_key>;
    signing_key() = default;
    [[nodiscard]] static result<signing_key, failure> take(handle key);

    handle key_;
    algorithm kind_ = algorithm::rsa_sha256;
    unsigned bits_ = 0;
    std::string dns_record_;
};

} // namespace hikyaku::dkim
