#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/queue/fact.h>

namespace hikyaku::feed
{

/// Where a line comes from: its `seq` is "<block>.<index>", the same whenever it is written again.
struct fact_place
{
    std::uint64_t block = 0;
    std::size_t index = 0;
};

/// Appends `"text"` as a JSON string. Control characters and quotes are escaped, bytes that are not
/// UTF-8 become \ufffd, and so do the line ends U+2028 and U+2029 as their escapes: the result is
/// one line of valid JSON whatever the text holds.
void append_json_string(std::string& out, std::string_view text);

/// Appends RFC 3339 with milliseconds and the offset: "2026-11-24T09:00:00.000+09:00".
void append_rfc3339(std::string& out, wall_time t, int offset_minutes);

/// Appends the line of one fact, with its line end. Keys and their order: API.md "Logs"; what may
/// be absent: src/feed/README.md. `tenant_text` is "tnt_…". Pure.
void append_log_line(std::string& out, std::string_view tenant_text, const fact_place& place,
                     const queue::fact& f, int offset_minutes);

} // namespace hikyaku::feed
