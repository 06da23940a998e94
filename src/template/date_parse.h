#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/template/renderer.h>

namespace hikyaku::tmpl
{

/// A point in time and the zone it is shown in.
struct moment
{
    std::int64_t unix_ms = 0;
    int offset_minutes = 0;
    /// It is in the rendering's zone: %Z prints that zone's name.
    bool in_clock_zone = true;
};

/// What the date filter takes: times, seconds since 1970 (as number or digits), 'now', 'today',
/// RFC 3339, ISO and slashed dates, 2026年3月1日, "March 14, 2016", "14 Mar 2016 10:00 PM".
/// A time without zone is in the clock's. nullopt: no date.
[[nodiscard]] std::optional<moment> to_date(const value& v, const render_clock& clock);

/// Ruby's strftime: flags - 0 ^ _ # :, widths. Unknown directives stay as they are.
void append_strftime(std::string& out, std::string_view format, const moment& t,
                     std::string_view zone_name);

} // namespace hikyaku::tmpl
