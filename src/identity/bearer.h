#pragma once

#include <optional>
#include <string_view>

namespace hikyaku::identity
{

/// The credentials of "Bearer <credentials>" (RFC 6750 section 2.1; the scheme in any case,
/// RFC 9110 section 11.1); nullopt for anything else.
[[nodiscard]] std::optional<std::string_view> take_bearer(std::string_view header) noexcept;

} // namespace hikyaku::identity
