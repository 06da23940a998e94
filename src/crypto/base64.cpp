#include <hikyaku/crypto/base64.h>

#include <array>
#include <cstdint>

namespace hikyaku::crypto
{
namespace
{

constexpr std::string_view standard_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t invalid = 0xFF;

using table = std::array<std::uint8_t, 256>;

constexpr table make_table(std::string_view alphabet)
{
    table values{};
    values.fill(invalid);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
    {
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}

constexpr table standard_values = make_table(standard_alphabet);
constexpr table url_values = make_table(url_alphabet);

std::uint32_t at(std::string_view bytes, std::size_t i)
{
    return static_cast<unsigned char>(bytes[i]);
}

void append(std::string& out, std::string_view bytes, std::string_view alphabet, bool pad)
{
    out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
    std::size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3)
    {
        const std::uint32_t v = at(bytes, i) << 16 | at(bytes, i + 1) << 8 | at(bytes, i + 2);
        out += alphabet[v >> 18];
        out += alphabet[(v >> 12) & 63U];
        out += alphabet[(v >> 6) & 63U];
        out += alphabet[v & 63U];
    }
    const std::size_t left = bytes.size() - i;
    if (left == 0)
    {
        return;
    }
    const std::uint32_t v = at(bytes, i) << 16 | (left == 2 ? at(bytes, i + 1) << 8 : 0U);
    out += alphabet[v >> 18];
    out += alphabet[(v >> 12) & 63U];
    if (left == 2)
    {
        out += alphabet[(v >> 6) & 63U];
    }
    if (pad)
    {
        out.append(3 - left, '=');
    }
}

/// `text` without padding.
std::optional<std::string> decode(std::string_view text, const table& values)
{
    if (text.size() % 4 == 1)
    {
        return std::nullopt;
    }
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text)
    {
        const std::uint8_t value = values[static_cast<unsigned char>(c)];
        if (value == invalid)
        {
            return std::nullopt;
        }
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8)
        {
            held -= 8;
            out += static_cast<char>(static_cast<std::uint8_t>(bits >> held));
            bits &= (1U << held) - 1U;
        }
    }
    if (bits != 0)
    {
        return std::nullopt;
    }
    return out;
}

} // namespace

void append_base64(std::string& out, std::string_view bytes)
{
    append(out, bytes, standard_alphabet, true);
}

std::string encode_base64(std::string_view bytes)
{
    std::string out;
    append_base64(out, bytes);
    return out;
}

std::string encode_base64url(std::string_view bytes)
{
    std::string out;
    append(out, bytes, url_alphabet, false);
    return out;
}

std::optional<std::string> decode_base64(std::string_view text)
{
    if (text.size() % 4 != 0)
    {
        return std::nullopt;
    }
    for (int i = 0; i < 2 && text.ends_with('='); ++i)
    {
        text.remove_suffix(1);
    }
    return decode(text, standard_values);
}

std::optional<std::string> decode_base64url(std::string_view text)
{
    return decode(text, url_values);
}

} // namespace hikyaku::crypto
