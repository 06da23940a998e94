#include "virtual_time.h"

#include <hikyaku/base/assert.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace hikyaku::sim
{
namespace
{

/// Waits on a timer of the loop that never expires; the agenda ends the wait.
class virtual_timer final : public net::timer
{
public:
    virtual_timer(asio::io_context& context, virtual_time& time)
        : time_(time), state_(std::make_shared<state>(context))
    {
    }
    ~virtual_timer() override { cancel(); }

    void expires_at(mono_time t) override
    {
        state_->expired = false;
        ++state_->round;
        state_->bell.cancel();
        if (t == mono_time::max())
        {
            return;
        }
        time_.at(t,
                 [weak = std::weak_ptr<state>(state_), round = state_->round]
                 {
                     const auto s = weak.lock();
                     if (s && s->round == round)
                     {
                         s->expired = true;
                         s->bell.cancel();
                     }
                 });
    }
    void cancel() override { state_->bell.cancel(); }
    asio::awaitable<bool> wait() override
    {
        const auto s = state_;
        if (!s->expired)
        {
            error_code ec;
            co_await s->bell.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        }
        co_return s->expired;
    }
    void async_wait(std::function<void(bool)> done) override
    {
        HK_ASSERT(!state_->expired);
        state_->bell.async_wait([s = state_, done = std::move(done)](const error_code&)
                                { done(s->expired); });
    }

private:
    struct state
    {
        explicit state(asio::io_context& context) : bell(context, mono_time::max()) {}
        asio::steady_timer bell;
        std::uint64_t round = 0;
        bool expired = false;
    };
    virtual_time& time_;
    std::shared_ptr<state> state_;
};

} // namespace

virtual_time::virtual_time()
    : start_(std::chrono::hours{1000}), mono_(start_), wall_(from_unix_ms(1'800'000'000'000))
{
}

std::unique_ptr<net::timer> virtual_time::make_timer(asio::io_context& context)
{
    return std::make_unique<virtual_timer>(context, *this);
}

void virtual_time::at(mono_time t, std::function<void()> what)
{
    agenda_.emplace(std::pair{std::max(t, mono_), order_++}, std::move(what));
}

mono_time virtual_time::next() const
{
    return agenda_.empty() ? mono_time::max() : agenda_.begin()->first.first;
}

bool virtual_time::advance()
{
    if (agenda_.empty())
    {
        return false;
    }
    auto entry = agenda_.extract(agenda_.begin());
    const auto to = entry.key().first;
    // Whole milliseconds of the monotonic clock are those of the wall clock.
    wall_ += std::chrono::floor<milliseconds>(to - start_) -
             std::chrono::floor<milliseconds>(mono_ - start_);
    mono_ = to;
    entry.mapped()();
    return true;
}

milliseconds virtual_time::since_start() const
{
    return std::chrono::floor<milliseconds>(mono_ - start_);
}

void seeded_random::fill(std::span<std::byte> out) noexcept
{
    for (auto& b : out)
    {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        b = static_cast<std::byte>(z >> 56U);
    }
}

std::int64_t seeded_random::between(std::int64_t low, std::int64_t high) noexcept
{
    HK_ASSERT(low <= high);
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
}

} // namespace hikyaku::sim
