#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{

/// A 4-ary min-heap of (due time, handle) whose entries can be moved and erased by handle.
/// Ties come in order of handle, so a run is reproducible. `Time` is wall_time or mono_time.
///
/// Handles are the caller's dense slot numbers (an index of its size is kept: 4 bytes per
/// slot). set, erase and pop are O(log n), top is O(1). Pure, not thread-safe.
template <class Time> class due_heap
{
public:
    using handle = std::uint32_t;
    struct entry
    {
        Time due;
        handle which;
    };

    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
    [[nodiscard]] bool contains(handle which) const noexcept
    {
        return which < places_.size() && places_[which] != nowhere;
    }
    /// The entry that is due first. @pre !empty()
    [[nodiscard]] const entry& top() const
    {
        HK_ASSERT(!heap_.empty());
        return heap_.front();
    }
    /// When `which` is due. @pre contains(which)
    [[nodiscard]] Time due_of(handle which) const
    {
        HK_ASSERT(contains(which));
        return heap_[places_[which]].due;
    }

    /// Inserts `which`, or moves it to the new time.
    void set(handle which, Time due)
    {
        if (contains(which))
        {
            heap_[places_[which]].due = due;
            restore(places_[which]);
            return;
        }
        HK_ASSERT(which != nowhere && heap_.size() < nowhere);
        if (which >= places_.size())
        {
            places_.resize(static_cast<std::size_t>(which) + 1, nowhere);
        }
        heap_.push_back({due, which});
        places_[which] = static_cast<std::uint32_t>(heap_.size() - 1);
        rise(heap_.size() - 1);
    }

    /// @returns false when it was not there
    bool erase(handle which)
    {
        if (!contains(which))
        {
            return false;
        }
        const std::size_t hole = places_[which];
        places_[which] = nowhere;
        const entry last = heap_.back();
        heap_.pop_back();
        if (hole < heap_.size())
        {
            put(hole, last);
            restore(hole);
        }
        return true;
    }

    /// Removes and returns the entry that is due first. @pre !empty()
    entry pop()
    {
        const entry first = top();
        erase(first.which);
        return first;
    }

    void clear() noexcept
    {
        heap_.clear();
        places_.clear();
    }

    /// Gives every entry the time `due_for(handle, old time)` and rebuilds, O(n): for a clock that
    /// jumped.
    template <class Function> void recompute(Function due_for)
    {
        for (entry& e : heap_)
        {
            e.due = due_for(e.which, e.due);
        }
        for (std::size_t i = heap_.size(); i-- > 0;)
        {
            sink(i);
        }
    }

private:
    static constexpr std::size_t arity = 4;
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    [[nodiscard]] static bool before(const entry& a, const entry& b)
    {
        return a.due < b.due || (a.due == b.due && a.which < b.which);
    }
    void put(std::size_t at, const entry& e)
    {
        heap_[at] = e;
        places_[e.which] = static_cast<std::uint32_t>(at);
    }
    void restore(std::size_t at)
    {
        rise(at);
        sink(at);
    }
    void rise(std::size_t at)
    {
        const entry moving = heap_[at];
        while (at > 0 && before(moving, heap_[(at - 1) / arity]))
        {
            put(at, heap_[(at - 1) / arity]);
            at = (at - 1) / arity;
        }
        put(at, moving);
    }
    void sink(std::size_t at)
    {
        const entry moving = heap_[at];
        while (at * arity + 1 < heap_.size())
        {
            std::size_t best = at * arity + 1;
            for (std::size_t child = best + 1; child <= at * arity + arity && child < heap_.size();
                 ++child)
            {
                best = before(heap_[child], heap_[best]) ? child : best;
            }
            if (!before(heap_[best], moving))
            {
                break;
            }
            put(at, heap_[best]);
            at = best;
        }
        put(at, moving);
    }

    std::vector<entry> heap_;
    std::vector<std::uint32_t> places_;
};

} // namespace hikyaku::shaping
