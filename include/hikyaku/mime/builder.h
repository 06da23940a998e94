#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <hikyaku/base/time.h>
#include <hikyaku/mime/header.h>

namespace hikyaku::mime
{

/// Longest Message-ID, List-Unsubscribe URL and mailto: these can't be folded or encoded.
inline constexpr std::size_t message_id_bytes_max = 512;
inline constexpr std::size_t list_url_bytes_max = 900;

/// All that makes a message. Views: their owners outlive the call of build_message. UTF-8; what
/// isn't well-formed becomes U+FFFD in headers and stays as it is in the bodies.
struct message_parts
{
    mailbox from;
    std::span<const mailbox> reply_to; ///< none or more
    mailbox to;
    std::string_view subject;
    /// Either may be empty: the message is then a single part. Both empty: an empty text/plain.
    std::string_view text;
    std::string_view html;
    /// Without angle brackets. @pre printable ASCII without spaces and brackets, at most
    /// message_id_bytes_max
    std::string_view message_id;
    wall_time date;
    /// East of UTC. @pre |date_offset_minutes| < 24 h
    int date_offset_minutes = 0;
    /// An https URL, or empty. @pre both at most list_url_bytes_max; characters that can't stand
    /// in a URL are percent-encoded
    std::string_view list_unsubscribe_url;
    /// "mailto:…" or the bare address, or empty.
    std::string_view list_unsubscribe_mailto;
    /// RFC 8058; takes effect only with a URL.
    bool one_click = false;
    /// Feedback-ID, or empty.
    std::string_view feedback_id;
    std::span<const header_line> extra;
    /// Any number; the same one gives the same boundary.
    std::uint64_t boundary_seed = 0;
};

/// What the sender must know of the bytes.
struct built_message
{
    /// The header block with its empty line: the body starts here.
    std::size_t header_bytes = 0;
    /// Some byte is above 0x7F (headers with UTF-8 addresses; bodies never): 8BITMIME is needed.
    bool is_8bit = false;
    /// A header holds a UTF-8 address (RFC 6532): SMTPUTF8 is needed.
    bool needs_smtputf8 = false;
};

/// Writes the message into `out`, whose old content is dropped and whose capacity is used again.
///
/// Every line ends with CRLF, no CR or LF stands alone, no line is longer than line_bytes_max, the
/// last line is ended. The same parts give the same bytes. multipart/alternative when both text and
/// html are given. Line ends of the parts become CRLF and NUL is dropped (see encoding.h); a last
/// line end is added where a single part lacks one, unless it is base64.
/// Pure, any thread.
[[nodiscard]] built_message build_message(const message_parts& parts, std::string& out);

} // namespace hikyaku::mime
