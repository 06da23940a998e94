#include <hikyaku/base/assert.h>
#include <hikyaku/crypto/sha256.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <string>

namespace hikyaku::crypto
{
namespace
{

constexpr std::size_t block_bytes = 64;

/// Fetched once: a fetch per digest costs more than hashing a short message.
const EVP_MD* algorithm() noexcept
{
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    HK_ASSERT(fetched != nullptr);
    return fetched;
}

sha256_stream& thread_stream() noexcept
{
    thread_local sha256_stream stream;
    return stream;
}

} // namespace

void sha256_stream::free_context::operator()(evp_md_ctx_st* context) const noexcept
{
    EVP_MD_CTX_free(context);
}

sha256_stream::sha256_stream() noexcept : context_(EVP_MD_CTX_new())
{
    HK_ASSERT(context_ != nullptr);
    reset();
}

void sha256_stream::reset() noexcept
{
    HK_ASSERT(EVP_DigestInit_ex(context_.get(), algorithm(), nullptr) == 1);
}

void sha256_stream::update(std::string_view bytes) noexcept
{
    HK_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

digest sha256_stream::finish() noexcept
{
    digest out;
    unsigned int size = 0;
    HK_ASSERT(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1 && size == out.size());
    reset();
    return out;
}

digest sha256(std::string_view bytes) noexcept
{
    sha256_stream& stream = thread_stream();
    stream.update(bytes);
    return stream.finish();
}

digest hmac_sha256(std::string_view key, std::string_view bytes) noexcept
{
    digest shortened;
    if (key.size() > block_bytes)
    {
        shortened = sha256(key);
        key = as_bytes(shortened);
    }
    std::array<char, block_bytes> inner;
    std::array<char, block_bytes> outer;
    for (std::size_t i = 0; i < block_bytes; ++i)
    {
        const auto k = static_cast<unsigned char>(i < key.size() ? key[i] : '\0');
        inner[i] = static_cast<char>(k ^ 0x36U);
        outer[i] = static_cast<char>(k ^ 0x5CU);
    }
    sha256_stream& stream = thread_stream();
    stream.update({inner.data(), inner.size()});
    stream.update(bytes);
    const digest inside = stream.finish();
    stream.update({outer.data(), outer.size()});
    stream.update(as_bytes(inside));
    OPENSSL_cleanse(inner.data(), inner.size());
    OPENSSL_cleanse(outer.data(), outer.size());
    return stream.finish();
}

digest hkdf_sha256(std::string_view salt, std::string_view secret, std::string_view info) noexcept
{
    digest extracted = hmac_sha256(salt, secret);
    // Expand, first block only: T(1) = HMAC(PRK, info | 0x01).
    std::string message(info);
    message += '\x01';
    const digest key = hmac_sha256(as_bytes(extracted), message);
    OPENSSL_cleanse(extracted.data(), extracted.size());
    return key;
}

} // namespace hikyaku::crypto
