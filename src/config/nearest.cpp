#include "nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace hikyaku::config
{
namespace
{

/// The cost is the product of the lengths: longer names are not compared.
constexpr std::size_t name_bytes_max = 128;
/// A third of the letters may differ, two in short names (swapped letters are two changes), one in
/// very short ones.
constexpr std::size_t changes_min = 2;
constexpr std::size_t very_short = 4;
constexpr std::size_t letters_per_change = 3;

std::size_t count_changes(std::string_view from, std::string_view to)
{
    std::vector<std::size_t> above(to.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    std::vector<std::size_t> current(to.size() + 1);
    for (std::size_t i = 0; i < from.size(); ++i)
    {
        current[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j)
        {
            const std::size_t replaced = above[j] + (from[i] == to[j] ? 0 : 1);
            current[j + 1] = std::min({replaced, above[j + 1] + 1, current[j] + 1});
        }
        std::swap(above, current);
    }
    return above[to.size()];
}

} // namespace

const std::string* find_nearest(std::string_view name, std::span<const std::string> names)
{
    if (name.size() > name_bytes_max)
    {
        return nullptr;
    }
    const std::string* best = nullptr;
    std::size_t best_changes =
        std::max(name.size() < very_short ? 1 : changes_min, name.size() / letters_per_change) + 1;
    for (const auto& candidate : names)
    {
        const std::size_t changes = count_changes(name, candidate);
        if (changes < best_changes && changes < candidate.size())
        {
            best_changes = changes;
            best = &candidate;
        }
    }
    return best;
}

} // namespace hikyaku::config
