#pragma once

#include <hikyaku/base/time.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <memory>

namespace hikyaku::net
{

class deadline_sweeper;

/// One deadline in a sweeper's list. Whoever waits sets it, and clears it when the wait is over.
/// Setting costs two stores: no timer is touched.
class deadline
{
public:
    explicit deadline(deadline_sweeper& sweeper) noexcept;
    virtual ~deadline();
    deadline(const deadline&) = delete;
    deadline& operator=(const deadline&) = delete;

    void expire_at(mono_time t) noexcept
    {
        at_ = t;
        expired_ = false;
    }
    /// No deadline.
    void clear() noexcept { at_ = mono_time::max(); }
    /// Whether the sweeper has found it passed since expire_at().
    [[nodiscard]] bool expired() const noexcept { return expired_; }

protected:
    /// Called once by the sweeper when the deadline has passed: cancel what is waited for.
    virtual void on_expired() noexcept = 0;

private:
    friend class deadline_sweeper;
    deadline_sweeper& sweeper_;
    mono_time at_ = mono_time::max();
    bool expired_ = false;
    deadline* previous_ = nullptr;
    deadline* next_ = nullptr;
};

/// Finds the deadlines that have passed, four times a second, for all streams of one io_context.
/// One timer for thousands of sessions. Deadlines are therefore kept to within `interval`.
///
/// One thread: that of the executor. Outlives its deadlines. While there are deadlines, its timer
/// keeps the io_context running; without any it is idle.
class deadline_sweeper
{
public:
    static constexpr milliseconds interval{250};

    /// `clock` outlives the sweeper.
    explicit deadline_sweeper(boost::asio::any_io_executor executor,
                              const hikyaku::clock& clock = system_clock());
    ~deadline_sweeper();
    deadline_sweeper(const deadline_sweeper&) = delete;
    deadline_sweeper& operator=(const deadline_sweeper&) = delete;

    [[nodiscard]] mono_time now() const noexcept { return clock_.mono(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Expires what has passed. The timer calls it; a test with its own clock may too.
    void sweep() noexcept;

private:
    friend class deadline;
    void add(deadline& d) noexcept;
    void remove(deadline& d) noexcept;
    void arm();

    const hikyaku::clock& clock_;
    boost::asio::steady_timer timer_;
    deadline* head_ = nullptr;
    deadline* cursor_ = nullptr; // next to visit while sweeping: an expiry may remove entries
    std::size_t size_ = 0;
    bool armed_ = false;
    // Shared with the timer's handler only, which may be queued when the sweeper dies.
    std::shared_ptr<char> alive_;
};

} // namespace hikyaku::net
