#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/bounce/report.h>

namespace hikyaku::bounce
{

/// One recipient's group of a delivery report (RFC 3464 section 2.3), as told.
struct status_group
{
    std::string final_recipient{};
    std::string original_recipient{};
    std::string action{};
    std::string status{};
    std::string diagnostic{};
    std::string remote_mta{};
};

/// The fields of a delivery report.
struct status_fields
{
    std::string reporting_mta{};
    std::vector<status_group> groups{};
};

/// Reads the text of a message/delivery-status part, or a text with its fields somewhere in it.
/// Lives with empty lines where none belong, groups that are not parted, lines that are not
/// folded. At most report_recipients_max groups.
[[nodiscard]] status_fields read_status(std::string_view text);

/// "failed", "delayed", … of an Action field as written, or "".
[[nodiscard]] std::string action_of(std::string_view value);

} // namespace hikyaku::bounce
