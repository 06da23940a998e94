#pragma once

#include <string>
#include <string_view>

#include <hikyaku/base/random.h>
#include <hikyaku/base/result.h>

namespace hikyaku::crypto
{

/// bcrypt reads no further; longer passwords are refused instead of cut.
inline constexpr std::size_t bcrypt_password_bytes_max = 72;
inline constexpr unsigned bcrypt_cost_min = 4;
/// Cost 10 takes about 56 ms; every step doubles it. Stored hashes above this are not computed.
inline constexpr unsigned bcrypt_cost_max = 16;
inline constexpr unsigned bcrypt_cost_default = 12;

/// The `$2b$` hash of a password with a random salt, 60 characters. Takes 2^cost steps: run it on
/// the blocking pool. Any thread.
///
/// @error  the password is empty, holds NUL or is longer than bcrypt_password_bytes_max
/// @pre bcrypt_cost_min <= cost <= bcrypt_cost_max
[[nodiscard]] result<std::string, failure> hash_password(std::string_view password,
                                                         unsigned cost = bcrypt_cost_default,
                                                         random_source& random = system_random());

/// Whether `hash` (`$2b$`, `$2a$` or `$2y$`) is of this password; constant-time compare. False for
/// a malformed hash and for passwords hash_password refuses. Slow like hash_password.
[[nodiscard]] bool verify_password(std::string_view password, std::string_view hash);

} // namespace hikyaku::crypto
