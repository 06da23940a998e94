#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/dkim/verify.h>

namespace hikyaku::dkim
{

/// Key records by name; a name without a record is absent.
using key_records = std::map<std::string, std::string>;

/// libopendkim's opinion on each DKIM-Signature field, top down: pass, fail, or nullopt when it
/// could not judge (an algorithm its build lacks, a field it refuses). Any thread: every call has
/// its own library handle.
[[nodiscard]] std::vector<std::optional<verdict>> ask_opendkim(std::string_view message,
                                                               const key_records& records);

} // namespace hikyaku::dkim
