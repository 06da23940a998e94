#include "openssl_handles.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/crypto/base64.h>
#include <hikyaku/dkim/signing_key.h>

#include <array>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace hikyaku::dkim
{
namespace
{

constexpr std::size_t ed25519_key_bytes = 32;
constexpr unsigned ed25519_bits = 256;

/// Without a callback OpenSSL would ask on the terminal.
int refuse_pass_phrase(char*, int, int, void*)
{
    return -1;
}

std::string contents_of(const bio& memory)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

/// The p= tag: SubjectPublicKeyInfo for RSA (RFC 6376 section 3.6.1), the bare 32 bytes for
/// Ed25519 (RFC 8463 section 4.2).
std::string public_key_bytes(EVP_PKEY* key, algorithm kind)
{
    if (kind == algorithm::ed25519_sha256)
    {
        std::array<unsigned char, ed25519_key_bytes> raw;
        std::size_t size = raw.size();
        HK_ASSERT(EVP_PKEY_get_raw_public_key(key, raw.data(), &size) == 1 && size == raw.size());
        return {reinterpret_cast<const char*>(raw.data()), size};
    }
    const bio memory(BIO_new(BIO_s_mem()));
    HK_ASSERT(memory != nullptr && i2d_PUBKEY_bio(memory.get(), key) == 1);
    return contents_of(memory);
}

} // namespace

std::string_view to_text(algorithm a) noexcept
{
    switch (a)
    {
    case algorithm::rsa_sha256:
        return "rsa-sha256";
    case algorithm::ed25519_sha256:
        return "ed25519-sha256";
    }
    HK_ASSERT(false);
}

void signing_key::free_key::operator()(evp_pkey_st* key) const noexcept
{
    EVP_PKEY_free(key);
}

result<signing_key, failure> signing_key::take(handle key)
{
    signing_key made;
    const int id = EVP_PKEY_get_base_id(key.get());
    if (id == EVP_PKEY_ED25519)
    {
        made.kind_ = algorithm::ed25519_sha256;
        made.bits_ = ed25519_bits;
    }
    else if (id == EVP_PKEY_RSA)
    {
        made.kind_ = algorithm::rsa_sha256;
        made.bits_ = static_cast<unsigned>(EVP_PKEY_get_bits(key.get()));
        if (made.bits_ < rsa_bits_min || made.bits_ > rsa_sign_bits_max)
        {
            return failure{"an RSA key for DKIM has " + std::to_string(rsa_bits_min) + " to " +
                           std::to_string(rsa_sign_bits_max) + " bits, this one has " +
                           std::to_string(made.bits_)};
        }
    }
    else
    {
        return failure{"a DKIM key is RSA or Ed25519"};
    }
    made.dns_record_ =
        made.kind_ == algorithm::rsa_sha256 ? "v=DKIM1; k=rsa; p=" : "v=DKIM1; k=ed25519; p=";
    crypto::append_base64(made.dns_record_, public_key_bytes(key.get(), made.kind_));
    made.key_ = std::move(key);
    return made;
}

result<signing_key, failure> signing_key::generate(algorithm kind)
{
    handle key(kind == algorithm::rsa_sha256
                   ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA",
                                       static_cast<std::size_t>(rsa_generate_bits))
                   : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!key)
    {
        ERR_clear_error();
        return failure{"OpenSSL could not generate a key"};
    }
    return take(std::move(key));
}

result<signing_key, failure> signing_key::from_pem(std::string_view pem)
{
    if (pem.size() > pem_bytes_max)
    {
        return failure{"the PEM text is larger than any DKIM key"};
    }
    const bio memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    HK_ASSERT(memory != nullptr);
    handle key(PEM_read_bio_PrivateKey(memory.get(), nullptr, &refuse_pass_phrase, nullptr));
    if (!key)
    {
        ERR_clear_error();
        return failure{"not an unencrypted PEM private key"};
    }
    return take(std::move(key));
}

std::string signing_key::to_pem() const
{
    const bio memory(BIO_new(BIO_s_secmem()));
    HK_ASSERT(memory != nullptr);
    HK_ASSERT(PEM_write_bio_PKCS8PrivateKey(memory.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) == 1);
    return contents_of(memory);
}

} // namespace hikyaku::dkim
