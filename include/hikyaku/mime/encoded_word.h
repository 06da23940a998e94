#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hikyaku::mime
{

/// RFC 2047 section 2, with charset, encoding and delimiters.
inline constexpr std::size_t encoded_word_bytes_max = 75;

/// Where an encoded word stands decides which characters may stand for themselves in "Q".
enum class word_place
{
    text,   ///< an unstructured header: RFC 2047 section 5 (1)
    phrase, ///< a display name: section 5 (3)
};

/// Appends `utf8` as encoded words in UTF-8, in "B" or "Q", whichever is shorter, one word a line:
/// the words are joined by CRLF and a space, which readers drop. Words end between characters
/// that people see as one (UAX 29) where these are shorter than a word, and always between code
/// points. Ill-formed bytes become U+FFFD. Appends nothing for an empty text.
/// @param column  of `out`'s last line; the first word goes to a line of its own when it would
///                end beyond column 76. Updated.
void append_encoded_words(std::string& out, std::string_view utf8, word_place place,
                          std::size_t& column);

/// Decodes a header value into UTF-8: unfolds it, decodes encoded words of any charset that
/// iconv knows, drops the white space between two of them. Words that aren't well-formed, or of
/// an unknown charset, stay as they are; bytes that aren't text in their charset become U+FFFD.
/// Words split within a character (which senders do, against the RFC) are read together.
[[nodiscard]] std::string decode_encoded_words(std::string_view value);

} // namespace hikyaku::mime
