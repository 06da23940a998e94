#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/random.h>
#include <hikyaku/crypto/sha256.h>

namespace hikyaku::crypto
{

/// A bearer key is `hk_<id>_<secret>`: 13 characters of base 32 (the id, public) and the base64url
/// of 32 random bytes. Both have a fixed size, so the '_' inside a secret is no separator.
inline constexpr std::size_t api_token_chars = 3 + 13 + 1 + 43;

/// A key as it is shown to its owner, once.
/// @param id  finds the stored row; unique over all tenants
[[nodiscard]] std::string make_api_token(std::uint64_t id, random_source& random = system_random());

/// The parts of a key. `secret` points into the parsed text.
struct api_token
{
    std::uint64_t id = 0;
    std::string_view secret;
};

/// @returns nullopt when the text is not exactly a canonical key
[[nodiscard]] std::optional<api_token> parse_api_token(std::string_view text);

/// What is stored instead of the key: SHA-256 over a label, the id and the secret. No slow hash and
/// no pepper: a secret of 256 random bits can't be guessed, and the check runs on every request.
[[nodiscard]] digest hash_api_token(const api_token& token) noexcept;

/// Compares with the stored digest in constant time.
[[nodiscard]] bool verify_api_token(const api_token& token, const digest& stored) noexcept;

} // namespace hikyaku::crypto
