#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hikyaku::net
{

struct blocking_pool_options
{
    std::size_t threads = 2;
    std::size_t queue_max = 1024;
    /// No threads: jobs run in run_one(). For simulated worlds.
    bool by_hand = false;
};

/// A fixed number of threads for work that blocks or is long: bcrypt, parsing, disk. Thread-safe.
/// An exception out of a job is a bug: logged, and the process aborts.
class blocking_pool
{
public:
    using job = std::function<void()>;

    /// Starts the threads. @throws std::system_error: start-up only.
    explicit blocking_pool(const blocking_pool_options& options);
    /// stop()
    ~blocking_pool();
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// False when the queue is full or the pool stops: the job will not run.
    [[nodiscard]] bool post(job work);
    /// Takes no more jobs, runs the queued ones, joins the threads. Idempotent; not from a job.
    void stop();

    [[nodiscard]] std::size_t queued() const;
    /// By hand: runs the oldest job on this thread. False: there is none. What is still queued at
    /// stop() does not run.
    bool run_one();

private:
    void run();

    const std::size_t queue_max_;
    const bool by_hand_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<job> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace hikyaku::net
