#include "server_address.h"

#include <hikyaku/config/load.h>

#include <unistd.h>

namespace hikyaku::cli
{
namespace
{

result<std::string, call_failure> url_of_enabled(const config::listener_settings& l,
                                                 const config::settings& s, const char* name,
                                                 const char* option)
{
    if (!l.enabled)
    {
        return call_failure{exit_usage, "The configuration has no " + std::string(name) +
                                            " listener: name the server with " + option + "."};
    }
    return url_of(l, s.hostname);
}

} // namespace

std::string option_or_variable(const command_context& ctx, const std::string& option,
                               const char* variable)
{
    if (!option.empty() || !ctx.where.variable)
    {
        return option;
    }
    return ctx.where.variable(variable).value_or("");
}

result<std::optional<config::settings>, call_failure> find_settings(const command_context& ctx)
{
    auto file = option_or_variable(ctx, ctx.connection.config_file, "HIKYAKU_CONFIG");
    if (file.empty())
    {
        if (::access(default_config_file, R_OK) != 0)
        {
            return std::optional<config::settings>();
        }
        file = default_config_file;
    }
    auto loaded = config::load(file);
    if (loaded.has_error())
    {
        return call_failure{exit_usage,
                            "the configuration is wrong\n" + config::to_string(loaded.error())};
    }
    return std::optional(std::move(*loaded));
}

std::string url_of(const config::listener_settings& l, const std::string& hostname)
{
    if (!l.unix_socket.empty() && ::access(l.unix_socket.c_str(), W_OK) == 0)
    {
        return "unix:" + l.unix_socket;
    }
    std::string host = l.address == "0.0.0.0" ? "127.0.0.1" : l.address == "::" ? "::1" : l.address;
    const bool secure = !l.tls_certificate.empty();
    if (secure && !hostname.empty())
    {
        host = hostname;
    }
    if (host.find(':') != std::string::npos)
    {
        host = "[" + host + "]";
    }
    return (secure ? "https://" : "http://") + host + ":" + std::to_string(l.port);
}

result<std::string, call_failure> find_tenant_url(const command_context& ctx)
{
    const auto given = option_or_variable(ctx, ctx.connection.url, "HIKYAKU_URL");
    if (!given.empty())
    {
        return given;
    }
    const auto settings = find_settings(ctx);
    if (settings.has_error())
    {
        return settings.error();
    }
    const auto s = settings->value_or(config::settings{});
    return url_of_enabled(s.api, s, "api", "--url or HIKYAKU_URL");
}

result<platform_address, call_failure> find_platform(const command_context& ctx)
{
    platform_address out;
    out.url = option_or_variable(ctx, ctx.connection.platform_url, "HIKYAKU_PLATFORM_URL");
    out.token_file = option_or_variable(ctx, ctx.connection.token_file, "HIKYAKU_TOKEN_FILE");
    if (!out.url.empty() && (!out.token_file.empty() || out.url.starts_with("unix:")))
    {
        return out;
    }
    const auto settings = find_settings(ctx);
    if (settings.has_error())
    {
        return settings.error();
    }
    const auto s = settings->value_or(config::settings{});
    const bool has_token = !out.token_file.empty() || !s.platform_token_file.empty();
    if (out.url.empty() && s.platform.enabled && !s.platform.unix_socket.empty() && !has_token)
    {
        // Also when it is not there now: "not reachable" is then the better answer.
        out.url = "unix:" + s.platform.unix_socket;
    }
    if (out.url.empty())
    {
        const auto url =
            url_of_enabled(s.platform, s, "platform", "--platform-url or HIKYAKU_PLATFORM_URL");
        if (url.has_error())
        {
            return url.error();
        }
        out.url = *url;
    }
    if (out.token_file.empty() && !out.url.starts_with("unix:"))
    {
        out.token_file = s.platform_token_file;
        if (out.token_file.empty())
        {
            return call_failure{exit_usage,
                                "No operator's token. Name its file with --token-file, "
                                "HIKYAKU_TOKEN_FILE or platform_token_file in the configuration, "
                                "or use the platform listener's Unix socket."};
        }
    }
    return out;
}

} // namespace hikyaku::cli
