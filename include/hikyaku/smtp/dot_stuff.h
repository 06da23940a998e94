#pragma once

#include <string>
#include <string_view>

namespace hikyaku::smtp
{

/// What a scan of a message found.
struct message_shape
{
    /// Every CR is followed by LF, every LF preceded by CR, and the last line ends in CRLF. Only
    /// such a message goes on the wire: a bare CR or LF is how mail is smuggled (CVE-2023-51764).
    /// False for an empty message.
    bool canonical_crlf = false;
    /// A line starts with '.'.
    bool needs_stuffing = false;
};

/// One pass over the message.
[[nodiscard]] message_shape inspect_message(std::string_view message) noexcept;

/// Doubles the '.' that starts a line (RFC 5321 section 4.5.2).
/// @pre inspect_message(message).canonical_crlf
/// @returns `message` itself when no line starts with '.', else a view of `scratch`, whose old
/// content is replaced and whose memory is reused.
[[nodiscard]] std::string_view dot_stuff(std::string_view message, const message_shape& shape,
                                         std::string& scratch);

} // namespace hikyaku::smtp
