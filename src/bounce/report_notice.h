#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report_view.h"

namespace hikyaku::bounce
{

/// A recipient that a notice names, and the reason beside it.
struct noticed_recipient
{
    std::string address;
    std::string reason;
};

/// Who a notice names as the ones that failed; empty when it names nobody.
/// @param strangers  addresses that are never it: the report's own, the original's sender
[[nodiscard]] std::vector<noticed_recipient>
find_recipients(std::string_view notice, const original_message& original,
                const std::vector<std::string>& strangers);

/// The lines that tell why `address` failed: those behind it, else those with a reply code, else
/// the first that says that something failed; at most a few. "" when there is nothing of the kind.
[[nodiscard]] std::string find_reason(std::string_view notice, std::string_view address);

} // namespace hikyaku::bounce
