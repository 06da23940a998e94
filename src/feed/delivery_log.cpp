#include <hikyaku/feed/delivery_log.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "log_writer.h"

namespace hikyaku::feed
{

class delivery_log::impl
{
public:
    impl(store::database& db, const delivery_log_options& options)
        : interval_(options.cursor_interval), writer_(db, options),
          waiting_(options.waiting_bytes_max), thread_(&impl::run, this)
    {
    }
    ~impl()
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    void push(settled_block block)
    {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push(std::move(block));
        }
        wake_.notify_one();
    }
    void reopen()
    {
        {
            const std::lock_guard lock(mutex_);
            reopen_asked_ = true;
        }
        wake_.notify_one();
    }
    bool flush()
    {
        std::unique_lock lock(mutex_);
        const auto ticket = ++flush_asked_;
        wake_.notify_one();
        flushed_.wait(lock, [&] { return flush_done_ >= ticket; });
        return !flush_failed_;
    }
    delivery_log_stats stats() const
    {
        const std::lock_guard lock(mutex_);
        return {writer_.lines, writer_.blocks_read_back, writer_.blocks_skipped,
                writer_.write_failures, waiting_.bytes()};
    }

private:
    using steady = std::chrono::steady_clock;

    /// What one turn of the thread has to do.
    struct turn
    {
        waiting_blocks blocks;
        bool reopen = false;
        bool stop = false;
        std::uint64_t flush = 0;
    };

    [[nodiscard]] bool asked() const
    {
        return !waiting_.empty() || reopen_asked_ || stopping_ || flush_asked_ != flush_done_;
    }
    turn wait_for_work(bool behind, steady::time_point next_save)
    {
        std::unique_lock lock(mutex_);
        if (writer_.broken())
        {
            // What arrives is read back later; blocks beyond the limit are only counted.
            wake_.wait_until(lock, next_save,
                             [&] { return stopping_.load() || flush_asked_ != flush_done_; });
        }
        else if (writer_.dirty())
        {
            wake_.wait_until(lock, next_save, [&] { return behind || asked(); });
        }
        else
        {
            wake_.wait(lock, [&] { return behind || asked(); });
        }
        turn t{waiting_.take(), reopen_asked_, stopping_, flush_asked_};
        reopen_asked_ = false;
        return t;
    }
    void run()
    {
        bool behind = true;
        auto next_save = steady::now() + interval_;
        while (true)
        {
            const turn t = wait_for_work(behind, next_save);
            const bool due = steady::now() >= next_save;
            if (writer_.broken() && (due || t.flush != flush_done_ || t.stop))
            {
                writer_.repair();
            }
            writer_.write(t.blocks, stopping_);
            behind = !t.stop && writer_.catch_up();
            if (t.reopen)
            {
                writer_.reopen();
            }
            const bool answer = t.flush != flush_done_ && !behind;
            if (due || answer || t.stop)
            {
                writer_.save(answer || t.stop);
                next_save = steady::now() + interval_;
            }
            if (answer || t.stop)
            {
                finish_flush(t.flush);
            }
            if (t.stop)
            {
                return;
            }
        }
    }
    void finish_flush(std::uint64_t ticket)
    {
        {
            const std::lock_guard lock(mutex_);
            flush_failed_ = writer_.broken();
            flush_done_ = ticket;
        }
        flushed_.notify_all();
    }

    const std::chrono::milliseconds interval_;
    log_writer writer_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable flushed_;
    waiting_blocks waiting_;
    bool reopen_asked_ = false;
    /// Set under the mutex; read without it while blocks are written.
    std::atomic<bool> stopping_{false};
    std::uint64_t flush_asked_ = 0;
    /// Written by the thread only, under the mutex.
    std::uint64_t flush_done_ = 0;
    bool flush_failed_ = false;
    /// Last: it uses everything above.
    std::thread thread_;
};

delivery_log::delivery_log(store::database& db, delivery_log_options options)
    : impl_(std::make_unique<impl>(db, options))
{
}

delivery_log::~delivery_log() = default;

void delivery_log::on_settled(tenant_id tenant, std::uint64_t fact_seq,
                              std::shared_ptr<const std::string> block)
{
    impl_->push({tenant, fact_seq, std::move(block)});
}

void delivery_log::reopen()
{
    impl_->reopen();
}

bool delivery_log::flush()
{
    return impl_->flush();
}

delivery_log_stats delivery_log::stats() const
{
    return impl_->stats();
}

} // namespace hikyaku::feed
