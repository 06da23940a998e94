#include "body_decoder.h"

#include <algorithm>

namespace hikyaku::http
{
namespace
{

constexpr std::size_t size_digits_max = 16;
constexpr refusal bad_chunk{400, "bad_chunk", "The chunked body is malformed."};

bool is_plain(char c) noexcept
{
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= ' ' && byte != 0x7F);
}

int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9')
    {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Takes a quoted-string off the front (RFC 9110 section 5.6.4). @returns whether there was one
bool take_quoted(std::string_view& text)
{
    for (std::size_t i = 1; i < text.size(); ++i)
    {
        if (text[i] == '"')
        {
            text.remove_prefix(i + 1);
            return true;
        }
        i += text[i] == '\\' ? 1U : 0U;
    }
    return false;
}

/// *( ";" token [ "=" ( token / quoted-string ) ] ), RFC 9112 section 7.1.1, without blanks.
bool are_extensions(std::string_view text)
{
    while (!text.empty())
    {
        if (text.front() != ';')
        {
            return false;
        }
        text.remove_prefix(1);
        const auto name_end = std::min(text.find_first_of(";="), text.size());
        if (!is_token(text.substr(0, name_end)))
        {
            return false;
        }
        const bool has_value = name_end < text.size() && text[name_end] == '=';
        text.remove_prefix(name_end + (has_value ? 1 : 0));
        if (!has_value)
        {
            continue;
        }
        const auto value_end = std::min(text.find(';'), text.size());
        const bool quoted = text.starts_with('"');
        if (quoted ? !take_quoted(text) : !is_token(text.substr(0, value_end)))
        {
            return false;
        }
        text.remove_prefix(quoted ? 0 : value_end);
    }
    return true;
}

/// A field line that may stand behind a body: those that frame or route a message may not.
bool is_trailer(std::string_view line)
{
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    {
        return false;
    }
    for (const std::string_view barred : {"Content-Length", "Transfer-Encoding", "Connection",
                                          "Proxy-Connection", "Host", "Trailer"})
    {
        if (equal_ignoring_case(line.substr(0, colon), barred))
        {
            return false;
        }
    }
    return true;
}

} // namespace

body_decoder::body_decoder(framing how, std::uint64_t content_length) noexcept : state_(state::done)
{
    switch (how)
    {
    case framing::none:
        break;
    case framing::length:
        state_ = content_length > 0 ? state::data : state::done;
        remaining_ = content_length;
        break;
    case framing::chunked:
        state_ = state::chunk_size;
        break;
    case framing::until_close:
        state_ = state::to_close;
        break;
    }
}

std::string_view body_decoder::take_data(std::string_view& input, state next) noexcept
{
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(remaining_, static_cast<std::uint64_t>(input.size())));
    const auto piece = input.substr(0, size);
    input.remove_prefix(size);
    remaining_ -= size;
    if (remaining_ == 0)
    {
        state_ = next;
    }
    return piece;
}

body_decoder::line_end body_decoder::take_line(std::string_view& input)
{
    while (!input.empty())
    {
        const char c = input.front();
        input.remove_prefix(1);
        const bool after_cr = !line_.empty() && line_.back() == '\r';
        if ((c == '\n') != after_cr || line_.size() == line_bytes_max)
        {
            return line_end::wrong;
        }
        if (c == '\n')
        {
            line_.pop_back();
            return line_end::found;
        }
        if (c != '\r' && !is_plain(c))
        {
            return line_end::wrong;
        }
        line_.push_back(c);
    }
    return line_end::missing;
}

bool body_decoder::start_chunk() noexcept
{
    std::uint64_t size = 0;
    std::size_t digits = 0;
    while (digits < line_.size() && hex_value(line_[digits]) >= 0)
    {
        if (digits == size_digits_max)
        {
            return false;
        }
        size = size * 16 + static_cast<std::uint64_t>(hex_value(line_[digits]));
        ++digits;
    }
    // RFC 9112 section 7.1.1 allows blanks before ';', which proxies have read differently:
    // refused.
    if (digits == 0 || !are_extensions(std::string_view(line_).substr(digits)))
    {
        return false;
    }
    remaining_ = size;
    state_ = size > 0 ? state::chunk_data : state::trailer;
    return true;
}

result<void, refusal> body_decoder::consume_line(std::string_view& input)
{
    const auto end = take_line(input);
    if (end != line_end::found)
    {
        return end == line_end::wrong ? result<void, refusal>(bad_chunk) : result<void, refusal>();
    }
    if (state_ == state::chunk_size)
    {
        if (!start_chunk())
        {
            return bad_chunk;
        }
    }
    else if (state_ == state::chunk_end)
    {
        if (!line_.empty())
        {
            return bad_chunk;
        }
        state_ = state::chunk_size;
    }
    else if (line_.empty())
    {
        state_ = state::done;
    }
    else if (++trailers_ > trailers_max || !is_trailer(line_))
    {
        return bad_chunk;
    }
    line_.clear();
    return {};
}

result<std::string_view, refusal> body_decoder::consume(std::string_view& input)
{
    while (!input.empty())
    {
        switch (state_)
        {
        case state::data:
            return take_data(input, state::done);
        case state::chunk_data:
            return take_data(input, state::chunk_end);
        case state::to_close:
        {
            const auto piece = input;
            input = {};
            return piece;
        }
        case state::done:
            return std::string_view();
        case state::chunk_size:
        case state::chunk_end:
        case state::trailer:
        {
            const auto taken = consume_line(input);
            if (taken.has_error())
            {
                return taken.error();
            }
            break;
        }
        }
    }
    return std::string_view();
}

bool body_decoder::end_of_stream() noexcept
{
    if (state_ == state::to_close)
    {
        state_ = state::done;
    }
    return done();
}

} // namespace hikyaku::http
