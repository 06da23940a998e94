#pragma once

#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>

namespace hikyaku::dkim
{

struct free_handle
{
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
    void operator()(EVP_PKEY_CTX* p) const noexcept { EVP_PKEY_CTX_free(p); }
    void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
    void operator()(BIO* p) const noexcept { BIO_free(p); }
};

using pkey = std::unique_ptr<EVP_PKEY, free_handle>;
using pkey_context = std::unique_ptr<EVP_PKEY_CTX, free_handle>;
using md_context = std::unique_ptr<EVP_MD_CTX, free_handle>;
using bio = std::unique_ptr<BIO, free_handle>;

} // namespace hikyaku::dkim
