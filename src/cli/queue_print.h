#pragma once

#include "command_context.h"

#include <hikyaku/base/json.h>

namespace hikyaku::cli
{

/// The answer of GET /platform/v1/queue for a person: sites, what limits them and why, campaigns.
void print_queue(command_context& ctx, const json::object& q);

/// Adaptations as a table: what is (or was) lowered or suspended, for whom, why and until when.
/// @param with_phase  a history: whether each began, changed or ended
void print_adaptations(command_context& ctx, const json::array& all, bool with_phase);

} // namespace hikyaku::cli
