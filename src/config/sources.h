#pragma once

#include <hikyaku/config/settings.h>
#include <hikyaku/shaping/source_table.h>

namespace hikyaku::config
{

/// The table of the sources and pools that settings name.
[[nodiscard]] result<shaping::source_table, shaping::source_errors>
build_source_table(const settings& s);

} // namespace hikyaku::config
