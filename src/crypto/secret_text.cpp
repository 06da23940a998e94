#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/secret_text.h>

#include <openssl/crypto.h>

#include <span>

namespace hikyaku::crypto
{

std::string random_token(std::size_t bytes, random_source& random)
{
    std::string raw(bytes, '\0');
    random.fill(std::as_writable_bytes(std::span(raw)));
    std::string text = encode_base64url(raw);
    wipe(raw);
    return text;
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) noexcept
{
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

} // namespace hikyaku::crypto
