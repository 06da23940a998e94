#include "key_context.h"

#include <hikyaku/base/assert.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

namespace hikyaku::dkim
{
namespace
{

constexpr std::size_t signature_bytes_max = rsa_sign_bits_max / 8;

unsigned char* bytes_of(std::string& s)
{
    return reinterpret_cast<unsigned char*>(s.data());
}

} // namespace

key_context::key_context(std::shared_ptr<const signing_key> key) : key_(std::move(key))
{
    switch (key_->kind())
    {
    case algorithm::rsa_sha256:
        rsa_.reset(EVP_PKEY_CTX_new(key_->native(), nullptr));
        HK_ASSERT(rsa_ != nullptr && EVP_PKEY_sign_init(rsa_.get()) == 1);
        HK_ASSERT(EVP_PKEY_CTX_set_rsa_padding(rsa_.get(), RSA_PKCS1_PADDING) == 1);
        HK_ASSERT(EVP_PKEY_CTX_set_signature_md(rsa_.get(), EVP_sha256()) == 1);
        return;
    case algorithm::ed25519_sha256:
        ed25519_.reset(EVP_MD_CTX_new());
        HK_ASSERT(ed25519_ != nullptr);
        return;
    }
}

result<void, failure> key_context::sign(const crypto::digest& hash, std::string& signature)
{
    signature.resize(signature_bytes_max);
    const bool made = rsa_ ? sign_rsa(hash, signature) : sign_ed25519(hash, signature);
    if (!made)
    {
        ERR_clear_error();
        return failure{"OpenSSL could not sign with this DKIM key"};
    }
    return {};
}

bool key_context::sign_rsa(const crypto::digest& hash, std::string& signature)
{
    std::size_t size = signature.size();
    if (EVP_PKEY_sign(rsa_.get(), bytes_of(signature), &size, hash.data(), hash.size()) != 1)
    {
        return false;
    }
    signature.resize(size);
    return true;
}

bool key_context::sign_ed25519(const crypto::digest& hash, std::string& signature)
{
    std::size_t size = signature.size();
    // A one-shot context is spent after each signature.
    if (EVP_DigestSignInit(ed25519_.get(), nullptr, nullptr, nullptr, key_->native()) != 1 ||
        EVP_DigestSign(ed25519_.get(), bytes_of(signature), &size, hash.data(), hash.size()) != 1)
    {
        return false;
    }
    signature.resize(size);
    return true;
}

key_context& key_contexts::obtain(const std::shared_ptr<const signing_key>& key)
{
    if (const auto found = places_.find(key.get()); found != places_.end())
    {
        contexts_.splice(contexts_.begin(), contexts_, found->second);
        return contexts_.front().second;
    }
    if (contexts_.size() >= capacity_)
    {
        places_.erase(contexts_.back().first);
        contexts_.pop_back();
    }
    contexts_.emplace_front(key.get(), key_context(key));
    places_.emplace(key.get(), contexts_.begin());
    return contexts_.front().second;
}

} // namespace hikyaku::dkim
