#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <exception>

namespace hikyaku::net
{

/// Counts the coroutines it starts, so that their owner can wait for their end before it dies.
///
/// One thread: that of the executor. An exception out of a coroutine is a bug: it is logged with
/// the coroutine's name, and the process aborts.
class task_group
{
public:
    explicit task_group(boost::asio::any_io_executor executor);
    /// @pre size() == 0
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts `task` on the executor. `name` is a literal. What `task` refers to outlives the
    /// group.
    void spawn(const char* name, boost::asio::awaitable<void> task);
    /// Ends when no task is left; a task started meanwhile is waited for too. Not from a task of
    /// the group itself. One waiter at a time.
    [[nodiscard]] boost::asio::awaitable<void> async_wait();

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    void on_end(const char* name, std::exception_ptr failure) noexcept;

    boost::asio::any_io_executor executor_;
    boost::asio::steady_timer empty_; // never expires; cancelled when the last task ends
    std::size_t size_ = 0;
};

} // namespace hikyaku::net
