#pragma once

#include <optional>
#include <string_view>

namespace hikyaku::smtp
{

/// The argument of MAIL FROM: or RCPT TO: in its parts. Views of the argument.
struct path_argument
{
    /// Between the angle brackets, without a source route (RFC 5321 section 4.1.2 lets it be
    /// ignored); may be empty. Not checked further.
    std::string_view address;
    /// What follows, without spaces around it.
    std::string_view parameters;
};

/// Cuts `<path> parameters`. Spaces before the path are let pass: many senders put one there.
/// @returns nullopt when it isn't of that form
[[nodiscard]] std::optional<path_argument> cut_path(std::string_view argument) noexcept;

/// Whether `address` is local-part@domain (RFC 5321 section 4.1.2, RFC 6531 section 3.3) within the
/// limits of length: dot-string or quoted string, host name or address literal. Dots may be
/// anywhere in a dot-string: carriers gave out such addresses.
[[nodiscard]] bool is_mailbox(std::string_view address) noexcept;

/// RFC 3629, without control characters.
[[nodiscard]] bool is_clean_utf8(std::string_view text);

} // namespace hikyaku::smtp
