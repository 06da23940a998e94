#pragma once

#include <mutex>
#include <optional>

#include <hikyaku/shaping/token_bucket.h>

namespace hikyaku::delivery
{

/// The bucket follows a limit; nullopt: there is none. A new bucket has earned since `since`, from
/// nothing.
inline void set_rate(std::optional<shaping::token_bucket>& bucket,
                     const std::optional<shaping::rate>& limit, mono_time now, mono_time since)
{
    if (!limit)
    {
        bucket.reset();
    }
    else if (bucket)
    {
        bucket->set_rate(now, *limit);
    }
    else
    {
        bucket.emplace(*limit, since, shaping::bucket_start::empty);
    }
}

/// The message rate at the moment of sending. The scheduler hands recipients out within the rate,
/// but what was handed out may bunch up behind a slow connection; here nothing passes too soon.
/// Shared by the sessions of one path (or of one provider). Thread-safe.
class send_gate
{
public:
    /// A new rate, as above.
    void set_rate(const std::optional<shaping::rate>& r, mono_time now, mono_time since)
    {
        const std::lock_guard lock(mutex_);
        delivery::set_rate(bucket_, r, now, since);
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
