#pragma once

#include <csignal>
#include <optional>

#include "command_context.h"

namespace hikyaku::cli
{

/// While it lives, SIGINT and SIGTERM don't end the process: wait() tells of them. One at a time;
/// threads started meanwhile inherit the mask.
class interruption
{
public:
    interruption();
    ~interruption();
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;

    /// Sleeps. True when a signal came, before or meanwhile.
    [[nodiscard]] bool wait(milliseconds length) const;

private:
    sigset_t signals_{};
    sigset_t before_{};
};

/// Sleeps between two polls: as the environment says, or until a signal.
class poll_pause
{
public:
    explicit poll_pause(command_context& ctx);
    /// True when the user asked to stop.
    [[nodiscard]] bool wait(milliseconds length);

private:
    command_context& ctx_;
    std::optional<interruption> real_;
};

} // namespace hikyaku::cli
