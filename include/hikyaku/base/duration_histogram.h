#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hikyaku
{

/// Counts durations in fixed buckets for a metric. Adding is two relaxed increments; any thread.
class duration_histogram
{
public:
    /// Upper bounds in microseconds; one more bucket holds the rest.
    static constexpr std::array<std::uint64_t, 14> bounds_us = {
        50,     100,    250,     500,     1'000,     2'500,     5'000,
        10'000, 50'000, 250'000, 500'000, 1'000'000, 5'000'000, 60'000'000};

    struct view
    {
        std::array<std::uint64_t, bounds_us.size() + 1> counts{};
        std::uint64_t count = 0;
        double sum_s = 0;
    };

    void add(std::chrono::microseconds took) noexcept
    {
        const auto us = static_cast<std::uint64_t>(took.count() < 0 ? 0 : took.count());
        std::size_t i = 0;
        while (i < bounds_us.size() && us > bounds_us[i])
        {
            ++i;
        }
        counts_[i].fetch_add(1, std::memory_order_relaxed);
        sum_us_.fetch_add(us, std::memory_order_relaxed);
    }
    [[nodiscard]] view read() const noexcept
    {
        view v;
        for (std::size_t i = 0; i < counts_.size(); ++i)
        {
            v.counts[i] = counts_[i].load(std::memory_order_relaxed);
            v.count += v.counts[i];
        }
        v.sum_s = static_cast<double>(sum_us_.load(std::memory_order_relaxed)) / 1e6;
        return v;
    }

private:
    std::array<std::atomic<std::uint64_t>, bounds_us.size() + 1> counts_{};
    std::atomic<std::uint64_t> sum_us_{0};
};

} // namespace hikyaku
