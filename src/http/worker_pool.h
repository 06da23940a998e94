#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hikyaku::http
{

/// Threads that run jobs in the order they came, with a bounded queue.
///
/// Invariant: waiting jobs <= queued_max. Jobs must not throw. Thread-safe.
class worker_pool
{
public:
    worker_pool(std::size_t threads, std::size_t queued_max);
    /// Runs what is queued, then joins.
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    /// @returns false when the queue is full or the pool stops: the job was not taken
    [[nodiscard]] bool post(std::function<void()> job);
    /// Runs what is queued, then joins the threads. Idempotent.
    void stop();

private:
    void run_jobs();

    const std::size_t queued_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace hikyaku::http
