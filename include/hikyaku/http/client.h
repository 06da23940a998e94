#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/http/response.h>

namespace hikyaku::http
{

struct client_options
{
    milliseconds connect_timeout{10'000};
    /// Longest silence while sending or receiving.
    milliseconds io_timeout{60'000};
    /// PEM of the trusted CAs for https; empty: the system's.
    std::filesystem::path ca_file{};
    /// Responses held in memory; more is a failure. Not for save_to and on_line.
    std::size_t body_bytes_max = 64u << 20;
    /// Sent with every request ("Authorization").
    std::vector<std::pair<std::string, std::string>> headers{};
};

/// One request of the client.
struct client_request
{
    std::string method = "GET";
    /// Origin form, already percent-encoded: "/v1/contacts?limit=10".
    std::string target = "/";
    std::vector<std::pair<std::string, std::string>> headers{};
    /// Empty: no Content-Type.
    std::string content_type{};
    std::string body{};
    /// Not empty: sent instead of body, with bounded memory.
    std::filesystem::path body_file{};
    /// Not empty: a 2xx body goes to this file instead of response::body.
    std::filesystem::path save_to{};
    /// Set: a 2xx body is given line by line, without the line end, as it arrives; false stops.
    /// A line longer than client::line_bytes_max is a failure.
    std::function<bool(std::string_view line)> on_line{};
};

/// A synchronous HTTP/1.1 client that keeps its connection: for the command line and tests.
/// One thread at a time. Never follows redirects, never repeats a request that may have had an
/// effect: only when a kept connection turns out dead before any byte of the answer, and the
/// method is GET, HEAD, PUT, DELETE or OPTIONS, it connects again once.
class client
{
public:
    static constexpr std::size_t line_bytes_max = 1u << 20;

    /// `url`: "http://host:port", "https://host:port" or "unix:/path". A path after the port
    /// is refused. Connects at the first request.
    /// @error a sentence about what is wrong in the URL
    [[nodiscard]] static result<client, failure> make(std::string_view url,
                                                      client_options options = {});
    client(client&&) noexcept;
    client& operator=(client&&) noexcept;
    ~client();

    /// Sends and waits for the answer, whatever its status.
    /// @error no connection, TLS not trusted, timeout, malformed answer: a sentence
    [[nodiscard]] result<response, failure> send(const client_request& what);

    /// GET target.
    [[nodiscard]] result<response, failure> get(std::string target);
    /// POST a JSON value.
    [[nodiscard]] result<response, failure> post(std::string target, const json::value& value);

private:
    class impl;
    explicit client(std::unique_ptr<impl> i);
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::http
