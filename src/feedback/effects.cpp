#include <hikyaku/feedback/effects.h>

#include "effect_folder.h"

#include <hikyaku/base/thread.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace hikyaku::feedback
{

class effects::impl
{
public:
    impl(dependencies deps, effects_options options)
        : db_(deps.db), gather_(options.gather), folder_(std::move(deps))
    {
    }
    ~impl() { stop(); }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    void run()
    {
        const std::lock_guard lock(mutex_);
        if (!thread_.joinable() && !stopping_)
        {
            for (const auto tenant : db_.tenants())
            {
                round_.insert(tenant); // what a former process left
            }
            thread_ = std::thread(&impl::work, this);
        }
    }
    void stop()
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        folded_more_.notify_all();
        if (thread_.joinable())
        {
            thread_.join();
        }
    }
    void on_settled(tenant_id tenant)
    {
        bool first = false;
        {
            const std::lock_guard lock(mutex_);
            first = waiting_.empty();
            waiting_.insert(tenant);
        }
        if (first)
        {
            wake_.notify_all();
        }
    }
    bool wait_for(tenant_id tenant, std::uint64_t seq, std::chrono::milliseconds timeout)
    {
        std::unique_lock lock(mutex_);
        const auto in_force = [&]
        {
            const auto found = folded_.find(tenant);
            return found != folded_.end() && found->second >= seq;
        };
        if (in_force())
        {
            return true;
        }
        urgent_.insert(tenant);
        wake_.notify_all();
        folded_more_.wait_for(lock, timeout, [&] { return stopping_ || in_force(); });
        return in_force();
    }
    effects_stats stats() const
    {
        const std::lock_guard lock(mutex_);
        return stats_;
    }

private:
    struct turn
    {
        tenant_id tenant;
        bool urgent = false;
    };
    /// The tenant whose turn it is; nullopt to stop.
    std::optional<turn> wait_for_turn()
    {
        std::unique_lock lock(mutex_);
        const auto ready = [&] { return stopping_ || !urgent_.empty(); };
        if (round_.empty())
        {
            wake_.wait(lock, [&] { return ready() || !waiting_.empty(); });
            wake_.wait_for(lock, gather_, ready);
            round_.swap(waiting_);
        }
        if (stopping_)
        {
            return std::nullopt;
        }
        const bool urgent = !urgent_.empty();
        const auto& from = urgent ? urgent_ : round_;
        // The next number after the last, so that nobody waits for ever.
        const auto after = from.upper_bound(last_);
        last_ = after == from.end() ? *from.begin() : *after;
        round_.erase(last_);
        waiting_.erase(last_);
        urgent_.erase(last_);
        return turn{last_, urgent};
    }
    void finish_turn(const turn& t, const effect_folder::progress& p)
    {
        const std::lock_guard lock(mutex_);
        stats_ = folder_.stats;
        if (!p.stuck)
        {
            folded_[t.tenant] = p.folded;
            folded_more_.notify_all();
        }
        if (p.more)
        {
            (t.urgent ? urgent_ : round_).insert(t.tenant);
        }
    }
    void work()
    {
        name_this_thread("effects");
        let_others_finish();
        for (const auto tenant : db_.tenants())
        {
            folder_.pause_tripped(tenant);
        }
        while (const auto t = wait_for_turn())
        {
            finish_turn(*t, folder_.fold(t->tenant, t->urgent));
        }
        folded_more_.notify_all();
    }

    store::database& db_;
    const std::chrono::milliseconds gather_;
    effect_folder folder_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable folded_more_;
    /// Tenants that may have something to fold: in the next round, in this one, and those that
    /// somebody waits for.
    std::set<tenant_id> waiting_;
    std::set<tenant_id> round_;
    std::set<tenant_id> urgent_;
    std::map<tenant_id, std::uint64_t> folded_;
    tenant_id last_;
    bool stopping_ = false;
    effects_stats stats_;
    std::thread thread_;
};

effects::effects(dependencies deps, effects_options options)
    : impl_(std::make_unique<impl>(std::move(deps), options))
{
}
effects::~effects() = default;

void effects::run()
{
    impl_->run();
}

void effects::stop()
{
    impl_->stop();
}

void effects::on_settled(tenant_id tenant)
{
    impl_->on_settled(tenant);
}

bool effects::wait_for(tenant_id tenant, std::uint64_t fact_seq, std::chrono::milliseconds timeout)
{
    return impl_->wait_for(tenant, fact_seq, timeout);
}

effects_stats effects::stats() const
{
    return impl_->stats();
}

} // namespace hikyaku::feedback
