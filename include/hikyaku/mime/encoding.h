#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hikyaku::mime
{

/// RFC 5322 section 2.1.1, without the CRLF.
inline constexpr std::size_t line_bytes_max = 998;
/// RFC 2045 section 6.7 and 6.8, without the CRLF.
inline constexpr std::size_t encoded_line_bytes_max = 76;

/// RFC 2045 section 6.1: the ones that every host takes.
enum class transfer_encoding
{
    seven_bit,
    quoted_printable,
    base64,
};

/// The value of Content-Transfer-Encoding.
[[nodiscard]] std::string_view to_header_value(transfer_encoding e) noexcept;

/// The encoding for a text: seven_bit when it is ASCII without odd control characters, its lines
/// are at most line_bytes_max and none starts with "From " (which some stores rewrite); else the
/// shorter of the other two, quoted_printable when nearly even because people can read it.
[[nodiscard]] transfer_encoding choose_encoding(std::string_view text) noexcept;

/// All of these append to `out`. Text is read in the canonical form of RFC 2045 section 6.8: a
/// lone CR, a lone LF, CR LF and CR CR LF each are one line end, written CRLF. NUL is dropped: no
/// text has one, and it ends strings in hosts and clients. Nothing is added at the end.

/// Line ends made CRLF, nothing else. @pre for a legal message: what choose_encoding asks of
/// seven_bit
void append_canonical(std::string& out, std::string_view text);
/// RFC 2045 section 6.7. Lines at most encoded_line_bytes_max; blanks at a line's end, and a "."
/// or "From " at its start, are encoded.
void append_quoted_printable(std::string& out, std::string_view text);
/// RFC 2045 section 6.8 of the canonical form, lines of encoded_line_bytes_max, CRLF after each.
void append_base64_text(std::string& out, std::string_view text);

/// Base64 of the bytes as they are, in lines as above.
void append_base64(std::string& out, std::string_view bytes);
/// Base64 of the bytes as they are, in one line.
void append_base64_word(std::string& out, std::string_view bytes);

/// Reads quoted-printable as robustly as RFC 2045 section 6.7 advises: a "=" that starts no
/// escape stands for itself, blanks before a line end are dropped, any line end is kept as it is.
[[nodiscard]] std::string decode_quoted_printable(std::string_view text);
/// Reads base64, passing over bytes outside the alphabet (section 6.8) and ending at padding.
[[nodiscard]] std::string decode_base64(std::string_view text);

} // namespace hikyaku::mime
