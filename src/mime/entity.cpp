#include <hikyaku/mime/entity.h>

#include <algorithm>

#include <hikyaku/mime/charset.h>
#include <hikyaku/mime/encoding.h>
#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include "ascii.h"
#include "raw_line.h"

namespace hikyaku::mime
{

namespace
{

enum class body_encoding
{
    identity,
    quoted_printable,
    base64,
};

body_encoding encoding_of(const header_block& header)
{
    const std::string value =
        parse_content_type(header.find("Content-Transfer-Encoding").value_or("")).media;
    if (value == "base64")
    {
        return body_encoding::base64;
    }
    return value == "quoted-printable" ? body_encoding::quoted_printable : body_encoding::identity;
}

/// ISO-2022 escapes to JIS X 0208 or 0201.
bool has_japanese_escape(std::string_view bytes) noexcept
{
    return bytes.find("\x1B$B") != std::string_view::npos ||
           bytes.find("\x1B$@") != std::string_view::npos ||
           bytes.find("\x1B(J") != std::string_view::npos;
}

/// Most bytes above 0x7F stand in pairs that CP932 knows as kana or common kanji.
bool looks_like_cp932(std::string_view bytes) noexcept
{
    std::size_t pairs = 0;
    std::size_t odd = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
    {
        const std::uint8_t lead = to_byte(bytes[i]);
        if (lead < 0x80)
        {
            continue;
        }
        const std::uint8_t trail = i + 1 < bytes.size() ? to_byte(bytes[i + 1]) : 0;
        const bool is_lead = (lead >= 0x81 && lead <= 0x9F) || (lead >= 0xE0 && lead <= 0xEA);
        if (is_lead && trail >= 0x40 && trail != 0x7F && trail <= 0xFC)
        {
            ++pairs;
            ++i;
        }
        else
        {
            ++odd;
        }
    }
    // Hiragana (0x82 0x9F..) and punctuation (0x81) are what Japanese is full of.
    return pairs > 2 && odd * 8 < pairs;
}

std::string guess_utf8(std::string_view bytes)
{
    if (has_japanese_escape(bytes))
    {
        return to_utf8(bytes, "iso-2022-jp").value_or(std::string(bytes));
    }
    if (text::is_valid_utf8(bytes))
    {
        return std::string(bytes);
    }
    const std::string_view charset = looks_like_cp932(bytes) ? "cp932" : "cp1252";
    return to_utf8(bytes, charset).value_or(text::to_valid_utf8(bytes));
}

} // namespace

bool entity::is_multipart() const noexcept
{
    return type.media.starts_with("multipart/");
}

bool entity::is_message() const noexcept
{
    return type.media == "message/rfc822" || type.media == "message/global" ||
           type.media == "message/news";
}

std::string entity::decoded(std::size_t bytes_max) const
{
    std::string out;
    switch (encoding_of(header))
    {
    case body_encoding::identity:
        return std::string(body.substr(0, bytes_max));
    case body_encoding::quoted_printable:
        // Three bytes at most for one.
        out = decode_quoted_printable(body.substr(0, 3 * bytes_max));
        break;
    case body_encoding::base64:
        out = decode_base64(body.substr(0, 2 * bytes_max));
        break;
    }
    if (out.size() > bytes_max)
    {
        out.resize(bytes_max);
    }
    return out;
}

std::string entity::text(std::size_t bytes_max) const
{
    const std::string bytes = decoded(bytes_max);
    const std::string_view charset = type.get("charset");
    // Senders say us-ascii, or the charset of another part, and write something else.
    const bool vague = charset.empty() || text::ascii_iequals(charset, "us-ascii") ||
                       text::ascii_iequals(charset, "ascii") ||
                       text::ascii_iequals(charset, "iso-8859-1") ||
                       text::ascii_iequals(charset, "utf-8");
    if (vague && (has_japanese_escape(bytes) || !text::ascii_iequals(charset, "iso-8859-1")))
    {
        return guess_utf8(bytes);
    }
    if (auto converted = to_utf8(bytes, charset))
    {
        return std::move(*converted);
    }
    return guess_utf8(bytes);
}

} // namespace hikyaku::mime
