#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/json.h>
#include <hikyaku/crm/csv.h>

#include "import_batch.h"

namespace hikyaku::crm
{

/// Where an import goes on after a restart: jobs::checkpoint::resume (FORMAT.md).
struct import_checkpoint
{
    csv_parser::position at;
    /// Valid bytes of the error file.
    std::uint64_t reject_bytes = 0;
    import_counts counts;
};

[[nodiscard]] std::string encode_checkpoint(const import_checkpoint& c);
/// nullopt when the bytes are damaged or of another version.
[[nodiscard]] std::optional<import_checkpoint> decode_checkpoint(std::string_view bytes);

/// The job's counts as people see them.
[[nodiscard]] json::object to_json(const import_counts& c,
                                   const std::vector<std::string>& warnings);

} // namespace hikyaku::crm
