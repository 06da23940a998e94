#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <hikyaku/base/random.h>
#include <hikyaku/base/time.h>
#include <hikyaku/net/sleeper.h>

namespace hikyaku::sim
{

namespace asio = boost::asio;

/// Clock, sleeper and agenda of a simulated world: time stands still until advance(). One thread.
class virtual_time final : public clock, public net::sleeper
{
public:
    virtual_time();

    [[nodiscard]] wall_time wall() const noexcept override { return wall_; }
    [[nodiscard]] mono_time mono() const noexcept override { return mono_; }
    [[nodiscard]] std::unique_ptr<net::timer> make_timer(asio::io_context& context) override;

    /// Calls `what` at `t`, or at once in the next advance(). Those of one time in their order.
    void at(mono_time t, std::function<void()> what);
    void after(milliseconds in, std::function<void()> what) { at(mono_ + in, std::move(what)); }
    /// Goes to the next entry of the agenda and performs it. False: there is none.
    bool advance();
    [[nodiscard]] mono_time next() const;
    /// Somebody sets the wall clock.
    void jump_wall(milliseconds by) { wall_ += by; }
    [[nodiscard]] milliseconds since_start() const;

private:
    std::map<std::pair<mono_time, std::uint64_t>, std::function<void()>> agenda_;
    std::uint64_t order_ = 0;
    mono_time start_;
    mono_time mono_;
    wall_time wall_;
};

/// Reproducible randomness (splitmix64).
class seeded_random final : public random_source
{
public:
    explicit seeded_random(std::uint64_t seed) : state_(seed) {}
    void fill(std::span<std::byte> out) noexcept override;
    /// Both ends included.
    [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high) noexcept;
    [[nodiscard]] milliseconds between(milliseconds low, milliseconds high) noexcept
    {
        return milliseconds{between(low.count(), high.count())};
    }
    [[nodiscard]] bool chance(unsigned percent) noexcept { return below(100) < percent; }

private:
    std::uint64_t state_;
};

} // namespace hikyaku::sim
