#include <hikyaku/shaping/concurrency_window.h>

#include <algorithm>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{

concurrency_window::concurrency_window(window_policy policy)
    : policy_(policy), size_(std::clamp(policy.initial, 1U, std::max(1U, policy.max)))
{
    HK_ASSERT(policy.max > 0);
}

void concurrency_window::on_success()
{
    failures_ = 0;
    deaf_ -= deaf_ > 0 ? 1 : 0;
    if (size_ >= policy_.max)
    {
        successes_ = 0;
        return;
    }
    if (++successes_ >= size_)
    {
        ++size_;
        successes_ = 0;
    }
}

void concurrency_window::on_failure()
{
    successes_ = 0;
    deaf_ -= deaf_ > 0 ? 1 : 0;
    if (++failures_ >= size_)
    {
        halve();
    }
}

void concurrency_window::on_throttled()
{
    successes_ = 0;
    if (deaf_ > 0)
    {
        --deaf_;
        return;
    }
    halve();
    deaf_ = size_;
}

void concurrency_window::set_policy(window_policy policy)
{
    HK_ASSERT(policy.max > 0);
    policy_ = policy;
    size_ = std::min(size_, policy.max);
}

void concurrency_window::halve()
{
    size_ = std::max(1U, size_ / 2);
    successes_ = 0;
    failures_ = 0;
}

} // namespace hikyaku::shaping
