#include "shard.h"

#include "session.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/thread.h>
#include <hikyaku/net/tcp_dialer.h>

#include <boost/asio/post.hpp>

namespace hikyaku::delivery
{

shard::shard(std::size_t index, const engine_options& options, const hooks& h, const clock& clock,
             const net::tls_client_context& tls, const seams& world, trace_hub& trace,
             shard_events& events)
    : index_(index), options_(options), hooks_(h), clock_(clock), trace_(trace), events_(events),
      sleeper_(*world.sleeper),
      own_context_(world.scheduler_loop ? nullptr : std::make_unique<asio::io_context>(1)),
      context_(own_context_ ? *own_context_ : *world.shard_loops.at(index)),
      guard_(asio::make_work_guard(context_)), sweeper_(context_.get_executor()),
      tasks_(context_.get_executor())
{
    const auto make = [&](bool route) -> std::unique_ptr<net::dialer>
    {
        if (world.make_dialer)
        {
            return world.make_dialer(context_, route);
        }
        return std::make_unique<net::tcp_dialer>(context_.get_executor(), sweeper_, tls,
                                                 route ? no_networks_
                                                       : options_.forbidden_networks);
    };
    dialer_ = make(false);
    route_dialer_ = make(true);
}

shard::~shard() = default;

void shard::start()
{
    if (own_context_)
    {
        thread_ = std::thread([this] { run(); });
    }
}

void shard::run()
{
    name_this_thread("hk-shard-" + std::to_string(index_));
    context_.run();
}

void shard::open(session_id id, std::shared_ptr<const connection_plan> plan,
                 std::vector<work> first)
{
    asio::post(context_, [this, id, plan = std::move(plan), first = std::move(first)]() mutable
               { on_open(id, std::move(plan), std::move(first)); });
}

void shard::on_open(session_id id, std::shared_ptr<const connection_plan> plan,
                    std::vector<work> first)
{
    if (draining_ || first.empty())
    {
        session_report report;
        report.session = id;
        report.unsent = std::move(first);
        events_.session_over(std::move(report));
        return;
    }
    auto made = std::make_unique<session>(*this, id, std::move(plan), std::move(first));
    session& s = *made;
    sessions_.emplace(id, std::move(made));
    open_.store(sessions_.size());
    tasks_.spawn("smtp session", s.run());
}

void shard::give(session_id id, std::vector<work> more)
{
    asio::post(context_,
               [this, id, more = std::move(more)]() mutable
               {
                   const auto found = sessions_.find(id);
                   if (found == sessions_.end())
                   {
                       events_.returned(std::move(more));
                       return;
                   }
                   found->second->give(std::move(more));
               });
}

void shard::retire(session_id id)
{
    asio::post(context_,
               [this, id]
               {
                   const auto found = sessions_.find(id);
                   if (found != sessions_.end())
                   {
                       found->second->retire();
                   }
               });
}

void shard::finish(session_id id)
{
    asio::post(context_,
               [this, id]
               {
                   const auto found = sessions_.find(id);
                   if (found != sessions_.end())
                   {
                       found->second->finish();
                   }
               });
}

void shard::drain()
{
    asio::post(context_,
               [this]
               {
                   draining_ = true;
                   for (auto& [id, s] : sessions_)
                   {
                       s->wake();
                   }
               });
}

void shard::cut()
{
    asio::post(context_,
               [this]
               {
                   draining_ = true;
                   for (auto& [id, s] : sessions_)
                   {
                       s->cut();
                   }
               });
}

void shard::join()
{
    guard_.reset();
    if (thread_.joinable())
    {
        thread_.join();
    }
}

void shard::set_durable(std::uint64_t number)
{
    asio::post(context_,
               [this, number]
               {
                   durable_ = std::max(durable_, number);
                   while (!waiters_.empty() && waiters_.begin()->first <= durable_)
                   {
                       session* s = waiters_.begin()->second;
                       waiters_.erase(waiters_.begin());
                       s->wake();
                   }
               });
}

std::uint64_t shard::add_attempt(attempt a)
{
    a.number = ++next_number_;
    bool was_empty = false;
    {
        const std::lock_guard lock(outbox_mutex_);
        was_empty = outbox_.empty();
        outbox_.push_back(std::move(a));
    }
    if (was_empty)
    {
        events_.attempts_ready();
    }
    return next_number_;
}

std::vector<attempt> shard::take_attempts()
{
    const std::lock_guard lock(outbox_mutex_);
    return std::exchange(outbox_, {});
}

void shard::wait_durable(session& s, std::uint64_t number)
{
    waiters_.emplace(number, &s);
    events_.outcomes_wanted();
}

void shard::forget_waiter(session& s)
{
    std::erase_if(waiters_, [&s](const auto& w) { return w.second == &s; });
}

void shard::remove(session_id id)
{
    const auto found = sessions_.find(id);
    HK_ASSERT(found != sessions_.end());
    forget_waiter(*found->second);
    // Its coroutine is still on the stack: the object goes when the loop turns.
    asio::post(context_, [gone = std::shared_ptr<session>(std::move(found->second))] {});
    sessions_.erase(found);
    open_.store(sessions_.size());
}

} // namespace hikyaku::delivery
