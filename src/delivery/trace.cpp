#include <hikyaku/delivery/trace.h>

#include <algorithm>

namespace hikyaku::delivery
{

std::string_view to_string(trace_event::kind k) noexcept
{
    switch (k)
    {
    case trace_event::kind::connecting:
        return "connecting";
    case trace_event::kind::sent:
        return "sent";
    case trace_event::kind::received:
        return "received";
    case trace_event::kind::body:
        return "body";
    case trace_event::kind::tls:
        return "tls";
    case trace_event::kind::closed:
        return "closed";
    }
    return "closed";
}

std::string trace_text(std::string_view line)
{
    std::string out(line.substr(0, trace_text_max));
    for (char& c : out)
    {
        const auto u = static_cast<unsigned char>(c);
        c = u < 0x20 || u >= 0x7F ? '?' : c;
    }
    return out;
}

std::vector<trace_event> trace_subscription::take(milliseconds timeout)
{
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, timeout, [this] { return !waiting_.empty(); });
    std::vector<trace_event> out(std::make_move_iterator(waiting_.begin()),
                                 std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    return out;
}

std::uint64_t trace_subscription::take_lost()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(lost_, 0);
}

void trace_subscription::push(const trace_event& e)
{
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= events_max)
    {
        waiting_.pop_front();
        ++lost_;
    }
    waiting_.push_back(e);
    arrived_.notify_one();
}

std::shared_ptr<trace_subscription> trace_hub::subscribe(std::string site)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(subscriptions_, [](const auto& w) { return w.expired(); });
    if (subscriptions_.size() >= listeners_max)
    {
        return nullptr;
    }
    auto made = std::make_shared<trace_subscription>(std::move(site));
    subscriptions_.push_back(made);
    listeners_.store(static_cast<unsigned>(subscriptions_.size()), std::memory_order_relaxed);
    return made;
}

void trace_hub::publish(const trace_event& e)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(subscriptions_, [](const auto& w) { return w.expired(); });
    listeners_.store(static_cast<unsigned>(subscriptions_.size()), std::memory_order_relaxed);
    for (const auto& w : subscriptions_)
    {
        const auto s = w.lock();
        if (s != nullptr && (s->site() == e.site || s->site() == e.mx))
        {
            s->push(e);
        }
    }
}

} // namespace hikyaku::delivery
