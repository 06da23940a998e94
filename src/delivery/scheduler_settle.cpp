#include "reply_class.h"
#include "scheduler.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/usage_rows.h>

#include <boost/asio/post.hpp>

#include <algorithm>

namespace hikyaku::delivery
{

queue::outcome scheduler::make_outcome(const work& w, queue::disposition what) const
{
    queue::outcome o;
    o.l = w.l;
    o.f.at = deps_.clock_source.wall();
    o.f.what = what;
    o.f.recipient = w.recipient;
    o.f.domain = deps_.domains.name(w.l.domain);
    return o;
}

/// A commit costs about the same for one outcome as for fifty: they gather until a session waits
/// for one of them, at most for a moment.
void scheduler::gather()
{
    if (std::exchange(gathering_, true))
    {
        return;
    }
    gather_timer_->expires_at(deps_.clock_source.mono() + gather_max);
    gather_timer_->async_wait(
        [this](bool expired)
        {
            gathering_ = false;
            if (expired)
            {
                collect_all();
            }
        });
}

void scheduler::collect_all()
{
    waiting_ = 0;
    quorum_ = std::max<std::size_t>((sessions_.size() - idle_) / quorum_share, 1);
    for (std::size_t i = 0; i < shards_.size(); ++i)
    {
        collect(i);
    }
    settle_now();
}

void scheduler::collect(std::size_t index)
{
    for (auto& a : shards_[index]->take_attempts())
    {
        note_attempt(a);
        reached_[index] = a.number;
        add_outcome(std::move(a.o), a.at_once);
    }
}

void scheduler::set_next_try(queue::outcome& o, bool at_once)
{
    const auto* life = queue_.find_lifecycle(o.l.campaign);
    HK_ASSERT(life != nullptr);
    const auto due = closing_.contains(o.l.campaign) || at_once
                         ? std::optional<wall_time>(o.f.at + milliseconds{1000})
                         : shaping_->retry().next_due(std::max(o.f.attempt, 1U), o.f.at,
                                                      life->expires_at, deps_.random);
    if (due)
    {
        o.f.next_try = *due;
    }
    else if (o.f.what == queue::disposition::deferred)
    {
        // No attempt fits before the end.
        o.f.what =
            o.l.state.was_unknown ? queue::disposition::unknown : queue::disposition::expired;
        o.f.contact = effect_of_expiry(o.f.cls);
    }
}

void scheduler::add_outcome(queue::outcome o, bool at_once)
{
    if (!queue::is_final(o.f.what))
    {
        set_next_try(o, at_once);
    }
    const auto first = o.l.state.first_try != wall_time{} ? o.l.state.first_try : o.f.at;
    o.f.queued_ms = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>((o.f.at - first).count(), 0, UINT32_MAX));
    dispositions_[static_cast<std::size_t>(o.f.what)] += 1;
    outcomes_.push_back(std::move(o));
}

/// Folds what has gathered into rows, unless the writer still has enough to do.
void scheduler::settle_now()
{
    if (outcomes_.empty() || settlements_in_flight_ >= settlements_in_flight_max)
    {
        return;
    }
    auto settlements = queue_.settle(outcomes_);
    settle_permits(settlements);
    for (const auto& o : outcomes_)
    {
        if (o.f.next_try != wall_time{})
        {
            watch_due(o.l.lane);
        }
    }
    std::set<queue::campaign_ref> touched;
    for (const auto& o : outcomes_)
    {
        touched.insert(o.l.campaign);
    }
    outcomes_.clear();
    save_adaptations(); // before: what was sent is counted, whatever happens
    std::vector<std::pair<std::size_t, std::uint64_t>> durable(reached_.begin(), reached_.end());
    reached_.clear();
    submit(std::move(settlements), touched, std::move(durable));
}

/// Permits end with their tries: those of messages that left are counted, in the same commit.
void scheduler::settle_permits(std::vector<queue::settlement>& settlements)
{
    struct ended
    {
        std::uint64_t counted = 0;
        std::uint64_t returned = 0;
    };
    std::map<tenant_id, ended> by_tenant;
    for (const auto& o : outcomes_)
    {
        if (!o.l.has_permit)
        {
            continue;
        }
        const bool left = o.f.what == queue::disposition::delivered ||
                          (o.f.what == queue::disposition::bounced && o.f.code != 0) ||
                          (o.f.what == queue::disposition::unknown && o.f.next_try == wall_time{});
        auto& e = by_tenant[o.l.campaign.tenant];
        ++(left ? e.counted : e.returned);
    }
    for (const auto& [id, e] : by_tenant)
    {
        auto& t = tenant_of(id);
        if (!t.quota || !t.quota->settle(date_of(t), e.counted, e.returned))
        {
            continue;
        }
        const auto of = std::find_if(settlements.begin(), settlements.end(),
                                     [&](const auto& s) { return s.tenant == id; });
        HK_ASSERT(of != settlements.end());
        const auto& u = t.quota->use();
        queue::put_usage(of->rows, {u.day, u.today, u.month, u.this_month});
    }
}

void scheduler::submit_postponed(const std::vector<queue::lease>& leases, wall_time due)
{
    std::set<queue::campaign_ref> touched;
    for (const auto& l : leases)
    {
        touched.insert(l.campaign);
    }
    const auto latest = deps_.clock_source.wall() + put_aside_for_max;
    submit(queue_.postpone(leases, std::min(due, latest)), touched);
}

void scheduler::submit(std::vector<queue::settlement> settlements,
                       const std::set<queue::campaign_ref>& touched,
                       std::vector<std::pair<std::size_t, std::uint64_t>> durable)
{
    if (settlements.empty())
    {
        return;
    }
    std::vector<store::record> records;
    records.reserve(settlements.size());
    auto kept = std::make_shared<std::vector<queue::settlement>>();
    for (auto& s : settlements)
    {
        records.push_back(std::move(s.rows));
        kept->push_back({s.tenant, store::record(s.tenant), s.fact_seq, std::move(s.facts)});
    }
    for (const auto& c : touched)
    {
        ++unsettled_[c];
    }
    ++settlements_in_flight_;
    deps_.db.submit(std::move(records), store::commit_class::outcome,
                    [this, kept, touched, durable = std::move(durable)]
                    {
                        for (const auto& [index, number] : durable)
                        {
                            shards_[index]->set_durable(number);
                        }
                        for (const auto& s : *kept)
                        {
                            if (s.facts != nullptr)
                            {
                                hooks_.settled(s);
                            }
                        }
                        asio::post(context_, [this, touched] { on_durable(touched); });
                    });
}

/// Submitted in the order in which blocks are numbered: by this thread, as every settlement is.
std::uint64_t scheduler::append_facts(tenant_id tenant, const std::vector<queue::fact>& facts,
                                      store::record rows, std::function<void()> done)
{
    if (deps_.db.find_tenant(tenant) == nullptr)
    {
        return 0;
    }
    auto s = queue_.append(tenant, facts, std::move(rows));
    for (const auto& f : facts)
    {
        dispositions_[static_cast<std::size_t>(f.what)] += 1;
    }
    std::vector<store::record> records;
    records.push_back(std::move(s.rows));
    const queue::settlement kept{tenant, store::record(tenant), s.fact_seq, std::move(s.facts)};
    deps_.db.submit(std::move(records), store::commit_class::outcome,
                    [this, kept, done = std::move(done)]
                    {
                        hooks_.settled(kept);
                        done();
                    });
    return kept.fact_seq;
}

void scheduler::on_durable(const std::set<queue::campaign_ref>& touched)
{
    --settlements_in_flight_;
    for (const auto& c : touched)
    {
        const auto found = unsettled_.find(c);
        if (--found->second == 0)
        {
            unsettled_.erase(found);
        }
    }
    settle_now();
    for (const auto& c : touched)
    {
        try_to_close(c);
        check_drained(c);
    }
}

} // namespace hikyaku::delivery
