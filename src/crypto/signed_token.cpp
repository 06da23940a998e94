#include <hikyaku/base/assert.h>
#include <hikyaku/crypto/base32.h>
#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/secret_text.h>
#include <hikyaku/crypto/signed_token.h>

namespace hikyaku::crypto
{
namespace
{

constexpr std::string_view mac_label = "hikyaku token v1";
constexpr std::size_t head_bytes = 1;
constexpr std::size_t token_bytes_max = head_bytes + token_payload_bytes_max + token_mac_bytes;

std::string mac_of(const digest& key, std::string_view head_and_payload)
{
    std::string message(mac_label);
    message += head_and_payload;
    return std::string(as_bytes(hmac_sha256(as_bytes(key), message)).substr(0, token_mac_bytes));
}

/// The token's bytes when their number is possible.
std::optional<std::string> decode(std::string_view token, token_text text)
{
    // Base 32 is the longer writing: 8 characters for 5 bytes.
    if (token.size() > (token_bytes_max * 8 + 4) / 5)
    {
        return std::nullopt;
    }
    auto bytes = text == token_text::base32 ? decode_base32(token) : decode_base64url(token);
    if (bytes && (bytes->size() < head_bytes + token_mac_bytes || bytes->size() > token_bytes_max))
    {
        return std::nullopt;
    }
    return bytes;
}

} // namespace

std::string make_token(const digest& key, std::uint8_t type, std::string_view payload,
                       token_text text)
{
    HK_ASSERT(payload.size() <= token_payload_bytes_max);
    std::string bytes(1, static_cast<char>(type));
    bytes += payload;
    bytes += mac_of(key, bytes);
    return text == token_text::base32 ? encode_base32(bytes) : encode_base64url(bytes);
}

std::optional<unchecked_token> peek_token(std::string_view token, token_text text)
{
    const auto bytes = decode(token, text);
    if (!bytes)
    {
        return std::nullopt;
    }
    return unchecked_token{static_cast<std::uint8_t>((*bytes)[0]),
                           bytes->substr(head_bytes, bytes->size() - head_bytes - token_mac_bytes)};
}

std::optional<std::string> open_token(const digest& key, std::uint8_t type, std::string_view token,
                                      token_text text)
{
    const auto bytes = decode(token, text);
    if (!bytes || static_cast<std::uint8_t>((*bytes)[0]) != type)
    {
        return std::nullopt;
    }
    const std::string_view all = *bytes;
    const std::string_view signed_part = all.substr(0, all.size() - token_mac_bytes);
    if (!constant_time_equal(mac_of(key, signed_part), all.substr(signed_part.size())))
    {
        return std::nullopt;
    }
    return std::string(signed_part.substr(head_bytes));
}

} // namespace hikyaku::crypto
