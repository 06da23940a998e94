#include <hikyaku/dns/name.h>

#include "name_bytes.h"

namespace hikyaku::dns
{

namespace
{

std::optional<std::string> canonical(std::string_view text, bool (*is_allowed)(char))
{
    if (text == ".")
    {
        return std::string();
    }
    if (text.ends_with('.'))
    {
        text.remove_suffix(1);
    }
    if (text.empty() || text.size() > name_text_bytes_max)
    {
        return std::nullopt;
    }
    std::string out;
    out.reserve(text.size());
    std::size_t label_bytes = 0;
    for (const char c : text)
    {
        if (c == '.')
        {
            if (label_bytes == 0)
            {
                return std::nullopt;
            }
            label_bytes = 0;
        }
        else if (++label_bytes > label_bytes_max || !is_allowed(c))
        {
            return std::nullopt;
        }
        out.push_back(lower(c));
    }
    if (label_bytes == 0)
    {
        return std::nullopt;
    }
    return out;
}

} // namespace

std::optional<std::string> canonical_name(std::string_view text)
{
    return canonical(text, [](char c) { return is_label_byte(c); });
}

std::optional<std::string> canonical_query_name(std::string_view text)
{
    return canonical(text, [](char c) { return is_any_label_byte(c); });
}

bool is_at_or_below(std::string_view name, std::string_view zone) noexcept
{
    if (zone.empty() || name == zone)
    {
        return true;
    }
    return name.size() > zone.size() && name.ends_with(zone) &&
           name[name.size() - zone.size() - 1] == '.';
}

} // namespace hikyaku::dns
