#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku::http
{

/// Where a client connects.
struct client_url
{
    bool secure = false;
    /// Without the brackets of an IPv6 literal.
    std::string host;
    std::string port;
    /// Not empty: a Unix socket.
    std::filesystem::path unix_socket;

    /// The value of Host (RFC 9110 section 7.2).
    [[nodiscard]] std::string authority() const;
};

/// @error a sentence about what is wrong
[[nodiscard]] result<client_url, failure> parse_client_url(std::string_view url);

} // namespace hikyaku::http
