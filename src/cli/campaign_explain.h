#pragma once

#include <string>

#include "command_context.h"

namespace hikyaku::cli
{

/// Prints why a recipient has no mail yet, or how it ended. @param whom  contact id, address or
/// number. @returns the exit status
[[nodiscard]] int explain_recipient(command_context& ctx, const std::string& campaign,
                                    const std::string& whom);

/// Rehearses a campaign and prints what would happen. @param what  "cmp_…", or a file as submit
/// takes it, of which a draft is made (or found, when it was made within a day). @returns the exit
/// status: 1 when messages can't be rendered or a start would be refused
[[nodiscard]] int dry_run_campaign(command_context& ctx, const std::string& what);

} // namespace hikyaku::cli
