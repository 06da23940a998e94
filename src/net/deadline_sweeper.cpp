#include <hikyaku/net/deadline_sweeper.h>

#include <hikyaku/base/assert.h>

namespace hikyaku::net
{

deadline::deadline(deadline_sweeper& sweeper) noexcept : sweeper_(sweeper)
{
    sweeper_.add(*this);
}

deadline::~deadline()
{
    sweeper_.remove(*this);
}

deadline_sweeper::deadline_sweeper(boost::asio::any_io_executor executor,
                                   const hikyaku::clock& clock)
    : clock_(clock), timer_(std::move(executor)), alive_(std::make_shared<char>())
{
}

deadline_sweeper::~deadline_sweeper()
{
    HK_ASSERT(size_ == 0);
}

void deadline_sweeper::add(deadline& d) noexcept
{
    d.next_ = head_;
    if (head_ != nullptr)
    {
        head_->previous_ = &d;
    }
    head_ = &d;
    ++size_;
    if (!armed_)
    {
        arm();
    }
}

void deadline_sweeper::remove(deadline& d) noexcept
{
    HK_ASSERT(size_ > 0);
    if (cursor_ == &d)
    {
        cursor_ = d.next_;
    }
    (d.previous_ != nullptr ? d.previous_->next_ : head_) = d.next_;
    if (d.next_ != nullptr)
    {
        d.next_->previous_ = d.previous_;
    }
    --size_;
    if (size_ == 0)
    {
        timer_.cancel();
    }
}

void deadline_sweeper::sweep() noexcept
{
    const mono_time now = clock_.mono();
    cursor_ = head_;
    while (cursor_ != nullptr)
    {
        deadline& d = *cursor_;
        cursor_ = d.next_;
        if (d.at_ <= now)
        {
            d.at_ = mono_time::max();
            d.expired_ = true;
            d.on_expired();
        }
    }
}

void deadline_sweeper::arm()
{
    armed_ = true;
    timer_.expires_after(interval);
    timer_.async_wait(
        [this, alive = std::weak_ptr<char>(alive_)](const boost::system::error_code&)
        {
            if (alive.expired())
            {
                return;
            }
            armed_ = false;
            sweep();
            if (size_ > 0)
            {
                arm();
            }
        });
}

} // namespace hikyaku::net
