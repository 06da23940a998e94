#include <hikyaku/crypto/hex.h>

#include <cstdint>

namespace hikyaku::crypto
{
namespace
{

constexpr std::string_view digits = "0123456789abcdef";

std::optional<unsigned> value_of(char c)
{
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto value = digits.find(lower);
    if (value == std::string_view::npos)
    {
        return std::nullopt;
    }
    return static_cast<unsigned>(value);
}

} // namespace

std::string encode_hex(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes)
    {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

std::optional<std::string> decode_hex(std::string_view text)
{
    if (text.size() % 2 != 0)
    {
        return std::nullopt;
    }
    std::string out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2)
    {
        const auto high = value_of(text[i]);
        const auto low = value_of(text[i + 1]);
        if (!high || !low)
        {
            return std::nullopt;
        }
        out += static_cast<char>(static_cast<std::uint8_t>(*high << 4U | *low));
    }
    return out;
}

} // namespace hikyaku::crypto
