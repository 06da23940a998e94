#pragma once

#include <hikyaku/base/time.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace hikyaku::net
{

namespace asio = boost::asio;

/// One timer, on the thread of its io_context. One wait at a time. Destroying it cancels.
class timer
{
public:
    virtual ~timer() = default;

    /// When waits end; mono_time::max() is never. A wait under way is cancelled.
    virtual void expires_at(mono_time t) = 0;
    /// Ends a wait under way.
    virtual void cancel() = 0;
    /// @returns true when the time has come, false when it was cancelled.
    [[nodiscard]] virtual asio::awaitable<bool> wait() = 0;
    /// The same with a callback, called from the io_context.
    virtual void async_wait(std::function<void(bool)> done) = 0;
};

/// Makes timers: the seam to the passing of time. Agrees with the clock that the same code reads.
class sleeper
{
public:
    virtual ~sleeper() = default;
    /// The timer never expires until it is told when. `context` outlives it.
    [[nodiscard]] virtual std::unique_ptr<timer> make_timer(asio::io_context& context) = 0;
};

/// Timers of the machine's monotonic clock. Lives as long as the process; thread-safe.
[[nodiscard]] sleeper& system_sleeper() noexcept;

} // namespace hikyaku::net
