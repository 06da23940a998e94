#include "wire.h"

#include <algorithm>

namespace hikyaku::http
{
namespace
{

/// Longest method we read before we call the line malformed.
constexpr std::size_t method_bytes_max = 32;
/// 10^18 - 1 fits 64 bits with room.
constexpr std::size_t length_digits_max = 18;

constexpr refusal bad_line_end{400, "bad_line_end", "A line ends with something other than CRLF."};
constexpr refusal bad_request_line{400, "bad_request_line", "The request line is malformed."};
constexpr refusal bad_header{400, "bad_header", "A header field is malformed."};
constexpr refusal bad_framing{
    400, "bad_framing", "Content-Length or Transfer-Encoding is malformed, repeated or both."};
constexpr refusal bad_host{400, "bad_host", "The Host header is missing, repeated or malformed."};
constexpr refusal header_too_large{431, "header_too_large", "The header is too large."};
constexpr refusal target_too_long{414, "target_too_long", "The request target is too long."};
constexpr refusal bad_version{505, "version_not_supported",
                              "Only versions 1.0 and 1.1 are spoken."};
constexpr refusal bad_expectation{417, "expectation_failed", "Only 100-continue can be expected."};
constexpr refusal bad_status_line{400, "bad_status_line", "The status line is malformed."};

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

bool is_token_char(char c) noexcept
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_value_char(char c) noexcept
{
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= ' ' && byte != 0x7F);
}

bool is_visible(char c) noexcept
{
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte < 0x7F;
}

std::string_view trim(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
    {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes one line off the front, without its CRLF.
std::string_view take_line(std::string_view& head) noexcept
{
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    return line;
}

std::optional<refusal> parse_fields(std::string_view head, std::size_t headers_max,
                                    header_fields& out)
{
    while (true)
    {
        const auto line = take_line(head);
        if (line.empty())
        {
            return head.empty() ? std::nullopt : std::optional(bad_header);
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        {
            return bad_header;
        }
        const auto value = trim(line.substr(colon + 1));
        if (!std::all_of(value.begin(), value.end(), is_value_char))
        {
            return bad_header;
        }
        if (out.size() == headers_max)
        {
            return header_too_large;
        }
        out.add(std::string(line.substr(0, colon)), std::string(value));
    }
}

std::optional<std::uint64_t> parse_length(std::string_view digits) noexcept
{
    if (digits.empty() || digits.size() > length_digits_max ||
        !std::all_of(digits.begin(), digits.end(), is_digit))
    {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : digits)
    {
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

/// RFC 9112 section 6.3, with every doubtful case refused.
std::optional<refusal> parse_framing(message_head& head)
{
    const auto length = head.fields.find("Content-Length");
    const auto coding = head.fields.find("Transfer-Encoding");
    if (head.fields.count("Content-Length") > 1 || head.fields.count("Transfer-Encoding") > 1 ||
        (length && coding))
    {
        return bad_framing;
    }
    if (coding)
    {
        if (!equal_ignoring_case(*coding, "chunked") || head.minor_version == 0)
        {
            return bad_framing;
        }
        head.body = framing::chunked;
    }
    if (length)
    {
        const auto value = parse_length(*length);
        if (!value)
        {
            return bad_framing;
        }
        head.content_length = *value;
        head.body = *value > 0 ? framing::length : framing::none;
    }
    return std::nullopt;
}

/// Connection: close and keep-alive among the options (RFC 9110 section 7.6.1).
std::optional<refusal> parse_connection(message_head& head)
{
    head.keep_alive = head.minor_version == 1;
    bool closes = false;
    for (const auto& [name, value] : head.fields)
    {
        if (!equal_ignoring_case(name, "Connection"))
        {
            continue;
        }
        std::string_view rest = value;
        while (!rest.empty())
        {
            const auto comma = std::min(rest.find(','), rest.size());
            const auto option = trim(rest.substr(0, comma));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
            if (!option.empty() && !is_token(option))
            {
                return bad_header;
            }
            closes = closes || equal_ignoring_case(option, "close");
            head.keep_alive = head.keep_alive || equal_ignoring_case(option, "keep-alive");
        }
    }
    head.keep_alive = head.keep_alive && !closes;
    return std::nullopt;
}

std::optional<refusal> check_host(const message_head& head)
{
    const auto count = head.fields.count("Host");
    if (count > 1 || (count == 0 && head.minor_version == 1))
    {
        return bad_host;
    }
    const auto host = head.fields.find("Host").value_or("");
    const auto allowed = [](char c)
    {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-._~%:[]!$&'()*+;=").find(c) != std::string_view::npos;
    };
    if (!std::all_of(host.begin(), host.end(), allowed))
    {
        return bad_host;
    }
    return std::nullopt;
}

std::optional<refusal> parse_version(std::string_view version, int& minor)
{
    if (version == "HTTP/1.1" || version == "HTTP/1.0")
    {
        minor = version.back() - '0';
        return std::nullopt;
    }
    const bool other = version.size() == 8 && version.starts_with("HTTP/") &&
                       is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    return other ? bad_version : bad_request_line;
}

std::optional<refusal> parse_request_line(std::string_view line, const head_limits& limits,
                                          message_head& head)
{
    const auto first = line.find(' ');
    const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos)
    {
        return bad_request_line;
    }
    const auto method = line.substr(0, first);
    const auto target = line.substr(first + 1, second - first - 1);
    if (!is_token(method) || method.size() > method_bytes_max || target.empty())
    {
        return bad_request_line;
    }
    if (target.size() > limits.target_bytes_max)
    {
        return target_too_long;
    }
    if (!std::all_of(target.begin(), target.end(), is_visible))
    {
        return bad_request_line;
    }
    head.method = method;
    head.target = target;
    return parse_version(line.substr(second + 1), head.minor_version);
}

} // namespace

bool is_token(std::string_view text) noexcept
{
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

result<std::optional<std::size_t>, refusal> head_scanner::scan(std::string_view bytes,
                                                               const head_limits& limits)
{
    for (; scanned_ < bytes.size(); ++scanned_)
    {
        if (scanned_ >= limits.header_bytes_max)
        {
            return line_start_ == 0 ? target_too_long : header_too_large;
        }
        const char c = bytes[scanned_];
        const bool after_cr = scanned_ > line_start_ && bytes[scanned_ - 1] == '\r';
        if ((c == '\n') != after_cr)
        {
            return bad_line_end;
        }
        if (c == '\n')
        {
            const bool empty = scanned_ - line_start_ == 1;
            line_start_ = scanned_ + 1;
            if (empty)
            {
                return std::optional(line_start_);
            }
        }
    }
    return std::optional<std::size_t>();
}

result<message_head, refusal> parse_request_head(std::string_view head, const head_limits& limits)
{
    message_head parsed;
    const auto line = take_line(head);
    if (const auto bad = parse_request_line(line, limits, parsed))
    {
        return *bad;
    }
    if (const auto bad = parse_fields(head, limits.headers_max, parsed.fields))
    {
        return *bad;
    }
    if (const auto bad = parse_framing(parsed))
    {
        return *bad;
    }
    if (const auto bad = check_host(parsed))
    {
        return *bad;
    }
    if (const auto bad = parse_connection(parsed))
    {
        return *bad;
    }
    if (const auto expect = parsed.fields.find("Expect"))
    {
        if (!equal_ignoring_case(*expect, "100-continue"))
        {
            return bad_expectation;
        }
        parsed.expects_continue = parsed.minor_version == 1;
    }
    return parsed;
}

result<message_head, refusal> parse_response_head(std::string_view head,
                                                  std::string_view request_method,
                                                  const head_limits& limits)
{
    message_head parsed;
    const auto line = take_line(head);
    if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ') ||
        !std::all_of(line.begin() + 9, line.begin() + 12, is_digit) || line[9] == '0' ||
        parse_version(line.substr(0, 8), parsed.minor_version))
    {
        return bad_status_line;
    }
    parsed.status =
        static_cast<unsigned>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    if (const auto bad = parse_fields(head, limits.headers_max, parsed.fields))
    {
        return *bad;
    }
    if (const auto bad = parse_framing(parsed))
    {
        return *bad;
    }
    if (const auto bad = parse_connection(parsed))
    {
        return *bad;
    }
    const bool told = parsed.fields.count("Content-Length") > 0 || parsed.body == framing::chunked;
    if (request_method == "HEAD" || parsed.status < 200 || parsed.status == 204 ||
        parsed.status == 304)
    {
        parsed.body = framing::none;
    }
    else if (!told)
    {
        parsed.body = framing::until_close;
        parsed.keep_alive = false;
    }
    return parsed;
}

} // namespace hikyaku::http
