#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "command_context.h"

#include <hikyaku/base/result.h>
#include <hikyaku/http/client.h>

namespace hikyaku::cli
{

/// Why a call gave nothing, and the exit status it stands for.
struct call_failure
{
    int exit = 1;
    /// For a person; says what to do next.
    std::string text;
};
/// Prints it. Returns its exit status.
int print_failure(command_context& ctx, const call_failure& f);

/// Writes one JSON value on a line of its own.
void print_json(command_context& ctx, const json::value& value);

/// A path segment, percent-encoded (RFC 3986 section 2.1).
[[nodiscard]] std::string encode_segment(std::string_view text);

/// An authenticated connection to the daemon. The address comes from the option, the environment
/// variable, the configuration (if there is one that can be read), or is the default one; so does
/// the credential.
class client_session
{
public:
    /// With the API key of a tenant. @error configuration, no key
    [[nodiscard]] static result<client_session, call_failure> open_tenant(command_context& ctx);
    /// With the operator's token; over a Unix socket none is needed. @error configuration, token
    [[nodiscard]] static result<client_session, call_failure> open_platform(command_context& ctx);

    /// Sends; answers beyond 2xx are failures.
    [[nodiscard]] result<http::response, call_failure> send(const http::client_request& r);
    /// GET; the body as JSON.
    [[nodiscard]] result<json::value, call_failure> get(std::string target);
    /// POST of JSON (or of nothing, when `body` is null).
    [[nodiscard]] result<json::value, call_failure>
    post(std::string target, const json::value& body, std::string idempotency_key = {});
    [[nodiscard]] result<json::value, call_failure> patch(std::string target,
                                                          const json::value& body);
    /// Every item of a list, page by page, at most `items_max`. @pre `target` has no query
    [[nodiscard]] result<std::vector<json::value>, call_failure>
    list(const std::string& target, std::size_t items_max = list_items_max);

    static constexpr std::size_t list_items_max = 100'000;

private:
    client_session(http::client c, std::string url) : client_(std::move(c)), url_(std::move(url)) {}
    [[nodiscard]] static result<client_session, call_failure>
    connect(command_context& ctx, std::string url, const std::string& credential);

    http::client client_;
    std::string url_;
};

} // namespace hikyaku::cli
