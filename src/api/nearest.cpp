#include "nearest.h"

#include <algorithm>
#include <array>

namespace hikyaku::api
{
namespace
{

constexpr std::size_t text_bytes_max = 64;
constexpr std::size_t edits_max = 3;
constexpr std::size_t short_text_bytes = 4;

/// Levenshtein distance, one row at a time.
std::size_t count_edits(std::string_view a, std::string_view b)
{
    std::array<std::size_t, text_bytes_max + 1> row{};
    for (std::size_t j = 0; j <= b.size(); ++j)
    {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i)
    {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j)
        {
            const std::size_t above = row[j];
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above + 1, row[j - 1] + 1, change});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace

std::string find_nearest(std::string_view text, std::span<const std::string> among)
{
    std::string best;
    // Two swapped letters are two edits.
    const std::size_t allowed =
        text.size() < short_text_bytes ? 1 : std::max<std::size_t>(2, text.size() / 3);
    std::size_t least = std::min(edits_max, allowed) + 1;
    for (const auto& name : among)
    {
        if (text.size() > text_bytes_max || name.size() > text_bytes_max)
        {
            continue;
        }
        if (const auto edits = count_edits(text, name); edits < least)
        {
            least = edits;
            best = name;
        }
    }
    return best;
}

} // namespace hikyaku::api
