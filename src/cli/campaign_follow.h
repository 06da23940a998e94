#pragma once

#include <string>

#include "client_session.h"

namespace hikyaku::cli
{

/// Between two looks at the report.
inline constexpr milliseconds follow_interval{500};
/// How long a server that can't be reached (it restarts) is waited for.
inline constexpr milliseconds follow_patience{30'000};

/// Shows a campaign's progress until it is finished, cancelled or paused, or the user interrupts:
/// the campaign then goes on, and is told how to be stopped.
/// @returns 0 finished or interrupted, 1 cancelled or paused, 3 the server went away
[[nodiscard]] int follow_campaign(command_context& ctx, client_session& session,
                                  const std::string& id);

/// The counts of GET /v1/campaigns/{id}/report as aligned lines.
void print_report(command_context& ctx, const json::object& report);

} // namespace hikyaku::cli
