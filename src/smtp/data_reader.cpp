#include <hikyaku/smtp/data_reader.h>

#include <algorithm>

namespace hikyaku::smtp
{

/// Takes the rest of a line, without its CR.
data_reader::status data_reader::take_line_part(std::string_view& input, std::string* out)
{
    const std::size_t cr = input.find('\r');
    const std::string_view part = input.substr(0, cr);
    if (part.find('\n') != std::string_view::npos)
    {
        return status::bare_lf;
    }
    has_nul_ = has_nul_ || part.find('\0') != std::string_view::npos;
    line_bytes_ += part.size();
    longest_line_ = std::max(longest_line_, line_bytes_);
    if (out != nullptr)
    {
        out->append(part);
    }
    input.remove_prefix(part.size());
    if (cr != std::string_view::npos)
    {
        input.remove_prefix(1);
        state_ = state::cr;
    }
    return status::more;
}

data_reader::status data_reader::consume(std::string_view& input, std::string* out)
{
    while (!input.empty())
    {
        const char c = input.front();
        switch (state_)
        {
        case state::line_start:
            state_ = c == '.' ? state::dot : state::line;
            input.remove_prefix(c == '.' ? 1 : 0);
            break;
        case state::dot:
            state_ = c == '\r' ? state::dot_cr : state::line;
            input.remove_prefix(c == '\r' ? 1 : 0);
            break;
        case state::dot_cr:
            if (c != '\n')
            {
                return status::bare_cr;
            }
            input.remove_prefix(1);
            return status::complete;
        case state::line:
            if (take_line_part(input, out) == status::bare_lf)
            {
                return status::bare_lf;
            }
            break;
        case state::cr:
            if (c != '\n')
            {
                return status::bare_cr;
            }
            input.remove_prefix(1);
            if (out != nullptr)
            {
                out->append("\r\n");
            }
            line_bytes_ = 0;
            state_ = state::line_start;
            break;
        }
    }
    return status::more;
}

} // namespace hikyaku::smtp
