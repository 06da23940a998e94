#pragma once

#include <mutex>
#include <optional>

#include <hikyaku/shaping/token_bucket.h>

namespace hikyaku::delivery
{

/// The message rate at the moment of sending. The scheduler hands recipients out within the rate,
/// but what was handed out may bunch up behind a slow connection; here nothing passes too soon.
/// Shared by the sessions of one path (or of one provider). Thread-safe.
class send_gate
{
public:
    /// A new rate; nullopt: no limit. A new bucket has earned since `since`, from nothing.
    void set_rate(const std::optional<shaping::rate>& r, mono_time now, mono_time since)
    {
        const std::lock_guard lock(mutex_);
        if (!r)
        {
            bucket_.reset();
        }
        else if (bucket_)
        {
            bucket_->set_rate(now, *r);
        }
        else
        {
            bucket_.emplace(*r, since, shaping::bucket_start::empty);
        }
    }
    /// @returns nullopt: one message may go now. Otherwise when to ask again.
    [[nodiscard]] std::optional<mono_time> pass(mono_time now)
    {
        const std::lock_guard lock(mutex_);
        if (!bucket_ || bucket_->take(now, 1) == 1)
        {
            return std::nullopt;
        }
        return bucket_->next_at(1);
    }
    /// The message that passed was not sent.
    void give_back()
    {
        const std::lock_guard lock(mutex_);
        if (bucket_)
        {
            bucket_->give_back(1);
        }
    }

private:
    std::mutex mutex_;
    std::optional<shaping::token_bucket> bucket_;
};

} // namespace hikyaku::delivery
