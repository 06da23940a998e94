#pragma once

#include <string>
#include <string_view>

#include "document.h"

#include <hikyaku/shaping/shaping_table.h>

// The parts of shaping.yaml that say what to do about replies.
namespace hikyaku::config
{

/// `rules:` of a provider that the table has, or "" for all. Mistakes are told with their line.
void read_rules(document& doc, const YAML::Node& node, const std::string& path,
                std::string_view provider, shaping::shaping_table& out);
/// `adaptation:`
void read_adaptation(document& doc, const entry& section, shaping::shaping_table& out);
/// `mx_deny:`
void read_denied_mx(document& doc, const entry& section, shaping::shaping_table& out);

} // namespace hikyaku::config
