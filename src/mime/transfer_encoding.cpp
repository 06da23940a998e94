#include <hikyaku/mime/encoding.h>

#include <algorithm>

#include <hikyaku/base/assert.h>

#include "ascii.h"
#include "line_scan.h"

namespace hikyaku::mime
{

namespace
{

constexpr bool is_odd_control(std::uint8_t byte) noexcept
{
    return static_cast<bool>(static_cast<int>(byte < 0x20) & static_cast<int>(byte != '\t') &
                             static_cast<int>(byte != '\n') & static_cast<int>(byte != '\r')) |
           (byte == 0x7F);
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
    const std::size_t odd =
        count_bytes(text, [](std::uint8_t byte) { return (byte >= 0x80) | is_odd_control(byte); });
    if (odd == 0 && lines_are_seven_bit(text))
    {
        return transfer_encoding::seven_bit;
    }
    const std::size_t equals = count_bytes(text, [](std::uint8_t byte) { return byte == '='; });
    // Quoted-printable adds 2 bytes to each, base64 a third of everything and line ends.
    const std::size_t quoted = text.size() + 2 * (odd + equals);
    const std::size_t base64 = text.size() / 3 * 4 + text.size() / 28;
    return quoted <= base64 + base64 / 10 ? transfer_encoding::quoted_printable
                                          : transfer_encoding::base64;
}

void append_canonical(std::string& out, std::string_view text)
{
    std::string stripped;
    text = without_nul(text, stripped);
    constexpr std::size_t line_bytes_usual = 32;
    out.reserve(out.size() + text.size() + text.size() / line_bytes_usual);
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
