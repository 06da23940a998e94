#include <hikyaku/mime/builder.h>

#include <algorithm>
#include <array>

#include <cstring>

#include <hikyaku/base/assert.h>
#include <hikyaku/mime/encoding.h>
#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include "ascii.h"

namespace hikyaku::mime
{

namespace
{

/// "=_" stands in no base64 or quoted-printable text: only 7bit parts can hold a boundary.
constexpr std::string_view boundary_prefix = "=_hk_";
constexpr std::size_t boundary_digits = 16;
constexpr std::string_view mailto_scheme = "mailto:";
/// What headers take beside the campaign's own; for one allocation.
constexpr std::size_t header_bytes_usual = 2048;

/// One text and how it is sent.
struct body_part
{
    std::string_view subtype;
    std::string_view content;
    transfer_encoding encoding;
};

body_part make_part(std::string_view subtype, std::string_view content) noexcept
{
    return {subtype, content, choose_encoding(content)};
}

void append_content_headers(std::string& out, const body_part& part)
{
    out.append("Content-Type: text/").append(part.subtype).append("; charset=utf-8\r\n");
    out.append("Content-Transfer-Encoding: ").append(to_header_value(part.encoding)).append(crlf);
}

void append_content(std::string& out, const body_part& part)
{
    switch (part.encoding)
    {
    case transfer_encoding::seven_bit:
        append_canonical(out, part.content);
        return;
    case transfer_encoding::quoted_printable:
        append_quoted_printable(out, part.content);
        return;
    case transfer_encoding::base64:
        append_base64_text(out, part.content);
        return;
    }
}

/// splitmix64: spreads seeds that differ in a bit over all digits.
constexpr std::uint64_t mix(std::uint64_t x) noexcept
{
    x += 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
}

std::string make_boundary(std::uint64_t number)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string made(boundary_prefix);
    for (std::size_t i = 0; i < boundary_digits; ++i)
    {
        made.push_back(digits[(number >> (60 - 4 * i)) & 0xFU]);
    }
    return made;
}

bool holds(const body_part& part, std::string_view needle) noexcept
{
    return part.encoding == transfer_encoding::seven_bit &&
           memmem(part.content.data(), part.content.size(), needle.data(), needle.size()) !=
               nullptr;
}

/// Ends: each candidate takes one occurrence, and a text holds finitely many.
std::string choose_boundary(std::uint64_t seed, std::span<const body_part> parts)
{
    // Nearly always no text holds even the prefix; then one search each will do.
    const bool any =
        std::ranges::any_of(parts, [](const body_part& p) { return holds(p, boundary_prefix); });
    std::string boundary = make_boundary(mix(seed));
    while (any &&
           std::ranges::any_of(parts, [&](const body_part& p) { return holds(p, boundary); }))
    {
        boundary = make_boundary(mix(++seed));
    }
    return boundary;
}

bool is_message_id(std::string_view id) noexcept
{
    return !id.empty() && id.size() <= message_id_bytes_max &&
           std::ranges::all_of(id,
                               [](char c) { return c > ' ' && c <= '~' && c != '<' && c != '>'; });
}

/// What can't stand in a URL inside angle brackets is percent-encoded.
void append_url(std::string& out, std::string_view url)
{
    const std::size_t start = out.size();
    for (const char c : url)
    {
        if (c > ' ' && c <= '~' && c != '<' && c != '>' && c != '"')
        {
            out.push_back(c);
            continue;
        }
        out.push_back('%');
        out.push_back(upper_hex[to_byte(c) >> 4]);
        out.push_back(upper_hex[to_byte(c) & 0xFU]);
    }
    HK_ASSERT(out.size() - start <= list_url_bytes_max);
}

void append_list_unsubscribe(std::string& out, const message_parts& parts)
{
    if (parts.list_unsubscribe_url.empty() && parts.list_unsubscribe_mailto.empty())
    {
        return;
    }
    out.append("List-Unsubscribe: ");
    if (!parts.list_unsubscribe_url.empty())
    {
        out.push_back('<');
        append_url(out, parts.list_unsubscribe_url);
        out.append(parts.list_unsubscribe_mailto.empty() ? ">" : ">,\r\n ");
    }
    if (const std::string_view mailto = parts.list_unsubscribe_mailto; !mailto.empty())
    {
        out.push_back('<');
        if (!text::ascii_iequals(mailto.substr(0, mailto_scheme.size()), mailto_scheme))
        {
            out.append(mailto_scheme);
        }
        append_url(out, mailto);
        out.push_back('>');
    }
    out.append(crlf);
    if (parts.one_click && !parts.list_unsubscribe_url.empty())
    {
        out.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    }
}

void append_message_headers(std::string& out, const message_parts& parts)
{
    append_mailbox_header(out, "From", std::span(&parts.from, 1));
    append_mailbox_header(out, "To", std::span(&parts.to, 1));
    if (!parts.reply_to.empty())
    {
        append_mailbox_header(out, "Reply-To", parts.reply_to);
    }
    append_text_header(out, "Subject", parts.subject);
    append_date_header(out, "Date", parts.date, parts.date_offset_minutes);
    HK_ASSERT(is_message_id(parts.message_id));
    out.append("Message-ID: <").append(parts.message_id).append(">\r\n");
    append_list_unsubscribe(out, parts);
    if (!parts.feedback_id.empty())
    {
        append_text_header(out, "Feedback-ID", parts.feedback_id);
    }
    for (const header_line& line : parts.extra)
    {
        append_text_header(out, line.name, line.value);
    }
    out.append("MIME-Version: 1.0\r\n");
}

/// Ends the header block; returns its size.
std::size_t end_headers(std::string& out)
{
    out.append(crlf);
    return out.size();
}

std::size_t append_single(std::string& out, const body_part& part)
{
    append_content_headers(out, part);
    const std::size_t header_bytes = end_headers(out);
    append_content(out, part);
    if (out.size() > header_bytes && !out.ends_with(crlf))
    {
        out.append(crlf);
    }
    return header_bytes;
}

std::size_t append_alternative(std::string& out, std::uint64_t seed,
                               std::span<const body_part> parts)
{
    const std::string boundary = choose_boundary(seed, parts);
    out.append("Content-Type: multipart/alternative;\r\n boundary=\"");
    out.append(boundary).append("\"\r\n");
    const std::size_t header_bytes = end_headers(out);
    for (const body_part& part : parts)
    {
        out.append("--").append(boundary).append(crlf);
        append_content_headers(out, part);
        out.append(crlf);
        append_content(out, part);
        out.append(crlf); // belongs to the boundary that follows (RFC 2046 section 5.1.1)
    }
    out.append("--").append(boundary).append("--\r\n");
    return header_bytes;
}

} // namespace

built_message build_message(const message_parts& parts, std::string& out)
{
    out.clear();
    out.reserve(header_bytes_usual + (parts.text.size() + parts.html.size()) / 2 * 3);
    append_message_headers(out, parts);
    built_message built;
    if (!parts.text.empty() && !parts.html.empty())
    {
        const std::array bodies = {make_part("plain", parts.text), make_part("html", parts.html)};
        built.header_bytes = append_alternative(out, parts.boundary_seed, bodies);
    }
    else
    {
        const body_part only =
            parts.html.empty() ? make_part("plain", parts.text) : make_part("html", parts.html);
        built.header_bytes = append_single(out, only);
    }
    built.is_8bit = !text::is_ascii(std::string_view(out).substr(0, built.header_bytes));
    built.needs_smtputf8 = built.is_8bit;
    return built;
}

} // namespace hikyaku::mime
