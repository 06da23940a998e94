#pragma once

#include <optional>
#include <string_view>

#include <hikyaku/identity/problem.h>

// Checks of values that people type in.
namespace hikyaku::identity
{

/// A name shown to people: 1 to `bytes_max` bytes of UTF-8 without control characters, not blank
/// at either end.
[[nodiscard]] std::optional<problem> check_name(std::string_view name, std::size_t bytes_max);

/// An ASCII or internationalised address in the plain form local@domain: one to write to, not a
/// header. What mail with it does is the mail system's to find out.
[[nodiscard]] std::optional<problem> check_email(std::string_view email, std::size_t bytes_max);

} // namespace hikyaku::identity
