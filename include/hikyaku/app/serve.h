#pragma once

#include <string>

namespace hikyaku::app
{

struct serve_options
{
    std::string config_file = "/etc/hikyaku/hikyaku.yaml";
    /// The operator accepts that acknowledged data is missing (after a damaged log).
    bool accept_gap = false;
};

/// Runs the daemon until SIGTERM or SIGINT. SIGHUP reloads the configuration and reopens the logs,
/// SIGUSR1 reopens the logs only. Tells systemd when it is ready, alive and stopping.
/// @returns the exit status: 0 after an orderly stop, 2 when the configuration is wrong, 1 when it
///          could not start; the reason is on standard error.
[[nodiscard]] int serve(const serve_options& options);

} // namespace hikyaku::app
