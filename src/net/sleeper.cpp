#include <hikyaku/net/sleeper.h>

#include <hikyaku/base/result.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hikyaku::net
{
namespace
{

class system_timer final : public timer
{
public:
    explicit system_timer(asio::io_context& context) : timer_(context, mono_time::max()) {}

    void expires_at(mono_time t) override { timer_.expires_at(t); }
    void cancel() override { timer_.cancel(); }
    asio::awaitable<bool> wait() override
    {
        error_code ec;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        co_return !ec;
    }
    void async_wait(std::function<void(bool)> done) override
    {
        timer_.async_wait([done = std::move(done)](const error_code& ec) { done(!ec); });
    }

private:
    asio::steady_timer timer_;
};

class machine_sleeper final : public sleeper
{
public:
    std::unique_ptr<timer> make_timer(asio::io_context& context) override
    {
        return std::make_unique<system_timer>(context);
    }
};

} // namespace

sleeper& system_sleeper() noexcept
{
    static machine_sleeper one;
    return one;
}

} // namespace hikyaku::net
