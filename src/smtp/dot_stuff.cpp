#include <hikyaku/smtp/dot_stuff.h>

#include <hikyaku/base/assert.h>

#include <cstring>

namespace hikyaku::smtp
{

message_shape inspect_message(std::string_view message) noexcept
{
    message_shape shape;
    std::string_view rest = message;
    while (!rest.empty())
    {
        shape.needs_stuffing = shape.needs_stuffing || rest.front() == '.';
        const std::size_t cr = rest.find('\r');
        const std::size_t line = cr == std::string_view::npos ? rest.size() : cr;
        const bool bare_lf = std::memchr(rest.data(), '\n', line) != nullptr;
        if (bare_lf || line + 1 >= rest.size() || rest[line + 1] != '\n')
        {
            return shape;
        }
        rest.remove_prefix(line + 2);
    }
    shape.canonical_crlf = !message.empty();
    return shape;
}

std::string_view dot_stuff(std::string_view message, const message_shape& shape,
                           std::string& scratch)
{
    HK_ASSERT(shape.canonical_crlf);
    if (!shape.needs_stuffing)
    {
        return message;
    }
    scratch.clear();
    std::string_view rest = message;
    if (rest.front() == '.')
    {
        scratch.push_back('.');
    }
    while (true)
    {
        const std::size_t at = rest.find("\n.");
        if (at == std::string_view::npos)
        {
            scratch.append(rest);
            return scratch;
        }
        scratch.append(rest.substr(0, at + 1)).push_back('.');
        rest.remove_prefix(at + 1);
        // The dot itself goes with the next piece, so that "\n." is not found again at its place.
        scratch.push_back('.');
        rest.remove_prefix(1);
    }
}

} // namespace hikyaku::smtp
