#pragma once

#include <optional>
#include <string>

#include "client_session.h"

#include <hikyaku/config/settings.h>

namespace hikyaku::cli
{

/// The option, or the environment variable, or "".
[[nodiscard]] std::string option_or_variable(const command_context& ctx, const std::string& option,
                                             const char* variable);

/// The configuration: named by --config or HIKYAKU_CONFIG it must be right; the default file may
/// be missing or not readable (nullopt).
/// @error exit_usage with every mistake
[[nodiscard]] result<std::optional<config::settings>, call_failure>
find_settings(const command_context& ctx);

/// How a client on this host reaches a listener: its Unix socket when it may write to it, else its
/// address; wildcard addresses by loopback; TLS by the host's name, which is in the certificate.
[[nodiscard]] std::string url_of(const config::listener_settings& l, const std::string& hostname);

/// @error exit_usage
[[nodiscard]] result<std::string, call_failure> find_tenant_url(const command_context& ctx);

struct platform_address
{
    std::string url;
    /// Empty: over the Unix socket none is needed.
    std::string token_file;
};
/// @error exit_usage
[[nodiscard]] result<platform_address, call_failure> find_platform(const command_context& ctx);

} // namespace hikyaku::cli
