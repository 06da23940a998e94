#include "audience.h"
#include "engagement.h"
#include "live.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/expansion.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::campaign
{
namespace
{

using queue::campaign_ref;
using queue::campaign_state;

constexpr milliseconds look_every{500};

std::optional<queue::expansion_state> read_expansion(const store::reader& queue,
                                                     const campaign_ref& c)
{
    const auto row = queue.find(queue::campaign_key(queue::row::expansion, c));
    if (row.has_error())
    {
        return std::nullopt;
    }
    return *row ? queue::decode_expansion(**row) : queue::expansion_state{};
}

} // namespace

result<void> campaigns::load(delivery::engine& engine)
{
    engine_ = &engine;
    auto it =
        deps_.db.queue().scan_prefix(std::string(1, static_cast<char>(queue::row::lifecycle)));
    for (; it.valid(); it.next())
    {
        const auto ref = queue::campaign_of_key(it.key());
        const auto life = queue::decode_lifecycle(it.value());
        if (!life || life->state == campaign_state::finished ||
            life->state == campaign_state::draft)
        {
            continue;
        }
        const auto row = find(ref.tenant, ref.campaign);
        if (row.has_error())
        {
            log::error("campaign_unreadable", {{"campaign", public_id(ref.campaign)}});
            continue;
        }
        const auto live = obtain_live(ref, row->source, *life);
        const auto compiled = compile(ref.tenant, ref.campaign, row->source);
        if (compiled.has_error())
        {
            // Its recipients wait: a key that does not open today may open tomorrow.
            log::error("campaign_held",
                       {{"campaign", public_id(ref.campaign)}, {"reason", compiled.error().text}});
            continue;
        }
        const std::lock_guard lock(live->content_mutex);
        live->compiled = *compiled;
    }
    return it.status();
}

void campaigns::run()
{
    broadcast_worker_.thread = std::thread([this] { run_worker(false); });
    transactional_worker_.thread = std::thread([this] { run_worker(true); });
}

void campaigns::stop()
{
    {
        const std::lock_guard lock(work_mutex_);
        stopping_ = true;
        broadcast_worker_.ready.notify_all();
        transactional_worker_.ready.notify_all();
    }
    for (auto* w : {&broadcast_worker_, &transactional_worker_})
    {
        if (w->thread.joinable())
        {
            w->thread.join();
        }
    }
}

campaigns::worker& campaigns::worker_of(const campaign_ref& c)
{
    const auto live = find_live(c);
    return live != nullptr && live->source.transactional ? transactional_worker_
                                                         : broadcast_worker_;
}

void campaigns::run_worker(bool transactional)
{
    auto& mine = transactional ? transactional_worker_ : broadcast_worker_;
    while (true)
    {
        std::vector<campaign_ref> finished;
        {
            std::unique_lock lock(work_mutex_);
            // What was told while the worker was busy is not lost: it looks again at once.
            mine.ready.wait_for(lock, look_every, [&] { return mine.waits || stopping_; });
            if (stopping_)
            {
                return;
            }
            mine.waits = false;
            finished.swap(mine.to_finish);
        }
        for (const auto& c : finished)
        {
            finish(c);
        }
        std::vector<live_ptr> all;
        {
            const std::shared_lock lock(live_mutex_);
            for (const auto& [ref, live] : live_)
            {
                if (live->source.transactional == transactional)
                {
                    all.push_back(live);
                }
            }
        }
        const auto now = deps_.clock_source.wall();
        for (const auto& live : all)
        {
            queue::lifecycle life = live->current();
            if (life.state == campaign_state::scheduled && life.send_at <= now)
            {
                const auto begun = change_state(
                    live->ref.tenant, oplog::system_actor(), live->ref.campaign, "campaign.begin",
                    [](queue::lifecycle& l, const definition&) -> std::optional<std::string>
                    {
                        if (l.state != campaign_state::scheduled)
                        {
                            return "it is not scheduled any more";
                        }
                        l.state = campaign_state::expanding;
                        return std::nullopt;
                    },
                    {});
                life.state = begun.has_value() ? begun->life.state : live->current().state;
            }
            if (life.state == campaign_state::expanding)
            {
                expand(live->ref);
            }
            else if (life.state == campaign_state::cancelled)
            {
                end_expansion(live->ref);
            }
        }
    }
}

/// Turns the audience into recipients, page by page; each page is durable before the next.
void campaigns::expand(const campaign_ref& c)
{
    const auto live = find_live(c);
    const auto row = find(c.tenant, c.campaign);
    if (live == nullptr || row.has_error())
    {
        return;
    }
    auto state = read_expansion(deps_.db.queue(), c);
    if (!state)
    {
        log::error("expansion_unreadable", {{"campaign", public_id(c.campaign)}});
        return;
    }
    audience_reader audience({deps_.db, deps_.crm, deps_.routing, deps_.clock_source}, c,
                             row->source);
    queue::expander expander(deps_.db.queue(), c);
    const auto opened = audience.open(state->cursor, state->complete);
    if (opened.has_error())
    {
        log::error("audience_unreadable",
                   {{"campaign", public_id(c.campaign)}, {"reason", opened.error().text}});
        return;
    }
    while (!state->complete)
    {
        const std::lock_guard page_lock(live->expansion);
        if (live->current().state != campaign_state::expanding || stopping_)
        {
            return;
        }
        const std::lock_guard numbering(page_mutex_);
        store::record platform(platform_tenant);
        store::record rows(c.tenant);
        auto page = audience.next(page_recipients, *state, platform, rows);
        if (page.has_error())
        {
            log::error("expansion_failed",
                       {{"campaign", public_id(c.campaign)}, {"reason", page.error().text}});
            return;
        }
        const auto ranks = rank_page(c, row->source, *page);
        if (ranks.has_error())
        {
            log::error("expansion_failed",
                       {{"campaign", public_id(c.campaign)}, {"reason", ranks.error().text}});
            return;
        }
        auto grown = expander.add_page(*page, *state, rows, *ranks);
        if (grown.has_error())
        {
            log::error("expansion_failed",
                       {{"campaign", public_id(c.campaign)}, {"reason", grown.error().message()}});
            return;
        }
        std::vector<store::record> both;
        if (!platform.empty())
        {
            both.push_back(std::move(platform));
        }
        both.push_back(std::move(rows));
        deps_.db.commit(std::move(both), live->source.transactional
                                             ? store::commit_class::control
                                             : store::commit_class::bulk);
        engine_->grow(c, *state, std::move(*grown));
    }
    engine_->grow(c, *state, {});
    log::info("campaign_expanded",
              {{"campaign", public_id(c.campaign)}, {"recipients", state->recipients}});
    (void)change_state(c.tenant, oplog::system_actor(), c.campaign, "campaign.expanded",
                       [](queue::lifecycle& l, const definition&) -> std::optional<std::string>
                       {
                           if (l.state != campaign_state::expanding)
                           {
                               l.expansion_open = false;
                               return l.state == campaign_state::paused
                                          ? std::nullopt
                                          : std::optional<std::string>("it ended");
                           }
                           l.state = campaign_state::sending;
                           l.expansion_open = false;
                           return std::nullopt;
                       },
                       {});
}

/// Empty: nobody of the page comes before the others.
result<std::vector<std::uint8_t>, failure>
campaigns::rank_page(const campaign_ref& c, const definition& d,
                     const std::vector<queue::chunk_entry>& page) const
{
    const bool of_contacts =
        d.audience.kind == audience_kind::where || d.audience.kind == audience_kind::contacts;
    if (!of_contacts || page.empty() || !deps_.is_warming || !deps_.is_warming(d.pool))
    {
        return std::vector<std::uint8_t>();
    }
    const auto fields = deps_.crm.schemas.get(c.tenant);
    const auto store = deps_.db.find_tenant(c.tenant);
    if (fields.has_error() || store == nullptr)
    {
        return failure{fields.has_error() ? fields.error().text : "the tenant is gone"};
    }
    return rank_by_engagement(*store, **fields, page, deps_.clock_source.wall());
}

/// A cancelled campaign gets no further recipients: what exists ends now.
void campaigns::end_expansion(const campaign_ref& c)
{
    const auto live = find_live(c);
    if (live == nullptr)
    {
        // It was a draft: nothing was ever handed to the engine.
        return;
    }
    const std::lock_guard page_lock(live->expansion);
    auto state = read_expansion(deps_.db.queue(), c);
    if (!state)
    {
        return;
    }
    if (!state->complete)
    {
        state->complete = true;
        store::record rows(c.tenant);
        rows.put(store::space::queue, queue::campaign_key(queue::row::expansion, c),
                 queue::encode(*state));
        deps_.db.commit(std::move(rows), store::commit_class::control);
    }
    engine_->grow(c, *state, {});
    engine_->close_campaign(c, queue::disposition::cancelled);
}

/// Every recipient has its end: the campaign is finished and its lanes go.
void campaigns::finish(const campaign_ref& c)
{
    const auto live = find_live(c);
    if (live == nullptr)
    {
        return;
    }
    auto change = deps_.log.begin(c.tenant, oplog::system_actor(), "campaign.finish");
    auto row = find(c.tenant, c.campaign);
    if (row.has_error())
    {
        return;
    }
    if (row->life.state != campaign_state::cancelled)
    {
        row->life.state = campaign_state::finished;
    }
    row->life.generation += 1;
    row->life.expansion_open = false;
    row->life.closed = true;
    change.set_object(public_id(c.campaign));
    change.data().put(store::space::queue, queue::campaign_key(queue::row::lifecycle, c),
                      queue::encode(row->life));
    queue::erase_lanes(c, change.data());
    change.commit(
        [&]
        {
            live->may_send = false;
            const std::unique_lock lock(live_mutex_);
            live_.erase(c);
        });
    engine_->forget(c);
    log::info("campaign_finished", {{"campaign", public_id(c.campaign)}});
}

} // namespace hikyaku::campaign
