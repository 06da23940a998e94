#include <hikyaku/bounce/reply_line.h>

namespace hikyaku::bounce
{
namespace
{

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

std::string_view without_spaces(std::string_view text) noexcept
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    {
        text.remove_prefix(1);
    }
    return text;
}

} // namespace

reply_line split_reply(std::string_view line) noexcept
{
    reply_line out;
    line = without_spaces(line);
    out.text = line;
    const bool has_code = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' &&
                          is_digit(line[1]) && is_digit(line[2]) &&
                          (line.size() == 3 || line[3] == ' ' || line[3] == '-' || line[3] == '\t');
    if (has_code)
    {
        out.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        out.text = without_spaces(line.substr(line.size() == 3 ? 3 : 4));
    }
    out.enhanced = smtp::parse_enhanced_code(out.text).value_or(smtp::enhanced_code{});
    return out;
}

smtp::enhanced_code find_enhanced_code(std::string_view text, int code) noexcept
{
    const auto is_part = [](char c) { return is_digit(c) || c == '.'; };
    for (std::size_t i = 0; i + 4 < text.size(); ++i)
    {
        const char cls = text[i];
        if ((cls != '4' && cls != '5') || text[i + 1] != '.' || (i > 0 && is_part(text[i - 1])))
        {
            continue;
        }
        std::size_t end = i;
        while (end < text.size() && is_part(text[end]))
        {
            ++end;
        }
        auto number = text.substr(i, end - i);
        if (number.ends_with('.'))
        {
            number.remove_suffix(1);
        }
        const auto found = smtp::parse_enhanced_code(number);
        if (found && (code == 0 || code / 100 == cls - '0'))
        {
            return *found;
        }
    }
    return {};
}

} // namespace hikyaku::bounce
