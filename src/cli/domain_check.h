#pragma once

#include "command_context.h"

namespace hikyaku::cli
{

/// "domain check" and "domain rotate", below the group "domain".
void add_domain_check_commands(CLI::App& group, command_context& ctx);

} // namespace hikyaku::cli
