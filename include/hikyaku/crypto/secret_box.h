#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/random.h>
#include <hikyaku/base/result.h>
#include <hikyaku/crypto/master_key.h>

namespace hikyaku::crypto
{

/// What seal() adds to the plaintext: version, key id, nonce, tag.
inline constexpr std::size_t seal_overhead_bytes = 1 + 1 + 12 + 16;

/// Encrypts and authenticates with AES-256-GCM under a key derived from `key` for `purpose`.
///
/// Layout, version 1: version byte 0x01, key id, 12-byte random nonce, ciphertext, 16-byte tag;
/// authenticated with it: the first two bytes, purpose and context. The key per purpose and random
/// nonces bound one purpose to 2^32 seals.
///
/// @param purpose  what the secret is, such as "dkim private key v1"
/// @param context  where it belongs, such as tenant and record id: a sealed value copied elsewhere
///                 does not open there
[[nodiscard]] std::string seal(const master_key& key, std::string_view purpose,
                               std::string_view plaintext, std::string_view context = {},
                               random_source& random = system_random());

/// The plaintext of what seal() made with the same key, purpose and context. Any thread.
///
/// @error  not a sealed value, of an unknown version, of another master key (told apart), or
///         altered
[[nodiscard]] result<std::string, failure> open(const master_key& key, std::string_view purpose,
                                                std::string_view sealed,
                                                std::string_view context = {});

/// The id of the master key that sealed a value, to find the right one during a rotation.
/// @returns nullopt when it is no sealed value
[[nodiscard]] std::optional<std::uint8_t> sealed_key_id(std::string_view sealed) noexcept;

} // namespace hikyaku::crypto
