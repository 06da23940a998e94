#include <hikyaku/shaping/source_choice.h>

#include <algorithm>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{

source_rotation::source_rotation(const pool_rule& pool)
{
    seats_.reserve(pool.shares.size());
    for (const pool_share& share : pool.shares)
    {
        HK_ASSERT(share.weight > 0);
        seats_.push_back({share, 0, false});
    }
}

bool source_rotation::has(std::size_t source) const noexcept
{
    return std::any_of(seats_.begin(), seats_.end(),
                       [&](const seat& s) { return s.share.source == source; });
}

void source_rotation::forget_absent() noexcept
{
    for (seat& s : seats_)
    {
        if (!s.here)
        {
            s.credit = 0;
        }
    }
}

} // namespace hikyaku::shaping
