#include "nearest.h"

#include <algorithm>
#include <vector>

namespace hikyaku::segment
{

namespace
{

// Longer names are not compared: the cost is the product of the lengths.
constexpr std::size_t name_bytes_max = 128;

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
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
            row[j] = std::min({change, above + 1, row[j - 1] + 1});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace

std::string_view find_nearest(std::string_view name, std::span<const std::string> names)
{
    if (name.size() > name_bytes_max)
    {
        return {};
    }
    std::string_view best;
    // Two swapped letters are two changes.
    std::size_t least = std::max<std::size_t>(name.size() < 4 ? 1 : 2, name.size() / 3) + 1;
    for (const std::string& candidate : names)
    {
        if (candidate.size() > name_bytes_max)
        {
            continue;
        }
        if (const std::size_t d = distance(name, candidate); d < least)
        {
            least = d;
            best = candidate;
        }
    }
    return best;
}

} // namespace hikyaku::segment
