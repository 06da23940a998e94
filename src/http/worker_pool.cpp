#include "worker_pool.h"

#include <utility>

namespace hikyaku::http
{

worker_pool::worker_pool(std::size_t threads, std::size_t queued_max) : queued_max_(queued_max)
{
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i)
    {
        threads_.emplace_back([this] { run_jobs(); });
    }
}

worker_pool::~worker_pool()
{
    stop();
}

bool worker_pool::post(std::function<void()> job)
{
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= queued_max_)
        {
            return false;
        }
        queue_.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void worker_pool::stop()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_)
    {
        thread.join();
    }
    threads_.clear();
}

void worker_pool::run_jobs()
{
    std::unique_lock lock(mutex_);
    while (true)
    {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty())
        {
            return;
        }
        auto job = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
    }
}

} // namespace hikyaku::http
