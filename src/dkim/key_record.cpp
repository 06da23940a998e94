#include "key_record.h"

#include "fields.h"
#include "tag_list.h"

#include <hikyaku/dkim/verify.h>

#include <openssl/err.h>
#include <openssl/x509.h>

namespace hikyaku::dkim
{
namespace
{

constexpr std::size_t ed25519_key_bytes = 32;

pkey read_rsa(std::string_view der)
{
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto size = static_cast<long>(der.size());
    pkey key(d2i_PUBKEY(nullptr, &at, size));
    if (!key)
    {
        // RFC 6376 itself says RSAPublicKey, everybody publishes SubjectPublicKeyInfo.
        at = reinterpret_cast<const unsigned char*>(der.data());
        key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size));
    }
    ERR_clear_error();
    if (key && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA)
    {
        key.reset();
    }
    return key;
}

result<pkey, failure> read_key(std::string_view bytes, algorithm wanted)
{
    if (wanted == algorithm::ed25519_sha256)
    {
        pkey key;
        if (bytes.size() == ed25519_key_bytes)
        {
            key.reset(EVP_PKEY_new_raw_public_key(
                EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(bytes.data()),
                bytes.size()));
        }
        if (!key)
        {
            ERR_clear_error();
            return failure{"the key record holds no Ed25519 key"};
        }
        return key;
    }
    pkey key = read_rsa(bytes);
    if (!key)
    {
        return failure{"the key record holds no RSA key"};
    }
    const auto bits = static_cast<unsigned>(EVP_PKEY_get_bits(key.get()));
    if (bits < rsa_bits_min || bits > rsa_verify_bits_max)
    {
        return failure{"an RSA key of " + std::to_string(bits) + " bits is refused"};
    }
    return key;
}

} // namespace

result<public_key, failure> read_key_record(std::string_view record, algorithm wanted)
{
    const auto tags = tag_list::parse(record);
    const auto p = tags ? tags->find("p") : std::nullopt;
    if (!p)
    {
        return failure{"the TXT record is no DKIM key record"};
    }
    // It ought to be the first tag; every verifier takes it anywhere.
    if (const auto v = tags->find("v"); v && *v != "DKIM1")
    {
        return failure{"the key record is of an unknown version"};
    }
    const std::string_view kind = tags->find("k").value_or("rsa");
    if (!same_name(kind, wanted == algorithm::rsa_sha256 ? "rsa" : "ed25519"))
    {
        return failure{"the key record's k= does not match the signature's a="};
    }
    if (const auto h = tags->find("h"); h && !list_names(*h, "sha256"))
    {
        return failure{"the key record does not allow sha256"};
    }
    if (const auto s = tags->find("s"); s && !list_names(*s, "*") && !list_names(*s, "email"))
    {
        return failure{"the key record is not for mail"};
    }
    if (p->empty())
    {
        return failure{"the key is revoked"};
    }
    const auto bytes = decode_base64_value(*p);
    if (!bytes)
    {
        return failure{"the key record's p= is not base64"};
    }
    auto key = read_key(*bytes, wanted);
    if (key.has_error())
    {
        return key.error();
    }
    const std::string_view flags = tags->find("t").value_or("");
    return public_key{std::move(*key), wanted, list_names(flags, "s"), list_names(flags, "y")};
}

} // namespace hikyaku::dkim
