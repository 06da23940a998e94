#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>

namespace hikyaku::mime
{

/// Where header lines are folded (RFC 5322 section 2.1.1 recommends 78 with CRLF not counted).
inline constexpr std::size_t header_fold_column = 76;
/// Longest header name that a campaign may add.
inline constexpr std::size_t header_name_bytes_max = 64;

/// One mailbox of a header. Views: the owner outlives the call it is given to.
struct mailbox
{
    /// Display name, UTF-8; may be empty.
    std::string_view name;
    /// address::smtp_path().
    std::string_view smtp_path;
};

/// A header that a campaign adds. @pre check_custom_header(name)
struct header_line
{
    std::string_view name;
    std::string_view value; ///< unstructured, UTF-8
};

/// Whether a campaign may set this header: RFC 5322 field-name characters, and none of those that
/// the program writes itself or that stand for another host's word (Received, Authentication-
/// Results, …). @error one sentence
[[nodiscard]] result<void, failure> check_custom_header(std::string_view name);

/// The value with everything that could end a line, or that no header may hold, made a space: C0
/// but TAB, DEL, NEL (U+0085), U+2028, U+2029. CR LF becomes one space; TAB becomes a space too.
[[nodiscard]] std::string to_single_line(std::string_view value);

/// Each appends one whole header, folded, its CRLF included. Whatever the input, the result is
/// ASCII (but for a mailbox that needs SMTPUTF8), its lines are at most line_bytes_max and a
/// reader gets one header: the value of to_single_line.

/// Unstructured text (Subject and the campaign's own headers): as it is when that is safe and
/// folds at its spaces, else encoded words (RFC 2047). @pre name is of field-name characters, at
/// most header_name_bytes_max
void append_text_header(std::string& out, std::string_view name, std::string_view value);
/// From, To, Reply-To: display names as atoms, quoted-string or encoded words.
/// @pre mailboxes not empty
void append_mailbox_header(std::string& out, std::string_view name,
                           std::span<const mailbox> mailboxes);
/// Date (RFC 5322 section 3.3): "Tue, 24 Nov 2026 09:00:00 +0900".
/// @pre |offset_minutes| < 24 h
void append_date_header(std::string& out, std::string_view name, wall_time t, int offset_minutes);

} // namespace hikyaku::mime
