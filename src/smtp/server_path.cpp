#include "server_path.h"

#include <hikyaku/smtp/path.h>
#include <hikyaku/smtp/reply.h>

#include <algorithm>

namespace hikyaku::smtp
{
namespace
{

constexpr std::size_t local_part_bytes_max = 64;

constexpr bool is_letter_or_digit(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr bool is_8bit(char c) noexcept
{
    return (static_cast<unsigned char>(c) & 0x80U) != 0;
}

bool is_dot_string(std::string_view text) noexcept
{
    constexpr std::string_view others = ".!#$%&'*+-/=?^_`{|}~";
    return std::all_of(text.begin(), text.end(),
                       [&](char c)
                       {
                           return is_letter_or_digit(c) || is_8bit(c) ||
                                  others.find(c) != std::string_view::npos;
                       });
}

bool is_domain(std::string_view text) noexcept
{
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    {
        const auto inner = text.substr(1, text.size() - 2);
        return std::all_of(inner.begin(), inner.end(), [](char c)
                           { return is_letter_or_digit(c) || c == '.' || c == ':' || c == '-'; });
    }
    return text.front() != '.' &&
           std::all_of(
               text.begin(), text.end(), [](char c)
               { return is_letter_or_digit(c) || is_8bit(c) || c == '.' || c == '-' || c == '_'; });
}

/// Where the path that begins behind `argument[0]` ends: the '>' outside of quotes.
std::size_t find_path_end(std::string_view argument) noexcept
{
    bool quoted = false;
    for (std::size_t i = 1; i < argument.size(); ++i)
    {
        const char c = argument[i];
        if (quoted && c == '\\')
        {
            ++i;
        }
        else if (c == '"')
        {
            quoted = !quoted;
        }
        else if (!quoted && (c == '>' || c == '<'))
        {
            return c == '>' ? i : std::string_view::npos;
        }
    }
    return std::string_view::npos;
}

/// Takes "@one,@two:" off. False: it isn't closed, or not made of domains.
bool drop_source_route(std::string_view& path) noexcept
{
    if (!path.starts_with('@'))
    {
        return true;
    }
    const std::size_t end = path.find(':');
    const auto route = path.substr(0, end);
    const bool fits = std::all_of(route.begin(), route.end(),
                                  [](char c)
                                  {
                                      return is_letter_or_digit(c) || c == '@' || c == ',' ||
                                             c == '.' || c == '-' || c == '_';
                                  });
    if (end == std::string_view::npos || !fits)
    {
        return false;
    }
    path.remove_prefix(end + 1);
    return true;
}

std::string_view trim(std::string_view text) noexcept
{
    const auto begin = text.find_first_not_of(' ');
    return begin == std::string_view::npos
               ? std::string_view()
               : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

} // namespace

std::optional<path_argument> cut_path(std::string_view argument) noexcept
{
    argument = trim(argument);
    if (!argument.starts_with('<'))
    {
        return std::nullopt;
    }
    const std::size_t end = find_path_end(argument);
    if (end == std::string_view::npos)
    {
        return std::nullopt;
    }
    path_argument out{argument.substr(1, end - 1), argument.substr(end + 1)};
    if ((!out.parameters.empty() && out.parameters.front() != ' ') ||
        !drop_source_route(out.address))
    {
        return std::nullopt;
    }
    out.parameters = trim(out.parameters);
    return out;
}

bool is_mailbox(std::string_view address) noexcept
{
    if (!is_safe_path(address))
    {
        return false;
    }
    const std::size_t at = address.rfind('@');
    const auto local = address.substr(0, at);
    const auto domain = address.substr(at + 1);
    if (local.size() > local_part_bytes_max || !is_domain(domain))
    {
        return false;
    }
    // is_safe_path() has seen that quotes are closed; one string must be all of it.
    const bool quoted = local.size() >= 2 && local.front() == '"' && local.back() == '"';
    for (std::size_t i = 1; quoted && i + 1 < local.size(); ++i)
    {
        if (local[i] == '"')
        {
            return false;
        }
        i += local[i] == '\\' ? 1 : 0;
    }
    return quoted || is_dot_string(local);
}

bool is_clean_utf8(std::string_view text)
{
    return clean_text(text, text.size() + 1) == text;
}

} // namespace hikyaku::smtp
