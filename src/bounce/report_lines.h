#pragma once

#include <cstddef>
#include <string_view>

namespace hikyaku::bounce
{

/// Takes a line from the front; returned without its line end. @pre !text.empty()
[[nodiscard]] inline std::string_view take_line(std::string_view& text) noexcept
{
    const std::size_t feed = text.find('\n');
    std::string_view line = text.substr(0, feed);
    text.remove_prefix(feed == std::string_view::npos ? text.size() : feed + 1);
    while (!line.empty() && line.back() == '\r')
    {
        line.remove_suffix(1);
    }
    return line;
}

/// Without blanks around it.
[[nodiscard]] inline std::string_view trimmed_line(std::string_view line) noexcept
{
    const std::size_t first = line.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos
               ? std::string_view{}
               : line.substr(first, line.find_last_not_of(" \t\r\n") - first + 1);
}

/// Without the marks and blanks that a quoted header stands behind: "> ", "| ", "    ". Folded
/// lines of a header that isn't marked keep one blank.
[[nodiscard]] inline std::string_view unquoted(std::string_view line) noexcept
{
    const std::size_t first = line.find_first_not_of(" \t>|");
    if (first == std::string_view::npos)
    {
        return {};
    }
    const std::string_view rest = line.substr(first);
    // A field starts with a name; anything else indented is a folded line.
    const std::size_t colon = rest.find(':');
    const bool field = colon != std::string_view::npos && colon < 40 &&
                       rest.substr(0, colon).find_first_of(" \t<@;=(") == std::string_view::npos;
    return field || first == 0 ? rest
           : line.substr(first - 1).starts_with('>') || line.substr(first - 1).starts_with('|')
               ? rest
               : line.substr(first - 1);
}

} // namespace hikyaku::bounce
