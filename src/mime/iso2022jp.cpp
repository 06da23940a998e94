#include "iso2022jp.h"

#include "ascii.h"

namespace hikyaku::mime
{

namespace
{

enum class character_set
{
    ascii,   ///< ESC ( B, ESC ( J
    kanji,   ///< ESC $ @, ESC $ B: two bytes a character
    katakana ///< ESC ( I: half-width, one byte
};

constexpr std::size_t escape_bytes = 3;

/// Switches the set; false when `at` starts with no escape known here.
bool switch_set(std::string_view at, character_set& set) noexcept
{
    const std::string_view escape = at.substr(0, escape_bytes);
    if (escape == "\x1B(B" || escape == "\x1B(J")
    {
        set = character_set::ascii;
    }
    else if (escape == "\x1B$@" || escape == "\x1B$B")
    {
        set = character_set::kanji;
    }
    else if (escape == "\x1B(I")
    {
        set = character_set::katakana;
    }
    else
    {
        return false;
    }
    return true;
}

constexpr bool is_jis_byte(char c) noexcept
{
    return c >= 0x21 && c <= 0x7E;
}

/// Row and cell of JIS X 0208 as the two bytes of Shift_JIS.
void append_kanji(std::string& out, char first, char second)
{
    const unsigned row = to_byte(first) - 0x21U;
    const unsigned cell = to_byte(second);
    const unsigned lead = row / 2 + (row < 62 ? 0x81U : 0xC1U);
    const unsigned trail = row % 2 == 1 ? cell + 0x7EU : cell + (cell < 0x60 ? 0x1FU : 0x20U);
    out.push_back(static_cast<char>(lead));
    out.push_back(static_cast<char>(trail));
}

} // namespace

std::string iso2022jp_to_cp932(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size());
    character_set set = character_set::ascii;
    while (!bytes.empty())
    {
        std::size_t used = 1;
        const char c = bytes.front();
        if (c == '\x1B' && switch_set(bytes, set))
        {
            used = escape_bytes;
        }
        else if (c == '\n' || c == '\r' || set == character_set::ascii || !is_jis_byte(c))
        {
            set = c == '\n' ? character_set::ascii : set; // lines end in ASCII (RFC 1468)
            out.push_back(c);
        }
        else if (set == character_set::katakana)
        {
            out.push_back(static_cast<char>(to_byte(c) | 0x80U));
        }
        else if (bytes.size() >= 2 && is_jis_byte(bytes[1]))
        {
            append_kanji(out, c, bytes[1]);
            used = 2;
        }
        else
        {
            out.push_back('\xFF'); // a cut character: CP932 has no such byte
        }
        bytes.remove_prefix(used);
    }
    return out;
}

} // namespace hikyaku::mime
