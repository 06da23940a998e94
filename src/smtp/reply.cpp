#include <hikyaku/smtp/reply.h>

namespace hikyaku::smtp
{
namespace
{

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// Takes 1 to 3 digits from the front.
std::optional<std::uint16_t> take_number(std::string_view& text) noexcept
{
    std::size_t n = 0;
    unsigned value = 0;
    while (n < text.size() && n < 3 && is_digit(text[n]))
    {
        value = value * 10 + static_cast<unsigned>(text[n] - '0');
        ++n;
    }
    if (n == 0 || (n < text.size() && is_digit(text[n])))
    {
        return std::nullopt;
    }
    text.remove_prefix(n);
    return static_cast<std::uint16_t>(value);
}

bool take_dot(std::string_view& text) noexcept
{
    if (text.empty() || text.front() != '.')
    {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/// A character and its length in bytes; length 0: not UTF-8.
struct decoded
{
    char32_t c = 0;
    std::size_t length = 0;
};

decoded decode(std::string_view in) noexcept
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(in[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80)
    {
        return {lead, 1};
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || in.size() < length)
    {
        return {};
    }
    char32_t c = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i)
    {
        if ((byte(i) & 0xC0U) != 0x80U)
        {
            return {};
        }
        c = (c << 6) | (byte(i) & 0x3FU);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    if (c < least[length] || c > 0x10FFFF || surrogate)
    {
        return {};
    }
    return {c, length};
}

/// Controls, separators and bidirectional overrides: what could forge a line or its order.
constexpr bool is_unsafe(char32_t c) noexcept
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

} // namespace

std::optional<enhanced_code> parse_enhanced_code(std::string_view text) noexcept
{
    if (text.empty() || (text[0] != '2' && text[0] != '4' && text[0] != '5'))
    {
        return std::nullopt;
    }
    enhanced_code code;
    code.cls = static_cast<std::uint8_t>(text[0] - '0');
    text.remove_prefix(1);
    if (!take_dot(text))
    {
        return std::nullopt;
    }
    const auto subject = take_number(text);
    if (!subject || !take_dot(text))
    {
        return std::nullopt;
    }
    const auto detail = take_number(text);
    if (!detail || (!text.empty() && text.front() != ' ' && text.front() != '\n'))
    {
        return std::nullopt;
    }
    code.subject = *subject;
    code.detail = *detail;
    return code;
}

std::string format_enhanced_code(const enhanced_code& code)
{
    if (!code.present())
    {
        return {};
    }
    return std::to_string(code.cls) + '.' + std::to_string(code.subject) + '.' +
           std::to_string(code.detail);
}

void clean_text(std::string_view raw, std::string& out, std::size_t bytes_max)
{
    out.clear();
    while (!raw.empty())
    {
        const decoded d = decode(raw);
        const std::size_t taken = d.length == 0 ? 1 : d.length;
        const bool safe = d.length != 0 && !is_unsafe(d.c);
        if (out.size() + (safe ? taken : 1) > bytes_max)
        {
            return;
        }
        if (safe)
        {
            out.append(raw.substr(0, taken));
        }
        else
        {
            out.push_back(d.length != 0 && d.c == '\n' ? ' ' : '?');
        }
        raw.remove_prefix(taken);
    }
}

std::string clean_text(std::string_view raw, std::size_t bytes_max)
{
    std::string out;
    clean_text(raw, out, bytes_max);
    return out;
}

} // namespace hikyaku::smtp
