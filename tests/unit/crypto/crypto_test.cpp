#include <hikyaku/crypto/api_token.h>
#include <hikyaku/crypto/base32.h>
#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/bcrypt.h>
#include <hikyaku/crypto/hex.h>
#include <hikyaku/crypto/secret_text.h>
#include <hikyaku/crypto/sha256.h>
#include <hikyaku/crypto/signed_token.h>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hikyaku::crypto
{
namespace
{

std::string unhex(std::string_view text)
{
    return decode_hex(text).value();
}
std::string hex(const digest& d)
{
    return encode_hex(as_bytes(d));
}

TEST(Sha256, KnownAnswers)
{
    EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(sha256("abc")),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_stream stream;
    for (int i = 0; i < 1'000'000 / 50; ++i)
    {
        stream.update(std::string(50, 'a'));
    }
    EXPECT_EQ(hex(stream.finish()),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    stream.update("ab");
    stream.update("");
    stream.update("c");
    EXPECT_EQ(stream.finish(), sha256("abc")) << "finish() must leave an empty stream";
    stream.update("junk");
    stream.reset();
    EXPECT_EQ(stream.finish(), sha256(""));
}

TEST(Hmac, Rfc4231)
{
    EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                              "Test Using Larger Than Block-Size Key - Hash Key First")),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hkdf, Rfc5869)
{
    const digest one = hkdf_sha256(unhex("000102030405060708090a0b0c"), std::string(22, '\x0b'),
                                   unhex("f0f1f2f3f4f5f6f7f8f9"));
    EXPECT_EQ(hex(one), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    EXPECT_EQ(hex(hkdf_sha256("", std::string(22, '\x0b'), "")),
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(Base64, Rfc4648AndBack)
{
    const std::pair<const char*, const char*> rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "+/8="},
    };
    for (const auto& [plain, text] : rows)
    {
        EXPECT_EQ(encode_base64(plain), text);
        EXPECT_EQ(decode_base64(text), plain);
        EXPECT_EQ(decode_base64url(encode_base64url(plain)), plain);
    }
    EXPECT_EQ(encode_base64url("\xfb\xff"), "-_8");
    std::string all;
    for (int i = 0; i < 256; ++i)
    {
        all += static_cast<char>(i);
        EXPECT_EQ(decode_base64(encode_base64(all)), all);
        EXPECT_EQ(decode_base64url(encode_base64url(all)), all);
        EXPECT_EQ(decode_base32(encode_base32(all)), all);
        EXPECT_EQ(decode_hex(encode_hex(all)), all);
    }
}

TEST(Base64, StrictDecode)
{
    for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm 8=", "Zm8=\n",
                            "====", "=", "Zg==Zg==", "-_8=", "Zm9v=", "Zm9v===="})
    {
        EXPECT_FALSE(decode_base64(bad)) << bad;
    }
    for (const char* bad : {"Z", "Zg==", "Zh", "+/8", "Zm8 "})
    {
        EXPECT_FALSE(decode_base64url(bad)) << bad;
    }
    for (const char* bad : {"0", "u0", "00 ", "01", "000", "i0", "l0", "o0"})
    {
        EXPECT_FALSE(decode_base32(bad)) << bad;
    }
    EXPECT_EQ(decode_base32("ZW"), decode_base32("zw"));
    EXPECT_FALSE(decode_hex("0"));
    EXPECT_FALSE(decode_hex("0g"));
    EXPECT_EQ(decode_hex("aF"), "\xaf");
}

TEST(SecretText, TokensAndCompare)
{
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i)
    {
        const std::string token = random_token(32);
        EXPECT_EQ(token.size(), 43U);
        EXPECT_TRUE(seen.insert(token).second);
    }
    EXPECT_TRUE(constant_time_equal("", ""));
    EXPECT_TRUE(constant_time_equal("abc", "abc"));
    EXPECT_FALSE(constant_time_equal("abc", "abd"));
    EXPECT_FALSE(constant_time_equal("abc", "ab"));
}

TEST(ApiToken, RoundTripsForEverySecret)
{
    bool underscore_seen = false;
    for (std::uint64_t id : {std::uint64_t{0}, std::uint64_t{77}, ~std::uint64_t{0}})
    {
        for (int i = 0; i < 50; ++i)
        {
            const std::string text = make_api_token(id);
            ASSERT_EQ(text.size(), api_token_chars);
            const auto token = parse_api_token(text);
            ASSERT_TRUE(token) << text;
            EXPECT_EQ(token->id, id);
            underscore_seen |= token->secret.find('_') != std::string_view::npos;
            const digest stored = hash_api_token(*token);
            EXPECT_TRUE(verify_api_token(*token, stored));
            EXPECT_FALSE(verify_api_token({id ^ 1, token->secret}, stored));
            std::string other(token->secret);
            other[5] = other[5] == 'A' ? 'B' : 'A';
            EXPECT_FALSE(verify_api_token({id, other}, stored));
        }
    }
    EXPECT_TRUE(underscore_seen);
}

TEST(ApiToken, EveryDamageIsRefused)
{
    const std::string good = make_api_token(12345);
    ASSERT_TRUE(parse_api_token(good));
    for (std::size_t cut = 0; cut < good.size(); ++cut)
    {
        EXPECT_FALSE(parse_api_token(std::string_view(good).substr(0, cut)));
        std::string bad = good;
        bad[cut] = '!';
        EXPECT_FALSE(parse_api_token(bad)) << bad;
    }
    EXPECT_FALSE(parse_api_token(good + "A"));
    EXPECT_FALSE(parse_api_token("HK" + good.substr(2)));
}

TEST(SignedToken, OpensOnlyWithKeyAndType)
{
    const digest key = sha256("tenant 1");
    for (const token_text text : {token_text::base32, token_text::base64url})
    {
        for (const std::string& payload :
             {std::string(), std::string("\0\xff", 2), std::string(token_payload_bytes_max, 'x')})
        {
            const std::string token = make_token(key, 7, payload, text);
            EXPECT_EQ(open_token(key, 7, token, text), payload);
            EXPECT_FALSE(open_token(key, 8, token, text));
            EXPECT_FALSE(open_token(sha256("tenant 2"), 7, token, text));
            const auto peeked = peek_token(token, text);
            ASSERT_TRUE(peeked);
            EXPECT_EQ(peeked->type, 7);
            EXPECT_EQ(peeked->payload, payload);
        }
    }
}

TEST(SignedToken, EveryBitCounts)
{
    const digest key = sha256("k");
    const std::string bytes =
        *decode_base64url(make_token(key, 1, "payload", token_text::base64url));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit)
    {
        std::string bad = bytes;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(open_token(key, 1, encode_base64url(bad), token_text::base64url)) << bit;
    }
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    {
        EXPECT_FALSE(
            open_token(key, 1, encode_base64url(bytes.substr(0, cut)), token_text::base64url));
    }
    EXPECT_FALSE(peek_token("", token_text::base32));
    EXPECT_FALSE(peek_token(std::string(100'000, '0'), token_text::base32));
}

TEST(SignedToken, SurvivesCaseFolding)
{
    const digest key = sha256("k");
    std::string token = make_token(key, 1, "contact", token_text::base32);
    for (char& c : token)
    {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    EXPECT_EQ(open_token(key, 1, token, token_text::base32), "contact");
}

/// The bytes are in mailed links: they must open for years.
TEST(SignedToken, Golden)
{
    const digest key = sha256("golden");
    EXPECT_EQ(make_token(key, 2, "abc", token_text::base64url), "AmFiY89vIqX3jRHtjDlCSJM5eL0");
}

TEST(Bcrypt, HashesAndVerifies)
{
    const auto hash = hash_password("correct horse", bcrypt_cost_min);
    ASSERT_TRUE(hash.has_value());
    EXPECT_TRUE(hash->starts_with("$2b$04$")) << *hash;
    EXPECT_TRUE(verify_password("correct horse", *hash));
    EXPECT_FALSE(verify_password("correct horsf", *hash));
    EXPECT_NE(*hash, *hash_password("correct horse", bcrypt_cost_min));
    // A published vector of the algorithm.
    EXPECT_TRUE(
        verify_password("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

TEST(Bcrypt, RefusesWhatItWouldCut)
{
    EXPECT_TRUE(hash_password(std::string(72, 'a'), bcrypt_cost_min).has_value());
    for (const std::string& bad : {std::string(), std::string(73, 'a'), std::string("a\0b", 3)})
    {
        EXPECT_TRUE(hash_password(bad, bcrypt_cost_min).has_error());
        EXPECT_FALSE(verify_password(bad, *hash_password("x", bcrypt_cost_min)));
    }
    for (const char* bad :
         {"", "*0", "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$1$salt$abc",
          "$2b$04$short", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
          "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe:"})
    {
        EXPECT_FALSE(verify_password("U*U", bad)) << bad;
    }
}

} // namespace
} // namespace hikyaku::crypto
