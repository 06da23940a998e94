#include "active_state.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::queue
{

namespace
{

/// When a lane is looked at again whose rows were still on their way to the disk.
constexpr auto rescan_after = milliseconds{1000};

} // namespace

active_queue::active_queue(store::database& db) : db_(db) {}
active_queue::~active_queue() = default;

std::string kept_bytes_key(const campaign_ref& c, ordinal who)
{
    std::string key = "k";
    put_be(key, c.campaign.value);
    put_be(key, who.value);
    return key;
}

active_queue::campaign_entry& active_queue::entry(const campaign_ref& c)
{
    return *campaigns_.at(c);
}
const active_queue::campaign_entry& active_queue::entry(const campaign_ref& c) const
{
    return *campaigns_.at(c);
}

void active_queue::mark_damaged(lane_state& l, std::string_view what)
{
    if (!l.damaged)
    {
        l.damaged = true;
        ++damaged_lanes_;
        log::error("lane_damaged", {{"campaign", format_id("cmp", l.owner->ref.campaign.value)},
                                    {"lane", l.id.value},
                                    {"row", what},
                                    {"effect", "its recipients stay pending; the others go on"}});
    }
}

active_queue::lane_state& active_queue::obtain_lane(campaign_entry& c, lane_id lane)
{
    if (const auto found = c.lanes.find(lane); found != c.lanes.end())
    {
        return *lanes_[found->second];
    }
    lane_index index = 0;
    if (free_lanes_.empty())
    {
        index = static_cast<lane_index>(lanes_.size());
        lanes_.emplace_back();
    }
    else
    {
        index = free_lanes_.back();
        free_lanes_.pop_back();
    }
    lanes_[index] = std::make_unique<lane_state>();
    auto& made = *lanes_[index];
    made.owner = &c;
    made.index = index;
    made.id = lane;
    c.lanes.emplace(lane, index);
    new_lanes_.push_back(index);
    return made;
}

void active_queue::open_campaign(const campaign_ref& c, const lifecycle& l,
                                 const expansion_state& e)
{
    auto& slot = campaigns_[c];
    if (!slot)
    {
        slot = std::make_unique<campaign_entry>();
        slot->ref = c;
    }
    slot->life = l;
    slot->expansion = e;
}

void active_queue::set_lifecycle(const campaign_ref& c, const lifecycle& l)
{
    entry(c).life = l;
}

std::vector<lane_index> active_queue::grow(const campaign_ref& c, const expansion_state& e,
                                           const std::vector<lane_growth>& lanes)
{
    auto& campaign = entry(c);
    campaign.expansion = e;
    std::vector<lane_index> grown;
    for (const auto& growth : lanes)
    {
        auto& l = obtain_lane(campaign, growth.lane);
        l.chunks = growth.chunks;
        grown.push_back(l.index);
    }
    return grown;
}

std::vector<lane_index> active_queue::take_new_lanes()
{
    return std::exchange(new_lanes_, {});
}
lane_id active_queue::id_of(lane_index lane) const
{
    return lanes_[lane]->id;
}
const campaign_ref& active_queue::campaign_of(lane_index lane) const
{
    return lanes_[lane]->owner->ref;
}

bool active_queue::load_chunk(lane_state& l)
{
    if (l.can_load())
    {
        const std::uint32_t number = l.next_chunk;
        const auto bytes = db_.queue().find(chunk_key(l.owner->ref, l.id, 0, number));
        const auto entries = bytes.has_value() && bytes->has_value()
                                 ? decode_chunk(**bytes, domain_id{l.id.value})
                                 : std::nullopt;
        if (!entries)
        {
            mark_damaged(l, "chunk");
            return false;
        }
        const position first = static_cast<position>(number) << chunk_bits;
        ++l.next_chunk;
        l.chunk = *entries;
        l.chunk_first = first;
        l.chunk_at = 0;
        // A short chunk's missing places will never be settled by anybody else.
        for (position p = first + entries->size(); p < first + chunk_entries_max; ++p)
        {
            l.settled.settle(p);
        }
        return true;
    }
    return false;
}

std::optional<lease> active_queue::next_fresh(lane_state& l)
{
    while (true)
    {
        while (l.chunk_at < l.chunk.size())
        {
            const auto at = l.chunk_at++;
            const position place = l.chunk_first + at;
            if (!l.settled.is_settled(place))
            {
                lease made;
                made.campaign = l.owner->ref;
                made.lane = l.index;
                made.who = l.chunk[at].who;
                made.domain = l.chunk[at].domain;
                made.place = place;
                made.maybe_repeat = place < l.repeat_below || l.repeat_left > 0;
                l.repeat_left -= place >= l.repeat_below && l.repeat_left > 0 ? 1 : 0;
                l.settled.note_leased(place + 1);
                return made;
            }
        }
        if (l.damaged || !load_chunk(l))
        {
            return std::nullopt;
        }
    }
}

void active_queue::load_due(lane_state& l, wall_time now)
{
    if (l.damaged || !l.due_page.empty() || l.next_due == wall_time{} || l.next_due > now)
    {
        return;
    }
    const std::string prefix = lane_key(row::deferred, l.owner->ref, l.id);
    const std::string from = l.due_cursor.empty() ? prefix : l.due_cursor;
    // Rows that are not durable yet are not seen by the scan: then it is made again.
    if (l.unclean)
    {
        l.unclean = false;
        l.repeat_until = now;
    }
    const bool all_durable = db_.backlog_bytes() == 0;
    const bool sees_all = !l.maybe_unseen || all_durable;
    l.maybe_unseen = !sees_all;
    if (all_durable)
    {
        l.due_gone.clear();
    }
    auto it = db_.queue().scan(from, store::prefix_end(prefix));
    l.next_due = {};
    for (; it.valid(); it.next())
    {
        const auto due = from_unix_ms(
            static_cast<std::int64_t>(get_be<std::uint64_t>(it.key().substr(lane_key_bytes))));
        const ordinal who{get_be<std::uint32_t>(it.key().substr(lane_key_bytes + 8))};
        if (l.due_out.contains({due, who}) || l.due_gone.contains({due, who}))
        {
            continue;
        }
        if ((due > now && !l.hurried) || l.due_page.size() == due_page)
        {
            l.next_due = l.hurried ? wall_time{milliseconds{1}} : due;
            break;
        }
        const auto value = decode_deferred(it.value());
        if (!value)
        {
            mark_damaged(l, "deferred");
            return;
        }
        lease made;
        made.campaign = l.owner->ref;
        made.lane = l.index;
        made.who = who;
        made.domain = value->domain;
        made.due = due;
        made.maybe_repeat = due <= l.repeat_until || value->state.maybe_repeat;
        made.state = value->state;
        l.due_page.push_back(made);
        l.due_out.emplace(due, who);
        l.due_cursor = std::string(it.key());
    }
    l.hurried = l.hurried && it.valid();
    if (it.status().has_error())
    {
        mark_damaged(l, "deferred");
    }
    if (!sees_all)
    {
        const auto again = now + rescan_after;
        l.due_cursor.clear();
        l.next_due = l.next_due == wall_time{} ? again : std::min(l.next_due, again);
    }
    // Taken from the back.
    std::reverse(l.due_page.begin(), l.due_page.end());
}

bool active_queue::has_ready(lane_index lane, wall_time now)
{
    auto& l = *lanes_[lane];
    if (!l.owner->may_send(now) || l.damaged)
    {
        return false;
    }
    return !l.returned.empty() || !l.due_page.empty() || l.chunk_at < l.chunk.size() ||
           l.can_load() || (l.next_due != wall_time{} && l.next_due <= now);
}

wall_time active_queue::next_wake(lane_index lane, wall_time now) const
{
    const auto& l = *lanes_[lane];
    if (l.damaged || now >= l.owner->life.expires_at)
    {
        return {};
    }
    return now < l.owner->life.send_at ? l.owner->life.send_at : l.next_due;
}

std::vector<lane_index> active_queue::lane_indexes(const campaign_ref& c) const
{
    std::vector<lane_index> all;
    for (const auto& [id, index] : entry(c).lanes)
    {
        all.push_back(index);
    }
    return all;
}

bool active_queue::is_lane_of(lane_index lane, const campaign_ref& c) const
{
    return lane < lanes_.size() && lanes_[lane] != nullptr && lanes_[lane]->owner->ref == c;
}

void active_queue::stop_leasing(const campaign_ref& c)
{
    entry(c).closed = true;
}

std::size_t active_queue::take(lane_index lane, std::size_t count, wall_time now,
                               std::vector<lease>& out)
{
    auto& l = *lanes_[lane];
    if (!l.owner->may_send(now))
    {
        return 0;
    }
    std::size_t taken = 0;
    load_due(l, now);
    while (taken < count)
    {
        if (!l.returned.empty())
        {
            out.push_back(l.returned.back());
            l.returned.pop_back();
        }
        else if (!l.due_page.empty())
        {
            out.push_back(l.due_page.back());
            l.due_page.pop_back();
        }
        else if (auto fresh = next_fresh(l))
        {
            out.push_back(*fresh);
        }
        else
        {
            break;
        }
        ++taken;
    }
    l.in_flight += taken;
    l.owner->in_flight += taken;
    return taken;
}

void active_queue::give_back(const lease& l)
{
    auto& lane = *lanes_[l.lane];
    HK_ASSERT(lane.in_flight > 0);
    --lane.in_flight;
    --lane.owner->in_flight;
    lane.returned.push_back(l);
}

void active_queue::hurry(const campaign_ref& c)
{
    for (const auto& [id, index] : entry(c).lanes)
    {
        auto& l = *lanes_[index];
        if (l.next_due != wall_time{})
        {
            l.hurried = true;
            l.due_cursor.clear();
            l.next_due = wall_time{milliseconds{1}};
        }
    }
}

std::uint64_t active_queue::next_fact_seq(tenant_id tenant)
{
    const auto [at, is_new] = fact_seq_.try_emplace(tenant, 0);
    if (is_new)
    {
        const auto store = db_.find_tenant(tenant);
        const auto last = store ? store->last_key(std::string_view(&fact_kind, 1))
                                : result<std::optional<std::string>>(std::nullopt);
        // Without knowing the last number a new block could overwrite an old one.
        HK_ASSERT(last.has_value());
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
    rows.put(store::space::queue, key, encode(deferred_row{kept, lease_.domain}));
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
    if (o.l.state.was_unknown && !is_unknown)
    {
        rows.erase(store::space::data, kept_bytes_key(c.ref, o.l.who));
    }
    if (is_final(o.f.what) || o.f.next_try == wall_time{})
    {
        c.count.final_by[static_cast<std::size_t>(o.f.what)] += 1;
        return;
    }
    attempt_state state = o.l.state;
    state.attempts = o.f.attempt;
    state.first_try = state.first_try == wall_time{} ? o.f.at : state.first_try;
    state.was_unknown = is_unknown;
    put_deferred(o.l, state, o.f.next_try, l, c, rows);
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
            t.rows.put(store::space::queue, progress_key(l->owner->ref, l->id, 0),
                       l->settled.encode());
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
        put_deferred(postponed, postponed.state, due, l, *l.owner, t.rows);
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
        const bool own = c.lanes.contains(lane_id::of_domain(domain));
        auto& to = obtain_lane(c, own ? lane_id::of_domain(domain) : lane_id::tail_of(domain));
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

void active_queue::forget(const campaign_ref& c)
{
    auto& campaign = entry(c);
    HK_ASSERT(campaign.in_flight == 0 && pending(c) == 0);
    for (const auto& [id, index] : campaign.lanes)
    {
        damaged_lanes_ -= lanes_[index]->damaged ? 1 : 0;
        lanes_[index].reset();
        free_lanes_.push_back(index);
        std::erase(new_lanes_, index);
    }
    campaigns_.erase(c);
}

std::vector<campaign_ref> active_queue::campaigns() const
{
    std::vector<campaign_ref> all;
    for (const auto& [ref, c] : campaigns_)
    {
        all.push_back(ref);
    }
    return all;
}

const lifecycle* active_queue::find_lifecycle(const campaign_ref& c) const
{
    const auto found = campaigns_.find(c);
    return found == campaigns_.end() ? nullptr : &found->second->life;
}
std::uint64_t active_queue::in_flight(const campaign_ref& c) const
{
    return entry(c).in_flight;
}
std::uint64_t active_queue::pending(const campaign_ref& c) const
{
    const auto& e = entry(c);
    return e.expansion.recipients - e.count.settled();
}
counters active_queue::counts(const campaign_ref& c) const
{
    return entry(c).count;
}
const expansion_state& active_queue::expansion(const campaign_ref& c) const
{
    return entry(c).expansion;
}

std::vector<lane_view> active_queue::lanes(const campaign_ref& c) const
{
    std::vector<lane_view> out;
    for (const auto& [id, index] : entry(c).lanes)
    {
        const auto& l = *lanes_[index];
        const std::uint64_t ahead =
            (static_cast<std::uint64_t>(l.chunks - l.next_chunk) << chunk_bits) +
            (l.chunk.size() - l.chunk_at);
        out.push_back(
            {c, id, ahead + l.returned.size() + l.due_page.size(), l.in_flight, l.next_due});
    }
    return out;
}

} // namespace hikyaku::queue
