#include <hikyaku/net/blocking_pool.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <exception>
#include <utility>

namespace hikyaku::net
{
namespace
{

void run_job(const blocking_pool::job& work) noexcept
{
    try
    {
        work();
        return;
    }
    catch (const std::exception& e)
    {
        log::error("blocking_job_failed", {{"what", e.what()}});
    }
    catch (...)
    {
        log::error("blocking_job_failed", {{"what", "not a std::exception"}});
    }
    assert_failed("an exception left a blocking job", __FILE__, __LINE__);
}

} // namespace

blocking_pool::blocking_pool(const blocking_pool_options& options)
    : queue_max_(options.queue_max), by_hand_(options.by_hand)
{
    HK_ASSERT(options.threads > 0 && options.queue_max > 0);
    if (by_hand_)
    {
        return;
    }
    threads_.reserve(options.threads);
    for (std::size_t i = 0; i < options.threads; ++i)
    {
        threads_.emplace_back(&blocking_pool::run, this);
    }
}

blocking_pool::~blocking_pool()
{
    stop();
}

bool blocking_pool::post(job work)
{
    HK_ASSERT(work != nullptr);
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= queue_max_)
        {
            return false;
        }
        queue_.push_back(std::move(work));
    }
    ready_.notify_one();
    return true;
}

void blocking_pool::stop()
{
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        threads.swap(threads_);
    }
    ready_.notify_all();
    for (auto& t : threads)
    {
        t.join();
    }
}

std::size_t blocking_pool::queued() const
{
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

bool blocking_pool::run_one()
{
    HK_ASSERT(by_hand_);
    job work;
    {
        const std::lock_guard lock(mutex_);
        if (queue_.empty())
        {
            return false;
        }
        work = std::move(queue_.front());
        queue_.pop_front();
    }
    run_job(work);
    return true;
}

void blocking_pool::run()
{
    std::unique_lock lock(mutex_);
    while (true)
    {
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty())
        {
            return;
        }
        job work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        run_job(work);
        work = nullptr; // its captures end before the lock is taken again
        lock.lock();
    }
}

} // namespace hikyaku::net
