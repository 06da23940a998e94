#pragma once

#include "command_context.h"

namespace hikyaku::cli
{

/// `sessions` and `trace SITE`: SMTP as it goes on.
void add_trace_commands(CLI::App& root, command_context& ctx);

} // namespace hikyaku::cli
