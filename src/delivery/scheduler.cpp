#include "scheduler.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/base/thread.h>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace hikyaku::delivery
{

scheduler::scheduler(const engine_options& options,
                     std::shared_ptr<const shaping::shaping_table> shaping,
                     engine::dependencies deps, const hooks& h)
    : options_(options), shaping_(std::move(shaping)),
      classifier_(options.classifier != nullptr ? options.classifier : bounce::built_in()),
      deps_(deps), hooks_(h),
      own_context_(deps.world.scheduler_loop ? nullptr : std::make_unique<asio::io_context>(1)),
      context_(own_context_ ? *own_context_ : *deps.world.scheduler_loop),
      guard_(asio::make_work_guard(context_)), queue_(deps.db)
{
    if (deps_.world.sleeper == nullptr)
    {
        deps_.world.sleeper = &net::system_sleeper();
    }
    timer_ = deps_.world.sleeper->make_timer(context_);
    gather_timer_ = deps_.world.sleeper->make_timer(context_);
    const unsigned count =
        options.shards != 0 ? options.shards : std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < count; ++i)
    {
        shards_.push_back(std::make_unique<shard>(i, options_, hooks_, deps_.clock_source, tls_,
                                                  deps_.world, trace_, *this));
    }
}

scheduler::~scheduler() = default;

result<void> scheduler::start(bool clean)
{
    if (deps_.world.make_resolver)
    {
        resolver_ = deps_.world.make_resolver(context_);
    }
    else
    {
        resolver_ = std::make_unique<resolver::resolver>(context_, options_.dns, deps_.clock_source,
                                                         deps_.random);
    }
    const auto loaded = queue_.load(clean);
    if (loaded.has_error())
    {
        return loaded;
    }
    last_wall_ = deps_.clock_source.wall();
    last_mono_ = deps_.clock_source.mono();
    started_ = last_mono_;
    const auto restored = load_adaptations();
    if (restored.has_error())
    {
        return restored.error();
    }
    for (auto& s : shards_)
    {
        s->start();
    }
    asio::post(context_,
               [this]
               {
                   for (const auto& c : queue_.campaigns())
                   {
                       const auto* life = queue_.find_lifecycle(c);
                       if (life->state == queue::campaign_state::cancelled)
                       {
                           closing_[c] = queue::disposition::cancelled;
                       }
                       check_drained(c);
                   }
                   place_new_lanes();
                   tick();
               });
    if (own_context_)
    {
        thread_ = std::thread([this] { run(); });
    }
    return {};
}

void scheduler::run()
{
    name_this_thread("hk-scheduler");
    // It is woken several times per message, often by a shard that has just begun to sign.
    let_others_finish();
    context_.run();
}

void scheduler::tick()
{
    const auto now = deps_.clock_source.mono();
    if (tick_due_ != mono_time{})
    {
        lag_ms_ = std::max(lag_ms_ * 0.9,
                           std::chrono::duration<double, std::milli>(now - tick_due_).count());
    }
    watch_clock();
    const auto wall = deps_.clock_source.wall();
    // First all, then each: a lane that is woken may be due again at once.
    std::vector<queue::lane_index> woken;
    while (!due_.empty() && due_.top().due <= wall)
    {
        woken.push_back(due_.pop().which);
    }
    for (const auto lane : woken)
    {
        wake_lane(lane);
    }
    for (auto it = waiting_domains_.begin(); it != waiting_domains_.end();)
    {
        auto& d = domain_of(*it);
        if (d.retry_at > now)
        {
            ++it;
            continue;
        }
        it = waiting_domains_.erase(it);
        d.now = domain_entry::state::unresolved;
        resolve(d);
    }
    catch_up();
    pump_listed();
    make_places();
    step_adaptations();
    expire_campaigns();
    const auto closing = closing_;
    for (const auto& [c, how] : closing)
    {
        try_to_close(c);
    }
    settle_now();
    tick_due_ = deps_.clock_source.mono() + tick_every;
    timer_->expires_at(tick_due_);
    timer_->async_wait(
        [this](bool expired)
        {
            if (expired)
            {
                tick();
            }
        });
}

/// What could not be done when it was due.
void scheduler::catch_up()
{
    for (const auto lane : std::exchange(rewake_, {}))
    {
        wake_lane(lane);
    }
    if (may_lease())
    {
        for (const auto id : std::exchange(undisposed_, {}))
        {
            auto& d = domain_of(id);
            if (d.now == domain_entry::state::refused)
            {
                dispose(d);
            }
        }
    }
}

/// Sites wait for one of sessions_max: connections that have nothing to do give way.
void scheduler::make_places()
{
    if (wait_for_place_.empty() || sessions_.size() < broadcast_sessions_max())
    {
        return;
    }
    auto wanted = wait_for_place_.size();
    for (auto& [id, entry] : sessions_)
    {
        path& p = *entry.where;
        if (wanted > 0 && entry.is_idle && !p.where.has_work())
        {
            end_idle_session(id);
            --wanted;
        }
    }
}

void scheduler::watch_clock()
{
    const auto wall = deps_.clock_source.wall();
    const auto mono = deps_.clock_source.mono();
    const auto drift =
        std::chrono::duration_cast<milliseconds>((wall - last_wall_) - (mono - last_mono_));
    last_wall_ = wall;
    last_mono_ = mono;
    if (drift > clock_jump_min || drift < -clock_jump_min)
    {
        no_expiry_until_ = mono + no_expiry_after_jump;
        log::warning("clock_jumped",
                     {{"by_ms", drift.count()}, {"effect", "nothing expires for 10 minutes"}});
    }
}

bool scheduler::may_lease() const
{
    return !held_ && !stopping_ && !deps_.disk.low() &&
           pool_rests_until_ <= deps_.clock_source.mono() &&
           deps_.db.backlog_bytes() < store::database::commit_backlog_max;
}

void scheduler::open_campaign(const queue::campaign_ref& c, const queue::lifecycle& l,
                              const queue::expansion_state& e)
{
    queue_.open_campaign(c, l, e);
    check_drained(c);
}

void scheduler::set_lifecycle(const queue::campaign_ref& c, const queue::lifecycle& l)
{
    if (queue_.find_lifecycle(c) == nullptr)
    {
        return; // it ended meanwhile
    }
    queue_.set_lifecycle(c, l);
    for (const auto& lane : queue_.lane_indexes(c))
    {
        wake_lane(lane);
    }
    check_drained(c);
}

void scheduler::grow(const queue::campaign_ref& c, const queue::expansion_state& e,
                     const std::vector<queue::lane_growth>& lanes)
{
    if (queue_.find_lifecycle(c) == nullptr)
    {
        return;
    }
    const auto grown = queue_.grow(c, e, lanes);
    place_new_lanes();
    for (const auto lane : grown)
    {
        wake_lane(lane);
    }
    check_drained(c);
}

void scheduler::close_campaign(const queue::campaign_ref& c, queue::disposition how)
{
    if (queue_.find_lifecycle(c) != nullptr)
    {
        closing_.try_emplace(c, how);
        try_to_close(c);
    }
}

void scheduler::try_to_close(const queue::campaign_ref& c)
{
    const auto closing = closing_.find(c);
    if (closing == closing_.end() || queue_.find_lifecycle(c) == nullptr)
    {
        return;
    }
    queue_.stop_leasing(c);
    reclaim(c);
    if (queue_.in_flight(c) > 0 || !queue_.expansion(c).complete)
    {
        return;
    }
    const auto how = closing->second;
    closing_.erase(closing);
    if (queue_.pending(c) == 0)
    {
        check_drained(c);
        return;
    }
    std::vector<queue::settlement> one;
    one.push_back(queue_.close(c, how, deps_.clock_source.wall()));
    log::info("campaign_closed",
              {{"campaign", format_id("cmp", c.campaign.value)}, {"how", queue::to_string(how)}});
    submit(std::move(one), {c});
}

void scheduler::expire_campaigns()
{
    if (deps_.clock_source.mono() < no_expiry_until_)
    {
        return;
    }
    const auto now = deps_.clock_source.wall();
    for (const auto& c : queue_.campaigns())
    {
        const auto* life = queue_.find_lifecycle(c);
        if (now >= life->expires_at && !closing_.contains(c) && queue_.pending(c) > 0 &&
            queue_.expansion(c).complete)
        {
            closing_[c] = queue::disposition::expired;
        }
    }
}

void scheduler::check_drained(const queue::campaign_ref& c)
{
    if (queue_.find_lifecycle(c) == nullptr)
    {
        return;
    }
    if (queue_.expansion(c).complete && queue_.pending(c) == 0 && queue_.in_flight(c) == 0 &&
        !unsettled_.contains(c) && drained_.insert(c).second)
    {
        hooks_.drained(c);
    }
}

void scheduler::forget(const queue::campaign_ref& c)
{
    if (queue_.find_lifecycle(c) == nullptr)
    {
        return;
    }
    for (const auto lane : queue_.lane_indexes(c))
    {
        due_.erase(lane);
        holds_.erase(lane);
        rewake_.erase(lane);
        tail_out_.erase(lane);
        leave_site(lane);
        const auto id = queue_.id_of(lane);
        if (!id.is_tail())
        {
            std::erase(domain_of(domain_id{id.value}).lanes, lane);
        }
    }
    pools_.erase(c);
    queue_.forget(c);
    drained_.erase(c);
    closing_.erase(c);
}

void scheduler::hurry(const queue::campaign_ref& c)
{
    if (queue_.find_lifecycle(c) == nullptr)
    {
        return;
    }
    queue_.hurry(c);
    for (const auto lane : queue_.lane_indexes(c))
    {
        wake_lane(lane);
    }
}

void scheduler::hold(bool on, std::string because)
{
    held_ = on;
    held_because_ = on ? std::move(because) : "";
    log::warning(on ? "delivery_held" : "delivery_resumed", {{"because", held_because_}});
}

void scheduler::stop(milliseconds deadline)
{
    if (!thread_.joinable())
    {
        return;
    }
    begin_stop();
    {
        std::unique_lock lock(stop_mutex_);
        // Notified as things end; looked at again now and then, as a load may end in between.
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (!quiet() && std::chrono::steady_clock::now() < end)
        {
            progress_.wait_for(lock, milliseconds{50});
        }
    }
    cut();
    for (auto& s : shards_)
    {
        s->join();
    }
    end_stop();
    thread_.join();
    // The writer's callbacks refer to us: an empty commit waits for those before it.
    deps_.db.commit(std::vector<store::record>{}, store::commit_class::bulk);
}

void scheduler::begin_stop()
{
    asio::post(context_,
               [this]
               {
                   stopping_ = true;
                   for (auto& s : shards_)
                   {
                       s->drain();
                   }
               });
}

void scheduler::cut()
{
    for (auto& s : shards_)
    {
        s->cut();
    }
}

bool scheduler::quiet() const
{
    std::size_t busy = loading_.load();
    for (const auto& s : shards_)
    {
        busy += s->sessions();
    }
    return busy == 0;
}

/// What the sessions reported last is settled, then the loop ends.
void scheduler::end_stop()
{
    asio::post(context_,
               [this]
               {
                   for (std::size_t i = 0; i < shards_.size(); ++i)
                   {
                       collect(i);
                   }
                   settlements_in_flight_ = 0; // no need to gather any more
                   settle_now();
                   save_adaptations();
                   timer_->cancel();
                   gather_timer_->cancel();
                   resolver_.reset();
                   if (own_context_)
                   {
                       context_.stop();
                   }
               });
}

void scheduler::attempts_ready()
{
    asio::post(context_, [this] { gather(); });
}
void scheduler::outcomes_wanted()
{
    if (waiting_.fetch_add(1) + 1 >= quorum_.load() && !wanted_.exchange(true))
    {
        asio::post(context_,
                   [this]
                   {
                       wanted_ = false;
                       collect_all();
                   });
    }
}
void scheduler::session_wants(session_id id)
{
    asio::post(context_, [this, id] { on_session_wants(id); });
}
void scheduler::session_over(session_report report)
{
    asio::post(context_,
               [this, report = std::move(report)]() mutable
               {
                   on_session_over(std::move(report));
                   progress_.notify_all();
               });
}
void scheduler::session_connected(session_id id)
{
    asio::post(context_, [this, id] { on_session_connected(id); });
}
void scheduler::returned(std::vector<work> unsent)
{
    asio::post(context_, [this, unsent = std::move(unsent)]() mutable { give_back_all(unsent); });
}

} // namespace hikyaku::delivery
