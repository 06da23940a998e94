#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <hikyaku/base/time.h>
#include <hikyaku/queue/types.h>

namespace hikyaku::feed
{

/// Dispositions per second, indexed by queue::disposition.
struct rate_view
{
    std::array<double, queue::dispositions_max> last_10s{};
    std::array<double, queue::dispositions_max> last_60s{};
    /// Since the start of the process. May count a fact twice that was written twice.
    std::array<std::uint64_t, queue::dispositions_max> total{};

    [[nodiscard]] double sum_10s() const noexcept;
    [[nodiscard]] double sum_60s() const noexcept;
};

/// Counts dispositions by the second in which they happened, for a minute. Facts that are older
/// than that (written again after a crash) count in the total only. Thread-safe.
class rates
{
public:
    static constexpr std::int64_t short_window_s = 10;
    static constexpr std::int64_t long_window_s = 60;

    void add(queue::disposition what, std::uint64_t count, wall_time at) noexcept;
    /// The whole seconds before the one that `now` lies in.
    [[nodiscard]] rate_view read(wall_time now) const noexcept;

private:
    /// One more than the window: the second under way has a place of its own.
    static constexpr std::size_t slots = 64;
    struct slot
    {
        std::int64_t second = -1;
        std::array<std::uint64_t, queue::dispositions_max> counts{};
    };

    mutable std::mutex mutex_;
    std::array<slot, slots> ring_{};
    std::array<std::uint64_t, queue::dispositions_max> total_{};
};

} // namespace hikyaku::feed
