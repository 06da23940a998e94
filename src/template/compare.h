#pragma once

#include <compare>
#include <optional>

#include "machine.h"

namespace hikyaku::tmpl
{

/// Liquid's ==.
[[nodiscard]] bool equals(machine& m, const value& a, const value& b);
/// Liquid's contains.
[[nodiscard]] bool contains(machine& m, const value& a, const value& b);
/// Numbers with numbers, strings with strings, times with times (or strings that are times).
/// nullopt: there is no order between them.
[[nodiscard]] std::optional<std::strong_ordering> order(machine& m, const value& a, const value& b);
/// a < b and so on; false when either has no order at all (nil, true, arrays, ...). Fails when
/// both have one but not with each other ('a' < 1).
[[nodiscard]] bool compare(machine& m, comparison c, const value& a, const value& b);

} // namespace hikyaku::tmpl
