#include <hikyaku/crypto/api_token.h>
#include <hikyaku/crypto/base32.h>
#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/hex.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/crypto/secret_box.h>
#include <hikyaku/crypto/signed_token.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace
{

void must(bool holds)
{
    if (!holds)
    {
        std::abort();
    }
}

} // namespace

/// Strict codecs: what decodes encodes back to the same text. Nothing opens without its key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace hikyaku::crypto;
    const std::string text(reinterpret_cast<const char*>(data), size);
    static const master_key key(sha256("fuzz"));

    const auto standard = decode_base64(text);
    must(!standard || encode_base64(*standard) == text);
    const auto url = decode_base64url(text);
    must(!url || encode_base64url(*url) == text);
    const auto base32 = decode_base32(text);
    must(!base32 || decode_base32(encode_base32(*base32)) == base32);
    const auto hex = decode_hex(text);
    must(!hex || decode_hex(encode_hex(*hex)) == hex);

    if (const auto token = parse_api_token(text))
    {
        must(text.size() == api_token_chars && !verify_api_token(*token, digest{}));
    }
    for (const token_text form : {token_text::base32, token_text::base64url})
    {
        must(!open_token(sha256("unknown"), 1, text, form));
        (void)peek_token(text, form);
    }
    must(open(key, "fuzz", text).has_error());
    (void)master_key::parse(text).has_value();
    return 0;
}
