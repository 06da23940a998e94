#pragma once

#include <string>
#include <unordered_set>

#include <hikyaku/bounce/reply_rule.h>

namespace hikyaku::bounce
{

/// What is wrong with a rule by itself; empty when nothing is. Expressions are not looked at.
/// @param names  of the rules before; gets this one's
[[nodiscard]] std::string fault_of(const reply_rule& rule, std::unordered_set<std::string>& names);

} // namespace hikyaku::bounce
