#include "checks.h"

#include <hikyaku/text/idn.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <string>

namespace hikyaku::identity
{
namespace
{

constexpr std::size_t local_part_bytes_max = 64;

bool is_control(char c) noexcept
{
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
}

/// U+0080 to U+009F are C2 80 to C2 9F.
bool has_c1_control(std::string_view s) noexcept
{
    for (std::size_t i = 0; i + 1 < s.size(); ++i)
    {
        if (s[i] == '\xC2' && static_cast<unsigned char>(s[i + 1]) < 0xA0)
        {
            return true;
        }
    }
    return false;
}

bool is_local_part_char(char c) noexcept
{
    constexpr std::string_view specials = "()<>[]:;@\\,\" ";
    return !is_control(c) && specials.find(c) == std::string_view::npos;
}

bool is_local_part(std::string_view local)
{
    return !local.empty() && local.size() <= local_part_bytes_max && local.front() != '.' &&
           local.back() != '.' && local.find("..") == std::string_view::npos &&
           std::all_of(local.begin(), local.end(), is_local_part_char);
}

} // namespace

std::optional<problem> check_name(std::string_view name, std::size_t bytes_max)
{
    const bool fits = !name.empty() && name.size() <= bytes_max && name.front() != ' ' &&
                      name.back() != ' ' && text::is_valid_utf8(name) && !has_c1_control(name) &&
                      std::none_of(name.begin(), name.end(), is_control);
    if (fits)
    {
        return std::nullopt;
    }
    return problem{problem_kind::invalid, "name",
                   "a name has 1 to " + std::to_string(bytes_max) +
                       " bytes of UTF-8, no control characters and no space at either end"};
}

std::optional<problem> check_email(std::string_view email, std::size_t bytes_max)
{
    const auto at = email.rfind('@');
    const bool fits = email.size() <= bytes_max && at != std::string_view::npos &&
                      text::is_valid_utf8(email) && !has_c1_control(email) &&
                      is_local_part(email.substr(0, at)) &&
                      text::domain_to_ascii(email.substr(at + 1)).has_value();
    if (fits)
    {
        return std::nullopt;
    }
    return problem{problem_kind::invalid, "admin_email",
                   "expected a mail address such as admin@example.com, at most " +
                       std::to_string(bytes_max) + " bytes"};
}

} // namespace hikyaku::identity
