#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include <hikyaku/base/assert.h>

namespace hikyaku::text
{

namespace
{

constexpr std::uint64_t high_bits = 0x8080808080808080U;

std::uint64_t load_word(const char* at) noexcept
{
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

constexpr bool is_continuation(std::uint8_t byte) noexcept
{
    return (byte & 0xC0U) == 0x80U;
}

/// Table 3-7 of the Unicode Standard: length by first byte, and the bounds of the second.
struct sequence
{
    std::size_t size;
    std::uint8_t second_least;
    std::uint8_t second_most;
};

constexpr sequence sequence_of(std::uint8_t first) noexcept
{
    if (first < 0x80)
    {
        return {1, 0, 0};
    }
    if (first < 0xC2 || first > 0xF4)
    {
        return {0, 0, 0};
    }
    if (first < 0xE0)
    {
        return {2, 0x80, 0xBF};
    }
    if (first < 0xF0)
    {
        return {3, static_cast<std::uint8_t>(first == 0xE0 ? 0xA0 : 0x80),
                static_cast<std::uint8_t>(first == 0xED ? 0x9F : 0xBF)};
    }
    return {4, static_cast<std::uint8_t>(first == 0xF0 ? 0x90 : 0x80),
            static_cast<std::uint8_t>(first == 0xF4 ? 0x8F : 0xBF)};
}

/// Bytes at the front of eight that are a run of ASCII before another byte, or one or two
/// characters of U+1000 to U+CFFF (kana, Han, Hangul): 0 when they are none of these.
std::size_t common_sequence(std::uint64_t word) noexcept
{
    static_assert(std::endian::native == std::endian::little);
    const std::uint64_t highs = word & high_bits;
    if ((highs & 0x80U) == 0)
    {
        return static_cast<std::size_t>(std::countr_zero(highs)) / 8;
    }
    constexpr std::uint64_t form_mask = 0xC0C0F0U;
    constexpr std::uint64_t form = 0x8080E0U;
    // E1 to EC: neither overlong forms (E0) nor surrogates (ED) are among them.
    const auto lead_is_common = [](std::uint64_t w)
    { return (w & 0x0FU) >= 1U && (w & 0x0FU) <= 0x0CU; };
    if ((word & form_mask) != form || !lead_is_common(word))
    {
        return 0;
    }
    const std::uint64_t next = word >> 24;
    return (next & form_mask) == form && lead_is_common(next) ? 6 : 3;
}

} // namespace

bool is_ascii(std::string_view bytes) noexcept
{
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    for (; end - at >= 8; at += 8)
    {
        if ((load_word(at) & high_bits) != 0)
        {
            return false;
        }
    }
    return std::all_of(at, end, [](char c) { return static_cast<std::uint8_t>(c) < 0x80; });
}

code_point first_code_point(std::string_view utf8) noexcept
{
    HK_ASSERT(!utf8.empty());
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(utf8[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80)
    {
        return {first, 1, true};
    }
    const sequence s = sequence_of(first);
    if (s.size == 0 || utf8.size() < 2 || byte(1) < s.second_least || byte(1) > s.second_most)
    {
        return {replacement_character, 1, false};
    }
    char32_t value = first & (0x7FU >> s.size);
    value = (value << 6) | (byte(1) & 0x3FU);
    for (std::size_t i = 2; i < s.size; ++i)
    {
        if (i >= utf8.size() || !is_continuation(byte(i)))
        {
            return {replacement_character, i, false};
        }
        value = (value << 6) | (byte(i) & 0x3FU);
    }
    return {value, s.size, true};
}

bool is_valid_utf8(std::string_view bytes) noexcept
{
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (end - at >= 8)
    {
        const std::uint64_t word = load_word(at);
        if ((word & high_bits) == 0)
        {
            at += 8;
            continue;
        }
        if (const std::size_t taken = common_sequence(word); taken != 0)
        {
            at += taken;
            continue;
        }
        const code_point c = first_code_point({at, 8});
        if (!c.valid)
        {
            return false;
        }
        at += c.size;
    }
    while (at != end)
    {
        const code_point c = first_code_point({at, static_cast<std::size_t>(end - at)});
        if (!c.valid)
        {
            return false;
        }
        at += c.size;
    }
    return true;
}

void append_code_point(std::string& out, char32_t value)
{
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
    {
        value = replacement_character;
    }
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (value < 0x80)
    {
        put(value);
    }
    else if (value < 0x800)
    {
        put(0xC0U | (value >> 6));
        put(0x80U | (value & 0x3FU));
    }
    else if (value < 0x10000)
    {
        put(0xE0U | (value >> 12));
        put(0x80U | ((value >> 6) & 0x3FU));
        put(0x80U | (value & 0x3FU));
    }
    else
    {
        put(0xF0U | (value >> 18));
        put(0x80U | ((value >> 12) & 0x3FU));
        put(0x80U | ((value >> 6) & 0x3FU));
        put(0x80U | (value & 0x3FU));
    }
}

std::size_t count_code_points(std::string_view utf8) noexcept
{
    std::size_t count = 0;
    for (; !utf8.empty(); ++count)
    {
        utf8.remove_prefix(first_code_point(utf8).size);
    }
    return count;
}

std::string_view truncate_code_points(std::string_view utf8, std::size_t count) noexcept
{
    std::size_t at = 0;
    for (; count > 0 && at < utf8.size(); --count)
    {
        at += first_code_point(utf8.substr(at)).size;
    }
    return utf8.substr(0, at);
}

std::string to_valid_utf8(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty())
    {
        const code_point c = first_code_point(bytes);
        if (c.valid)
        {
            out.append(bytes.substr(0, c.size));
        }
        else
        {
            append_code_point(out, replacement_character);
        }
        bytes.remove_prefix(c.size);
    }
    return out;
}

} // namespace hikyaku::text
