#pragma once

#include <string>

#include <hikyaku/bounce/classifier.h>

namespace hikyaku::bounce
{

/// Tries what a rule's `matches` and `others` say. @returns the first that fails, in words; "" when
/// all hold
[[nodiscard]] std::string try_samples(const classifier& c, const reply_rule& rule);

} // namespace hikyaku::bounce
