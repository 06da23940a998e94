#include <hikyaku/smtp/ehlo_features.h>

#include <charconv>

namespace hikyaku::smtp
{
namespace
{

/// ASCII only: independent of the locale.
bool equals_nocase(std::string_view text, std::string_view upper) noexcept
{
    if (text.size() != upper.size())
    {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const char c = text[i];
        if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) != upper[i])
        {
            return false;
        }
    }
    return true;
}

/// Cuts the text before `separator` off the front, and the separator.
std::string_view take_until(std::string_view& text, char separator) noexcept
{
    const std::size_t end = text.find(separator);
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return part;
}

std::uint64_t parse_size(std::string_view text) noexcept
{
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data(), end, value);
    return ec == std::errc{} && at == end ? value : 0;
}

void take_keyword(std::string_view line, ehlo_features& f) noexcept
{
    const std::string_view keyword = take_until(line, ' ');
    if (equals_nocase(keyword, "PIPELINING"))
    {
        f.pipelining = true;
    }
    else if (equals_nocase(keyword, "8BITMIME"))
    {
        f.eight_bit_mime = true;
    }
    else if (equals_nocase(keyword, "STARTTLS"))
    {
        f.starttls = true;
    }
    else if (equals_nocase(keyword, "SMTPUTF8"))
    {
        f.smtputf8 = true;
    }
    else if (equals_nocase(keyword, "ENHANCEDSTATUSCODES"))
    {
        f.enhanced_status_codes = true;
    }
    else if (equals_nocase(keyword, "CHUNKING"))
    {
        f.chunking = true;
    }
    else if (equals_nocase(keyword, "SIZE"))
    {
        f.size = true;
        f.size_bytes_max = parse_size(take_until(line, ' '));
    }
}

} // namespace

ehlo_features parse_ehlo(std::string_view text) noexcept
{
    ehlo_features f;
    static_cast<void>(take_until(text, '\n')); // the greeting
    for (std::size_t n = 0; n < ehlo_features::keywords_max && !text.empty(); ++n)
    {
        take_keyword(take_until(text, '\n'), f);
    }
    return f;
}

} // namespace hikyaku::smtp
