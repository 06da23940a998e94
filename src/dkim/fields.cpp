#include "fields.h"

#include <algorithm>

namespace hikyaku::dkim
{
namespace
{

constexpr std::size_t host_name_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_label_char(char c) noexcept
{
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string_view name_of(std::string_view text) noexcept
{
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
    {
        return {};
    }
    std::string_view name = text.substr(0, colon);
    while (!name.empty() && is_wsp(name.back()))
    {
        name.remove_suffix(1);
    }
    return name;
}

} // namespace

message_parts split_message(std::string_view message) noexcept
{
    if (message.starts_with("\r\n"))
    {
        return {{}, message.substr(2)};
    }
    const auto gap = message.find("\r\n\r\n");
    if (gap == std::string_view::npos)
    {
        return {message, {}};
    }
    return {message.substr(0, gap + 2), message.substr(gap + 4)};
}

void split_fields(std::string_view header, std::vector<field>& out)
{
    while (!header.empty())
    {
        std::size_t end = header.find("\r\n");
        while (end != std::string_view::npos && end + 2 < header.size() && is_wsp(header[end + 2]))
        {
            end = header.find("\r\n", end + 2);
        }
        const std::string_view text = header.substr(0, end);
        out.push_back({name_of(text), text});
        if (end == std::string_view::npos)
        {
            return;
        }
        header.remove_prefix(end + 2);
    }
}

bool same_name(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

bool is_host_name(std::string_view name) noexcept
{
    std::size_t label = 0;
    for (const char c : name)
    {
        if (c == '.' ? label == 0 : !is_label_char(c))
        {
            return false;
        }
        label = c == '.' ? 0 : label + 1;
        if (label > label_bytes_max)
        {
            return false;
        }
    }
    return label > 0 && name.size() <= host_name_bytes_max;
}

} // namespace hikyaku::dkim
