#include <hikyaku/crypto/base32.h>

#include <cstdint>

namespace hikyaku::crypto
{
namespace
{

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

} // namespace

std::string encode_base32(std::string_view bytes)
{
    std::string out;
    out.reserve((bytes.size() * 8 + 4) / 5);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : bytes)
    {
        bits = bits << 8 | static_cast<unsigned char>(c);
        held += 8;
        while (held >= 5)
        {
            held -= 5;
            out += alphabet[(bits >> held) & 31U];
        }
        bits &= (1U << held) - 1U;
    }
    if (held > 0)
    {
        out += alphabet[(bits << (5 - held)) & 31U];
    }
    return out;
}

std::optional<std::string> decode_base32(std::string_view text)
{
    std::string out;
    out.reserve(text.size() * 5 / 8);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char c : text)
    {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        const auto value = alphabet.find(lower);
        if (value == std::string_view::npos)
        {
            return std::nullopt;
        }
        bits = bits << 5 | static_cast<std::uint32_t>(value);
        held += 5;
        if (held >= 8)
        {
            held -= 8;
            out += static_cast<char>(static_cast<std::uint8_t>(bits >> held));
            bits &= (1U << held) - 1U;
        }
    }
    if (held >= 5 || bits != 0)
    {
        return std::nullopt;
    }
    return out;
}

} // namespace hikyaku::crypto
