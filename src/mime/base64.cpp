#include <hikyaku/mime/encoding.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "ascii.h"
#include "line_scan.h"

namespace hikyaku::mime
{

namespace
{

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes behind one encoded line.
constexpr std::size_t line_input_bytes = encoded_line_bytes_max / 4 * 3;

/// Two characters for every twelve bits: half the look-ups of a table of 64.
constexpr auto pair_table = []
{
    std::array<std::array<char, 2>, 4096> made{};
    for (std::size_t i = 0; i < made.size(); ++i)
    {
        made[i] = {alphabet[i >> 6], alphabet[i & 0x3F]};
    }
    return made;
}();

constexpr auto value_table = []
{
    std::array<std::int8_t, 256> made{};
    made.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
    {
        made[to_byte(alphabet[i])] = static_cast<std::int8_t>(i);
    }
    return made;
}();

/// Writes the encoding of `bytes` at `to` and returns the place after it.
char* encode(char* to, std::string_view bytes) noexcept
{
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    for (; end - at >= 3; at += 3, to += 4)
    {
        const std::uint32_t group = (static_cast<std::uint32_t>(to_byte(at[0])) << 16) |
                                    (static_cast<std::uint32_t>(to_byte(at[1])) << 8) |
                                    to_byte(at[2]);
        std::memcpy(to, pair_table[group >> 12].data(), 2);
        std::memcpy(to + 2, pair_table[group & 0xFFF].data(), 2);
    }
    if (at == end)
    {
        return to;
    }
    const bool two = end - at == 2;
    const std::uint32_t group = (static_cast<std::uint32_t>(to_byte(at[0])) << 16) |
                                (two ? static_cast<std::uint32_t>(to_byte(at[1])) << 8 : 0U);
    std::memcpy(to, pair_table[group >> 12].data(), 2);
    to[2] = two ? alphabet[(group >> 6) & 0x3F] : '=';
    to[3] = '=';
    return to + 4;
}

constexpr std::size_t encoded_bytes(std::size_t bytes) noexcept
{
    return (bytes + 2) / 3 * 4;
}

} // namespace

void append_base64_word(std::string& out, std::string_view bytes)
{
    const std::size_t start = out.size();
    out.resize(start + encoded_bytes(bytes.size()));
    encode(out.data() + start, bytes);
}

void append_base64(std::string& out, std::string_view bytes)
{
    const std::size_t start = out.size();
    const std::size_t lines = (bytes.size() + line_input_bytes - 1) / line_input_bytes;
    out.resize(start + encoded_bytes(bytes.size()) + lines * crlf.size());
    char* to = out.data() + start;
    while (!bytes.empty())
    {
        const std::string_view line = bytes.substr(0, line_input_bytes);
        to = encode(to, line);
        std::memcpy(to, crlf.data(), crlf.size());
        to += crlf.size();
        bytes.remove_prefix(line.size());
    }
}

void append_base64_text(std::string& out, std::string_view text)
{
    std::string canonical;
    append_canonical(canonical, text);
    append_base64(out, canonical);
}

std::string decode_base64(std::string_view text)
{
    std::string out;
    out.reserve(text.size() / 4 * 3 + 3);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text)
    {
        if (c == '=')
        {
            break;
        }
        const int value = value_table[to_byte(c)];
        if (value < 0)
        {
            continue;
        }
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8)
        {
            count -= 8;
            out.push_back(static_cast<char>((bits >> count) & 0xFFU));
        }
    }
    return out;
}

} // namespace hikyaku::mime
