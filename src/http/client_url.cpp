#include "client_url.h"

#include <algorithm>

namespace hikyaku::http
{
namespace
{

failure explain(std::string_view url, std::string_view why)
{
    return {"\"" + std::string(url) + "\": " + std::string(why)};
}

bool is_port(std::string_view text)
{
    return !text.empty() && text.size() <= 5 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](char c)
                                        {
                                            return (c >= '0' && c <= '9') ||
                                                   (c >= 'a' && c <= 'z') ||
                                                   (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
                                                   c == ':' || c == '_' || c == '%';
                                        });
}

} // namespace

std::string client_url::authority() const
{
    if (!unix_socket.empty())
    {
        return "localhost";
    }
    const bool literal = host.find(':') != std::string::npos;
    return (literal ? "[" + host + "]" : host) + ":" + port;
}

result<client_url, failure> parse_client_url(std::string_view url)
{
    client_url parsed;
    if (url.starts_with("unix:"))
    {
        parsed.unix_socket = std::string(url.substr(5));
        return parsed.unix_socket.is_absolute()
                   ? result<client_url, failure>(parsed)
                   : explain(url, "unix: needs an absolute path after it");
    }
    parsed.secure = url.starts_with("https://");
    if (!parsed.secure && !url.starts_with("http://"))
    {
        return explain(url, "must begin with http://, https:// or unix:");
    }
    auto rest = url.substr(parsed.secure ? 8 : 7);
    if (rest.ends_with('/'))
    {
        rest.remove_suffix(1);
    }
    const bool literal = rest.starts_with('[');
    const auto host_end = literal ? rest.find(']') : std::min(rest.find(':'), rest.size());
    if (host_end == std::string_view::npos)
    {
        return explain(url, "the IPv6 address has no ]");
    }
    parsed.host = literal ? rest.substr(1, host_end - 1) : rest.substr(0, host_end);
    rest.remove_prefix(host_end + (literal ? 1 : 0));
    parsed.port = parsed.secure ? "443" : "80";
    if (rest.starts_with(':'))
    {
        parsed.port = rest.substr(1);
        rest = {};
    }
    if (!rest.empty() || !is_host(parsed.host) || !is_port(parsed.port))
    {
        return explain(url, "must be a scheme, a host and a port, and nothing else");
    }
    return parsed;
}

} // namespace hikyaku::http
