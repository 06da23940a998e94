#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/mime/content_type.h>
#include <hikyaku/mime/header_block.h>

namespace hikyaku::mime
{

/// How deep parts are looked into; what is deeper stays one part.
inline constexpr std::size_t nesting_max = 100;
/// Parts of one message that are told; the others are read past.
inline constexpr std::size_t parts_max = 1'000;
/// Header fields of all parts together.
inline constexpr std::size_t message_fields_max = 10'000;

inline constexpr std::size_t no_parent = std::numeric_limits<std::size_t>::max();

/// A message or a part of one (RFC 2045 section 2.4). Views into the message's bytes.
struct entity
{
    header_block header;
    content_type type; ///< of the header, or the default of the place: text/plain, message/rfc822
    /// As it stands there, still encoded. Of a multipart: everything behind the header.
    std::string_view body;
    std::size_t parent = no_parent; ///< index in parsed_message::parts
    std::size_t depth = 0;          ///< 0 for the message itself
    std::size_t children = 0;

    [[nodiscard]] bool is_multipart() const noexcept;
    /// message/rfc822, message/global: its body is a message, and its child when not encoded.
    [[nodiscard]] bool is_message() const noexcept;
    /// The body without its transfer encoding, at most `bytes_max` bytes of it.
    [[nodiscard]] std::string decoded(std::size_t bytes_max) const;
    /// The body as UTF-8: transfer encoding and charset undone. Without a known charset: UTF-8 if
    /// it is that, else what the bytes look like (ISO-2022-JP by its escapes, else CP1252).
    [[nodiscard]] std::string text(std::size_t bytes_max) const;
};

/// A message taken apart.
struct parsed_message
{
    /// The message itself first, then its parts, each before its own parts and in their order.
    std::vector<entity> parts;
    /// A limit was met: parts or fields are missing.
    bool truncated = false;
};

/// Takes a message apart in one pass: time is linear in its size, memory bounded by the limits
/// above, whatever it holds. Anything is a message: what has no header is a body. Forgives a
/// leading "From " line, boundaries that are missing, unclosed, or told wrong in the header.
/// The bytes outlive the result. Pure, any thread.
[[nodiscard]] parsed_message parse_message(std::string_view bytes);

} // namespace hikyaku::mime
