#pragma once

#include <cstdint>
#include <optional>

#include <hikyaku/queue/types.h>

namespace hikyaku::queue
{

/// How far the first attempts of one lane may run ahead of the lease mark in its durable P row.
///
/// Invariant: at every instant at most max() of the recipients that were handed out for a first
/// attempt lie at or above the mark of the P row that is on disk. A lane hands out places in
/// ascending order and a settled place never lies above the mark that is written with it, so after
/// a crash those recipients are the first max() unsettled ones at or above the mark: exactly those
/// the next process marks as possible repeats. Nothing of it depends on how fast commits are.
class lease_margin
{
public:
    explicit lease_margin(std::uint64_t max) noexcept : max_(max) {}

    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    /// One more recipient was handed out for a first attempt.
    void note_fresh() noexcept { ++handed_; }
    /// A P row with this lease mark was folded into a record. Only one is waited for at a time.
    void note_written(position mark) noexcept
    {
        if (!waiting_ && handed_ > durable_)
        {
            waiting_ = written{mark, handed_};
        }
    }
    /// Nothing more may be handed out before a later mark is known to be durable.
    [[nodiscard]] bool is_used_up() const noexcept { return handed_ - durable_ >= max_; }
    /// A row that was written may have become durable: worth a look.
    [[nodiscard]] bool may_grow() const noexcept { return waiting_.has_value(); }
    /// The P row on disk has this mark.
    void saw_durable(position mark) noexcept
    {
        if (waiting_ && mark >= waiting_->mark)
        {
            durable_ = waiting_->handed;
            waiting_.reset();
        }
    }

private:
    struct written
    {
        position mark = 0;
        std::uint64_t handed = 0;
    };

    std::uint64_t max_;
    /// First attempts handed out by this process, and how many of them a durable mark covers.
    std::uint64_t handed_ = 0;
    std::uint64_t durable_ = 0;
    std::optional<written> waiting_;
};

} // namespace hikyaku::queue
