#include <hikyaku/smtp/reply_parser.h>

#include <algorithm>

namespace hikyaku::smtp
{
namespace
{

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// The code at the front of a line, or 0.
int code_of(std::string_view line) noexcept
{
    if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
        !is_digit(line[2]))
    {
        return 0;
    }
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

} // namespace

void reply_parser::reset() noexcept
{
    line_.clear();
    text_.clear();
    code_ = 0;
    lines_ = 0;
    bytes_ = 0;
    complete_ = false;
}

result<std::optional<reply>> reply_parser::consume(std::string_view& input)
{
    if (complete_)
    {
        reset();
    }
    while (!input.empty())
    {
        const std::size_t end = input.find('\n');
        const bool whole = end != std::string_view::npos;
        const std::string_view part = input.substr(0, whole ? end : input.size());
        if (line_.size() + part.size() >= line_bytes_max)
        {
            return errc::oversize_reply;
        }
        input.remove_prefix(part.size() + (whole ? 1 : 0));
        if (!whole)
        {
            line_.append(part);
            return std::optional<reply>{};
        }
        std::string_view line = part;
        if (!line_.empty())
        {
            line_.append(part);
            line = line_;
        }
        const auto last = take_line(line);
        line_.clear();
        if (last.has_error())
        {
            return last.error();
        }
        if (*last)
        {
            complete_ = true;
            reply r{code_, {}, text_};
            const auto enhanced = parse_enhanced_code(r.text);
            if (enhanced && enhanced->cls == code_ / 100)
            {
                r.enhanced = *enhanced;
            }
            return std::optional<reply>{r};
        }
    }
    return std::optional<reply>{};
}

/// @returns whether this was the last line of the reply.
result<bool> reply_parser::take_line(std::string_view line)
{
    bytes_ += line.size() + 1;
    ++lines_;
    if (bytes_ > reply_bytes_max || lines_ > lines_max)
    {
        return errc::oversize_reply;
    }
    if (!line.empty() && line.back() == '\r')
    {
        line.remove_suffix(1);
    }
    const int code = code_of(line);
    const char separator = line.size() > 3 ? line[3] : ' ';
    const bool more = separator == '-';
    const bool separated = separator == ' ' || more;
    if (code == 0 || !separated || (lines_ > 1 && code != code_))
    {
        return errc::malformed_reply;
    }
    code_ = code;
    if (lines_ > 1)
    {
        text_.push_back('\n');
    }
    text_.append(line.substr(std::min<std::size_t>(line.size(), 4)));
    return !more;
}

} // namespace hikyaku::smtp
