#include <hikyaku/smtp/path.h>

namespace hikyaku::smtp
{
namespace
{

constexpr bool is_control(char c) noexcept
{
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7F;
}

} // namespace

bool is_safe_path(std::string_view address) noexcept
{
    if (address.empty() || address.size() > path_bytes_max)
    {
        return false;
    }
    bool quoted = false;
    std::size_t at_sign = std::string_view::npos;
    for (std::size_t i = 0; i < address.size(); ++i)
    {
        const char c = address[i];
        if (is_control(c))
        {
            return false;
        }
        if (quoted)
        {
            if (c == '\\' && (++i == address.size() || is_control(address[i])))
            {
                return false;
            }
            quoted = c != '"';
            continue;
        }
        if (c == ' ' || c == '<' || c == '>' || c == '\\')
        {
            return false;
        }
        quoted = c == '"';
        at_sign = c == '@' ? i : at_sign;
    }
    return !quoted && at_sign != std::string_view::npos && at_sign != 0 &&
           at_sign + 1 < address.size() && address.find('"', at_sign) == std::string_view::npos;
}

bool is_safe_host_name(std::string_view name) noexcept
{
    if (name.empty() || name.size() > host_name_bytes_max)
    {
        return false;
    }
    for (const char c : name)
    {
        const auto u = static_cast<unsigned char>(c);
        if (u <= 0x20 || u >= 0x7F || c == '<' || c == '>')
        {
            return false;
        }
    }
    return true;
}

bool has_8bit(std::string_view bytes) noexcept
{
    for (const char c : bytes)
    {
        if ((static_cast<unsigned char>(c) & 0x80U) != 0)
        {
            return true;
        }
    }
    return false;
}

} // namespace hikyaku::smtp
