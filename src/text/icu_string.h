#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include <unicode/stringpiece.h>

#include <hikyaku/base/assert.h>

namespace hikyaku::text
{

/// ICU counts in int32_t: longer text is a caller's bug (every input of ours has a far lower
/// limit).
[[nodiscard]] inline std::int32_t to_icu_size(std::size_t size)
{
    HK_ASSERT(size <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
    return static_cast<std::int32_t>(size);
}

[[nodiscard]] inline icu::StringPiece to_piece(std::string_view s)
{
    return {s.data(), to_icu_size(s.size())};
}

} // namespace hikyaku::text
