#pragma once

#include <span>
#include <string_view>

namespace hikyaku::bounce
{

/// conf/bounce-rules.yaml as lines "key value", written by cmake/embed_bounce_rules.cpp at build.
[[nodiscard]] std::span<const std::string_view> built_in_lines() noexcept;

} // namespace hikyaku::bounce
