// Hands the fault rules in force to the workers.
#pragma once

#include "fault_plan.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace hikyaku::sink
{

/// The plan that control replaces while workers use the one they fetched. Thread-safe.
/// Not std::atomic<std::shared_ptr>: that of libstdc++ 12 has a data race (a load unlocks
/// with relaxed order).
class plan_holder
{
public:
    /// Shared: sessions keep the plan of their transaction while a new one is published.
    using plan_ptr = std::shared_ptr<const fault_plan>;

    explicit plan_holder(plan_ptr plan) : plan_(std::move(plan)) {}

    void publish(plan_ptr plan)
    {
        const std::scoped_lock lock(mutex_);
        plan_ = std::move(plan);
        version_.fetch_add(1, std::memory_order_release);
    }

    [[nodiscard]] plan_ptr get() const
    {
        const std::scoped_lock lock(mutex_);
        return plan_;
    }

    /// Replaces `mine` when it is not the newest any more; takes no lock when it is.
    void refresh(plan_ptr& mine, std::uint64_t& version) const
    {
        const auto newest = version_.load(std::memory_order_acquire);
        if (mine == nullptr || version != newest)
        {
            mine = get();
            version = newest;
        }
    }

private:
    mutable std::mutex mutex_;
    plan_ptr plan_;
    std::atomic<std::uint64_t> version_ = 0;
};

} // namespace hikyaku::sink
