#include <hikyaku/net/task_group.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace hikyaku::net
{

namespace asio = boost::asio;

task_group::task_group(asio::any_io_executor executor)
    : executor_(std::move(executor)), empty_(executor_)
{
}

task_group::~task_group()
{
    HK_ASSERT(size_ == 0);
}

void task_group::spawn(const char* name, asio::awaitable<void> task)
{
    ++size_;
    asio::co_spawn(executor_, std::move(task),
                   [this, name](std::exception_ptr failure) { on_end(name, std::move(failure)); });
}

void task_group::on_end(const char* name, std::exception_ptr failure) noexcept
{
    if (failure)
    {
        try
        {
            std::rethrow_exception(failure);
        }
        catch (const std::exception& e)
        {
            log::error("task_failed", {{"task", name}, {"what", e.what()}});
        }
        catch (...)
        {
            log::error("task_failed", {{"task", name}, {"what", "not a std::exception"}});
        }
        assert_failed("an exception left a coroutine", __FILE__, __LINE__);
    }
    HK_ASSERT(size_ > 0);
    --size_;
    if (size_ == 0)
    {
        empty_.cancel();
    }
}

asio::awaitable<void> task_group::async_wait()
{
    while (size_ > 0)
    {
        empty_.expires_at(asio::steady_timer::time_point::max());
        boost::system::error_code cancelled;
        co_await empty_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
}

} // namespace hikyaku::net
