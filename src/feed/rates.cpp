#include <hikyaku/feed/rates.h>

#include <chrono>
#include <numeric>

namespace hikyaku::feed
{
namespace
{

std::int64_t second_of(wall_time t) noexcept
{
    return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

} // namespace

double rate_view::sum_10s() const noexcept
{
    return std::accumulate(last_10s.begin(), last_10s.end(), 0.0);
}

double rate_view::sum_60s() const noexcept
{
    return std::accumulate(last_60s.begin(), last_60s.end(), 0.0);
}

void rates::add(queue::disposition what, std::uint64_t count, wall_time at) noexcept
{
    const auto index = static_cast<std::size_t>(what);
    const auto second = second_of(at);
    if (index >= queue::dispositions_max || second < 0)
    {
        return;
    }
    const std::lock_guard lock(mutex_);
    total_[index] += count;
    auto& place = ring_[static_cast<std::size_t>(second) % slots];
    if (place.second > second)
    {
        return; // older than the ring, or the clock was set back
    }
    if (place.second != second)
    {
        place = {second, {}};
    }
    place.counts[index] += count;
}

rate_view rates::read(wall_time now) const noexcept
{
    const auto current = second_of(now);
    rate_view view;
    const std::lock_guard lock(mutex_);
    view.total = total_;
    for (const auto& place : ring_)
    {
        const auto age = current - place.second;
        for (std::size_t d = 0; d < queue::dispositions_max; ++d)
        {
            const auto n = static_cast<double>(place.counts[d]);
            view.last_10s[d] += age >= 1 && age <= short_window_s ? n : 0;
            view.last_60s[d] += age >= 1 && age <= long_window_s ? n : 0;
        }
    }
    for (std::size_t d = 0; d < queue::dispositions_max; ++d)
    {
        view.last_10s[d] /= static_cast<double>(short_window_s);
        view.last_60s[d] /= static_cast<double>(long_window_s);
    }
    return view;
}

} // namespace hikyaku::feed
