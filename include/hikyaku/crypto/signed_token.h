#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/crypto/sha256.h>

namespace hikyaku::crypto
{

/// How a token is written. Base 32 survives case folding (mail addresses), base64url is shorter
/// (links).
enum class token_text
{
    base32,
    base64url,
};

/// Longest payload of a token.
inline constexpr std::size_t token_payload_bytes_max = 512;
/// Bytes of the truncated HMAC: 2^-128 per guess.
inline constexpr std::size_t token_mac_bytes = 16;

/// A token that only the holder of `key` can make: type byte, payload, and the first 16 bytes of
/// HMAC-SHA256 over a label, type and payload. The payload is readable by anybody.
///
/// @param key  per tenant and use: master_key::derive
/// @param type  keeps one kind of token from being taken for another
/// @pre payload.size() <= token_payload_bytes_max
[[nodiscard]] std::string make_token(const digest& key, std::uint8_t type, std::string_view payload,
                                     token_text text);

/// A token whose HMAC was not checked: only good for finding the key to check it with.
struct unchecked_token
{
    std::uint8_t type = 0;
    std::string payload;
};

/// Reads type and payload without checking. @returns nullopt when the text can't be a token
[[nodiscard]] std::optional<unchecked_token> peek_token(std::string_view token, token_text text);

/// The payload of a token made by make_token with the same key and type (constant-time compare);
/// nullopt for anything else.
[[nodiscard]] std::optional<std::string> open_token(const digest& key, std::uint8_t type,
                                                    std::string_view token, token_text text);

} // namespace hikyaku::crypto
