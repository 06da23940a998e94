#include "response_head.h"

#include <hikyaku/http/fields.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "wire.h"

namespace hikyaku::http
{
namespace
{

/// The server alone decides these.
constexpr std::string_view own_headers[] = {
    "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Content-Type",
    "Date",           "X-Request-Id",      "Server",     "Trailer",    "Upgrade"};

void add(std::string& out, std::string_view name, std::string_view value)
{
    out.append(name).append(": ");
    for (const char c : value)
    {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(byte < ' ' || byte == 0x7F ? ' ' : c);
    }
    out.append("\r\n");
}

bool is_own(std::string_view name) noexcept
{
    return std::any_of(std::begin(own_headers), std::end(own_headers),
                       [&](std::string_view own) { return equal_ignoring_case(own, name); });
}

void add_framing(std::string& out, const response& r, const response_frame& frame)
{
    if (!has_no_body(r.status))
    {
        if (frame.length)
        {
            add(out, "Content-Length", std::to_string(*frame.length));
        }
        else if (frame.minor_version == 1)
        {
            add(out, "Transfer-Encoding", "chunked");
        }
    }
    if (!frame.keep_alive)
    {
        add(out, "Connection", "close");
    }
    else if (frame.minor_version == 0)
    {
        add(out, "Connection", "keep-alive");
    }
}

} // namespace

bool has_no_body(unsigned status) noexcept
{
    return status < 200 || status == 204 || status == 304;
}

std::string format_http_date(wall_time t)
{
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto unix_seconds = static_cast<std::time_t>(to_unix_ms(t) / 1000);
    std::tm parts{};
    gmtime_r(&unix_seconds, &parts);
    std::array<char, 64> text{};
    const auto size =
        std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                      months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                      parts.tm_hour, parts.tm_min, parts.tm_sec);
    return std::string(text.data(), static_cast<std::size_t>(size));
}

std::string make_response_head(const response& r, const response_frame& frame)
{
    std::string out = "HTTP/1.1 " + std::to_string(r.status) + " ";
    out.append(reason_phrase(r.status)).append("\r\n");
    add(out, "Date", format_http_date(frame.now));
    add(out, "X-Request-Id", frame.request_id);
    add(out, "X-Content-Type-Options", "nosniff");
    if (!r.find_header("Cache-Control"))
    {
        add(out, "Cache-Control", "no-store");
    }
    if (!r.content_type.empty())
    {
        add(out, "Content-Type", r.content_type);
    }
    for (const auto& [name, value] : r.headers)
    {
        if (is_token(name) && !is_own(name) && !equal_ignoring_case(name, "X-Content-Type-Options"))
        {
            add(out, name, value);
        }
    }
    add_framing(out, r, frame);
    out.append("\r\n");
    return out;
}

} // namespace hikyaku::http
