#pragma once

#include <cstddef>
#include <string_view>

namespace hikyaku::mime
{

/// Takes one line from the front, its LF and all; returned without line end. A lone CR is a byte
/// like any other. @pre !bytes.empty()
[[nodiscard]] inline std::string_view take_raw_line(std::string_view& bytes) noexcept
{
    const std::size_t feed = bytes.find('\n');
    std::string_view line = bytes.substr(0, feed);
    bytes.remove_prefix(feed == std::string_view::npos ? bytes.size() : feed + 1);
    while (!line.empty() && line.back() == '\r')
    {
        line.remove_suffix(1);
    }
    return line;
}

/// Without blanks and line ends around it.
[[nodiscard]] inline std::string_view trim_blanks(std::string_view text) noexcept
{
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
    {
        return text.substr(0, 0);
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace hikyaku::mime
