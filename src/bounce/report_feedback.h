#pragma once

#include <optional>

#include <hikyaku/bounce/report.h>

#include "report_view.h"

namespace hikyaku::bounce
{

/// A feedback report (RFC 5965), or a complaint in the older form of Hotmail's programme; nullopt
/// when the message is neither.
[[nodiscard]] std::optional<report> read_feedback(const report_view& view);

} // namespace hikyaku::bounce
