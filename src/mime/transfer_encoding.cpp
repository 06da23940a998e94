#include <hikyaku/mime/encoding.h>

#include <algorithm>

#include <hikyaku/base/assert.h>

#include "ascii.h"
#include "line_scan.h"

namespace hikyaku::mime
{

namespace
{

/// What decides the encoding. Counted in one loop without branches, which compilers vectorise.
struct census
{
    std::size_t high = 0;     ///< bytes from 0x80
    std::size_t controls = 0; ///< C0 but TAB, LF, CR; and DEL
    std::size_t equals = 0;
};

census count_bytes(std::string_view text) noexcept
{
    census c;
    for (const char at : text)
    {
        const std::uint8_t byte = to_byte(at);
        c.high += byte >> 7;
        c.controls += static_cast<unsigned>((byte < 0x20) & (byte != '\t') & (byte != '\n') &
                                            (byte != '\r')) |
                      static_cast<unsigned>(byte == 0x7F);
        c.equals += static_cast<unsigned>(byte == '=');
    }
    return c;
}

bool lines_are_seven_bit(std::string_view text) noexcept
{
    line_scanner lines(text);
    while (!lines.at_end())
    {
        const std::string_view line = lines.take().bytes;
        if (line.size() > line_bytes_max || line.starts_with("From "))
        {
            return false;
        }
    }
    return true;
}

} // namespace

std::string_view to_header_value(transfer_encoding e) noexcept
{
    switch (e)
    {
    case transfer_encoding::seven_bit:
        return "7bit";
    case transfer_encoding::quoted_printable:
        return "quoted-printable";
    case transfer_encoding::base64:
        return "base64";
    }
    HK_ASSERT(false);
}

transfer_encoding choose_encoding(std::string_view text) noexcept
{
    const census c = count_bytes(text);
    if (c.high == 0 && c.controls == 0 && lines_are_seven_bit(text))
    {
        return transfer_encoding::seven_bit;
    }
    // Quoted-printable adds 2 bytes to each, base64 a third of everything and line ends.
    const std::size_t quoted = text.size() + 2 * (c.high + c.controls + c.equals);
    const std::size_t base64 = text.size() / 3 * 4 + text.size() / 28;
    return quoted <= base64 + base64 / 10 ? transfer_encoding::quoted_printable
                                          : transfer_encoding::base64;
}

void append_canonical(std::string& out, std::string_view text)
{
    std::string stripped;
    text = without_nul(text, stripped);
    const auto line_ends = static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return c == '\n' || c == '\r'; }));
    out.reserve(out.size() + text.size() + line_ends);
    line_scanner lines(text);
    while (!lines.at_end())
    {
        const text_line line = lines.take();
        out.append(line.bytes);
        if (line.ended)
        {
            out.append(crlf);
        }
    }
}

} // namespace hikyaku::mime
