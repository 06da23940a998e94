// Words in SMTP commands.
#pragma once

#include <algorithm>
#include <string_view>

namespace hikyaku::sink
{

/// Does `text` contain `word`, ASCII case ignored?
[[nodiscard]] inline bool contains_word(std::string_view text, std::string_view word)
{
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

} // namespace hikyaku::sink
