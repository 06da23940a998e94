#include "active_state.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::queue
{

std::string kept_bytes_key(const campaign_ref& c, ordinal who)
{
    std::string key = "k";
    put_be(key, c.campaign.value);
    put_be(key, who.value);
    return key;
}

std::uint64_t active_queue::next_fact_seq(tenant_id tenant)
{
    const auto [at, is_new] = fact_seq_.try_emplace(tenant, 0);
    if (is_new)
    {
        const auto store = db_.find_tenant(tenant);
        const auto last = store ? store->last_key(std::string_view(&fact_kind, 1))
                                : result<std::optional<std::string>>(std::nullopt);
        if (last.has_error())
        {
            // A new block must not overwrite an old one that can't be read. There is at most one
            // block in each record of the tenant's journal, so its number is above them all.
            at->second = db_.head(tenant).seq;
            log::error("fact_numbers_unreadable",
                       {{"tenant", tenant.value}, {"next", at->second + 1}});
            return ++at->second;
        }
        at->second =
            last->has_value() ? get_be<std::uint64_t>(std::string_view(**last).substr(1)) : 0;
    }
    return ++at->second;
}

void active_queue::leave_place(const lease& lease_, lane_state& l, campaign_entry& c,
                               store::record& rows)
{
    HK_ASSERT(l.in_flight > 0);
    --l.in_flight;
    --c.in_flight;
    if (!lease_.is_retry())
    {
        l.settled.settle(lease_.place);
        return;
    }
    rows.erase(store::space::queue, deferred_key(c.ref, l.id, lease_.due, lease_.who));
    l.due_out.erase({lease_.due, lease_.who});
    l.due_gone.emplace(lease_.due, lease_.who);
    c.count.deferred_now -= 1;
    c.count.unknown_now -= lease_.state.was_unknown ? 1 : 0;
}

void active_queue::put_deferred(const lease& lease_, const attempt_state& state, wall_time due,
                                lane_state& l, campaign_entry& c, store::record& rows)
{
    const std::string key = deferred_key(c.ref, l.id, due, lease_.who);
    attempt_state kept = state;
    kept.maybe_repeat = lease_.maybe_repeat;
    rows.put(store::space::queue, key, encode(deferred_row{kept, lease_.domain, lease_.rank}));
    if (key <= l.due_cursor)
    {
        l.due_cursor.clear(); // it lies where the scan has been: look there again
    }
    l.due_gone.erase({due, lease_.who});
    l.maybe_unseen = true;
    l.next_due = l.next_due == wall_time{} ? due : std::min(l.next_due, due);
    c.count.deferred_now += 1;
    c.count.unknown_now += state.was_unknown ? 1 : 0;
}

void active_queue::fold(outcome& o, lane_state& l, campaign_entry& c, store::record& rows)
{
    leave_place(o.l, l, c, rows);
    c.count.attempts += o.f.attempt != 0 ? 1 : 0;
    const bool is_unknown = o.f.what == disposition::unknown;
    if (is_final(o.f.what) || o.f.next_try == wall_time{})
    {
        if (o.l.state.was_unknown)
        {
            rows.erase(store::space::data, kept_bytes_key(c.ref, o.l.who));
        }
        c.count.final_by[static_cast<std::size_t>(o.f.what)] += 1;
        return;
    }
    attempt_state state = o.l.state;
    state.attempts = o.f.attempt;
    state.first_try = state.first_try == wall_time{} ? o.f.at : state.first_try;
    // Once unknown, a later refusal does not tell what became of that message.
    state.was_unknown = state.was_unknown || is_unknown;
    put_deferred(o.l, state, o.f.next_try, *lanes_[l.base], c, rows);
    if (is_unknown && !o.kept_bytes.empty())
    {
        rows.put(store::space::data, kept_bytes_key(c.ref, o.l.who), o.kept_bytes);
    }
}

struct active_queue::touched
{
    store::record rows;
    fact_block_writer facts;
    std::vector<lane_state*> lanes;
    std::vector<campaign_entry*> campaigns;

    explicit touched(tenant_id tenant) : rows(tenant) {}
};

active_queue::touched& active_queue::touch(std::map<tenant_id, touched>& by_tenant, lane_state& l)
{
    auto& c = *l.owner;
    auto& t = by_tenant.try_emplace(c.ref.tenant, c.ref.tenant).first->second;
    if (!l.is_touched)
    {
        l.is_touched = true;
        t.lanes.push_back(&l);
    }
    if (!c.is_touched)
    {
        c.is_touched = true;
        t.campaigns.push_back(&c);
    }
    return t;
}

std::vector<settlement> active_queue::finish_touched(std::map<tenant_id, touched>& by_tenant)
{
    std::vector<settlement> out;
    for (auto& [tenant, t] : by_tenant)
    {
        for (auto* l : t.lanes)
        {
            l->is_touched = false;
            t.rows.put(store::space::queue, progress_key(l->owner->ref, l->part()),
                       l->settled.encode());
            l->margin.note_written(l->settled.leased());
        }
        for (auto* c : t.campaigns)
        {
            c->is_touched = false;
            t.rows.put(store::space::queue, campaign_key(row::counters, c->ref), encode(c->count));
        }
        settlement s{tenant, std::move(t.rows), 0, nullptr};
        if (!t.facts.empty())
        {
            s.fact_seq = next_fact_seq(tenant);
            s.facts = std::make_shared<const std::string>(t.facts.finish());
            s.rows.put(store::space::data, fact_key(s.fact_seq), *s.facts);
        }
        out.push_back(std::move(s));
    }
    return out;
}

std::vector<settlement> active_queue::settle(std::vector<outcome>& outcomes)
{
    std::map<tenant_id, touched> by_tenant;
    for (auto& o : outcomes)
    {
        auto& l = *lanes_[o.l.lane];
        auto& c = *l.owner;
        HK_ASSERT(c.ref == o.l.campaign);
        auto& t = touch(by_tenant, l);
        o.f.campaign = c.ref.campaign;
        o.f.who = o.l.who;
        o.f.dup_possible = o.f.dup_possible || o.l.maybe_repeat || o.l.state.was_unknown;
        fold(o, l, c, t.rows);
        t.facts.add(o.f);
    }
    return finish_touched(by_tenant);
}

std::vector<settlement> active_queue::postpone(const std::vector<lease>& leases, wall_time due)
{
    std::map<tenant_id, touched> by_tenant;
    for (const auto& postponed : leases)
    {
        auto& l = *lanes_[postponed.lane];
        auto& t = touch(by_tenant, l);
        leave_place(postponed, l, *l.owner, t.rows);
        // A lane's retries are read in the order of their times: the better ranks first.
        put_deferred(postponed, postponed.state, due + milliseconds{postponed.rank},
                     *lanes_[l.base], *l.owner, t.rows);
    }
    return finish_touched(by_tenant);
}

std::vector<settlement> active_queue::move(const std::vector<lease>& leases, domain_id domain,
                                           wall_time due)
{
    std::map<tenant_id, touched> by_tenant;
    for (auto moved : leases)
    {
        auto& from = *lanes_[moved.lane];
        auto& c = *from.owner;
        auto& t = touch(by_tenant, from);
        leave_place(moved, from, c, t.rows);
        moved.domain = domain;
        const bool own = c.lanes.contains({lane_id::of_domain(domain), 0});
        auto& to = obtain_lane(c, {own ? lane_id::of_domain(domain) : lane_id::tail_of(domain), 0});
        put_deferred(moved, moved.state, due, to, c, touch(by_tenant, to).rows);
    }
    return finish_touched(by_tenant);
}

settlement active_queue::close(const campaign_ref& c, disposition how, wall_time now)
{
    auto& campaign = entry(c);
    HK_ASSERT(campaign.in_flight == 0);
    const std::uint64_t left = pending(c);
    const std::uint64_t unknown = std::min(campaign.count.unknown_now, left);
    store::record rows(c.tenant);
    fact_block_writer facts;
    const auto end_as = [&](disposition what, std::uint64_t count)
    {
        campaign.count.final_by[static_cast<std::size_t>(what)] += count;
        if (count != 0)
        {
            fact f;
            f.at = now;
            f.what = what;
            f.campaign = c.campaign;
            f.count = count;
            facts.add(f);
        }
    };
    end_as(disposition::unknown, unknown);
    end_as(how, left - unknown);
    campaign.count.deferred_now = 0;
    campaign.count.unknown_now = 0;
    rows.put(store::space::queue, campaign_key(row::counters, c), encode(campaign.count));
    std::uint64_t seq = 0;
    std::shared_ptr<const std::string> block;
    if (!facts.empty())
    {
        seq = next_fact_seq(c.tenant);
        block = std::make_shared<const std::string>(facts.finish());
        rows.put(store::space::data, fact_key(seq), *block);
    }
    campaign.closed = true;
    erase_lanes(c, rows);
    return {c.tenant, std::move(rows), seq, std::move(block)};
}

settlement active_queue::append(tenant_id tenant, const std::vector<fact>& facts,
                                store::record rows)
{
    HK_ASSERT(!facts.empty() && rows.tenant() == tenant);
    fact_block_writer block;
    for (const auto& f : facts)
    {
        block.add(f);
    }
    settlement s{tenant, std::move(rows), next_fact_seq(tenant),
                 std::make_shared<const std::string>(block.finish())};
    s.rows.put(store::space::data, fact_key(s.fact_seq), *s.facts);
    return s;
}

void erase_lanes(const campaign_ref& c, store::record& rows)
{
    for (const row kind : {row::chunk, row::progress, row::deferred})
    {
        const std::string first = campaign_key(kind, c);
        rows.erase_range(store::space::queue, first, store::prefix_end(first));
    }
    const std::string kept = kept_bytes_key(c, ordinal{0}).substr(0, 9);
    rows.erase_range(store::space::data, kept, store::prefix_end(kept));
}

} // namespace hikyaku::queue
