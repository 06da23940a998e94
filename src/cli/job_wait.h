#pragma once

#include <functional>
#include <optional>
#include <string>

#include "client_session.h"
#include "command_context.h"

namespace hikyaku::cli
{

/// Looks at a job until it has ended, with `line_of` of it as a live line (not with --json).
/// Returns the job as the server tells it; nullopt when the user interrupted: it goes on there.
[[nodiscard]] result<std::optional<json::object>, call_failure>
await_job(command_context& ctx, client_session& session, const std::string& id,
          const std::function<std::string(const json::object& job)>& line_of);

} // namespace hikyaku::cli
