#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hikyaku::text
{

/// What ill-formed input is read as.
inline constexpr char32_t replacement_character = 0xFFFD;

/// True when all bytes are below 0x80. Eight bytes a step.
[[nodiscard]] bool is_ascii(std::string_view bytes) noexcept;

/// Well-formed UTF-8 (RFC 3629): no overlong form, surrogate, or value above U+10FFFF.
[[nodiscard]] bool is_valid_utf8(std::string_view bytes) noexcept;

/// One step of an iteration.
struct code_point
{
    char32_t value = 0;
    /// Bytes it took: 1 to 4.
    std::size_t size = 0;
    /// False for a byte that is no part of a well-formed sequence; value is then U+FFFD.
    bool valid = true;
};

/// Reads the code point at the front. Ill-formed bytes are taken as U+FFFD, one per maximal
/// subpart (Unicode section 3.9), so an iteration always ends. @pre !utf8.empty()
[[nodiscard]] code_point first_code_point(std::string_view utf8) noexcept;

/// Reads the code point at the front and removes it. @pre !utf8.empty()
[[nodiscard]] inline char32_t take_code_point(std::string_view& utf8) noexcept
{
    const code_point c = first_code_point(utf8);
    utf8.remove_prefix(c.size);
    return c.value;
}

/// Appends one code point; a surrogate or a value above U+10FFFF is written as U+FFFD.
void append_code_point(std::string& out, char32_t value);

/// Code points, an ill-formed subpart counting as one.
[[nodiscard]] std::size_t count_code_points(std::string_view utf8) noexcept;

/// The longest front of at most `count` code points.
[[nodiscard]] std::string_view truncate_code_points(std::string_view utf8,
                                                    std::size_t count) noexcept;

/// The text with every ill-formed subpart replaced by U+FFFD.
[[nodiscard]] std::string to_valid_utf8(std::string_view bytes);

/// True for what belongs to the character before it: combining marks, variation selectors, zero
/// width joiner, emoji modifiers, dakuten. Cheap approximation of UAX 29 for line folding; see
/// truncate_graphemes for the exact borders.
[[nodiscard]] bool extends_grapheme(char32_t value) noexcept;

/// The longest front of at most `bytes_max` bytes that ends on a border between extended grapheme
/// clusters (UAX 29); empty when the first cluster is longer. Any thread.
[[nodiscard]] std::string_view truncate_graphemes(std::string_view utf8, std::size_t bytes_max);

/// Extended grapheme clusters (UAX 29): what a person counts as characters. Any thread.
[[nodiscard]] std::size_t count_graphemes(std::string_view utf8);

} // namespace hikyaku::text
