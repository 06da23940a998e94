#include "bearer.h"

namespace hikyaku::identity
{

std::optional<std::string_view> take_bearer(std::string_view header) noexcept
{
    constexpr std::string_view scheme = "bearer";
    if (header.size() <= scheme.size() || header[scheme.size()] != ' ')
    {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < scheme.size(); ++i)
    {
        const char c = header[i];
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower != scheme[i])
        {
            return std::nullopt;
        }
    }
    header.remove_prefix(scheme.size());
    while (!header.empty() && header.front() == ' ')
    {
        header.remove_prefix(1);
    }
    if (header.empty())
    {
        return std::nullopt;
    }
    return header;
}

} // namespace hikyaku::identity
