#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <hikyaku/base/random.h>

namespace hikyaku::crypto
{

/// `bytes` random bytes as base64url: 32 give 43 characters. Any thread.
[[nodiscard]] std::string random_token(std::size_t bytes, random_source& random = system_random());

/// Compares without telling by its time where the texts differ. Their sizes are not secret.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

/// Overwrites the bytes in a way the compiler keeps, and empties the string.
void wipe(std::string& secret) noexcept;

} // namespace hikyaku::crypto
