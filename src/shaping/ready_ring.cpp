#include <hikyaku/shaping/ready_ring.h>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{

ready_ring::ready_ring(std::uint32_t quantum) : quantum_(quantum)
{
    HK_ASSERT(quantum >= 1 && quantum <= quantum_max);
}

bool ready_ring::contains(handle which) const noexcept
{
    return which < nodes_.size() && nodes_[which].weight > 0;
}

void ready_ring::insert(handle which, std::uint32_t weight)
{
    HK_ASSERT(which != nobody && weight >= 1 && weight <= weight_max);
    if (contains(which))
    {
        nodes_[which].weight = weight;
        return;
    }
    if (which >= nodes_.size())
    {
        nodes_.resize(static_cast<std::size_t>(which) + 1);
    }
    node& fresh = nodes_[which];
    fresh.weight = weight;
    fresh.credit = 0;
    if (size_++ == 0)
    {
        fresh.before = fresh.after = front_ = which;
        return;
    }
    // The last in turn stands before the front.
    const handle last = nodes_[front_].before;
    fresh.before = last;
    fresh.after = front_;
    nodes_[last].after = which;
    nodes_[front_].before = which;
}

bool ready_ring::erase(handle which)
{
    if (!contains(which))
    {
        return false;
    }
    node& gone = nodes_[which];
    nodes_[gone.before].after = gone.after;
    nodes_[gone.after].before = gone.before;
    front_ = front_ == which ? gone.after : front_;
    gone = node{};
    front_ = --size_ == 0 ? nobody : front_;
    return true;
}

std::optional<ready_ring::turn> ready_ring::next()
{
    if (size_ == 0)
    {
        return std::nullopt;
    }
    node& first = nodes_[front_];
    if (first.credit == 0)
    {
        first.credit = first.weight * quantum_;
    }
    return turn{front_, first.credit};
}

void ready_ring::charge(handle which, std::uint32_t units)
{
    HK_ASSERT(which == front_ && size_ > 0);
    node& first = nodes_[which];
    HK_ASSERT(units >= 1 && units <= first.credit);
    first.credit -= units;
    front_ = first.credit == 0 ? first.after : front_;
}

void ready_ring::pass(handle which)
{
    HK_ASSERT(which == front_ && size_ > 0);
    nodes_[which].credit = 0;
    front_ = nodes_[which].after;
}

void ready_ring::clear() noexcept
{
    nodes_.clear();
    size_ = 0;
    front_ = nobody;
}

} // namespace hikyaku::shaping
