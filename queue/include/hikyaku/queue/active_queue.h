#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <hikyaku/queue/expansion.h>
#include <hikyaku/queue/fact.h>
#include <hikyaku/queue/rows.h>
#include <hikyaku/store/database.h>

namespace hikyaku::queue
{

/// Index of a part of a lane in memory; valid until its campaign is closed. What is called a lane
/// here and in the scheduler is such a part: a lane's recipients of one rank. The retries of all
/// ranks belong to the part of rank 0, which exists whenever another one does.
using lane_index = std::uint32_t;

/// One recipient handed out to be tried. A value: nothing is in flight but in memory, and whoever
/// holds it must settle() it or give_back() it.
struct lease
{
    campaign_ref campaign;
    lane_index lane = 0;
    ordinal who;
    domain_id domain;
    /// Place in the lane, for a first attempt.
    position place = 0;
    /// When the retry was due, for a later one (the D row's key); {} for a first attempt.
    wall_time due{};
    attempt_state state;
    /// Might have been in flight when an earlier process died.
    bool maybe_repeat = false;
    /// Below ranks_max; a retry keeps it.
    std::uint8_t rank = 0;
    /// Its taker's mark: it holds a permit of the tenant's quota.
    bool has_permit = false;
    [[nodiscard]] bool is_retry() const noexcept { return due != wall_time{}; }
};

/// How a lease ended.
struct outcome
{
    lease l;
    /// Everything but campaign and who, which are the lease's.
    fact f;
    /// The exact message, kept when the end is unknown; empty otherwise.
    std::string kept_bytes;
};

/// Rows of one tenant that settle a batch of outcomes: one record, to be committed as it is.
struct settlement
{
    tenant_id tenant;
    store::record rows;
    std::uint64_t fact_seq = 0;
    /// The fact block as written, for whoever reads along.
    std::shared_ptr<const std::string> facts;
    // 0 and nullptr when nothing happened that anybody would be told (postponed leases).
};

/// Numbers for people about one lane.
struct lane_view
{
    campaign_ref campaign;
    lane_id lane;
    std::uint64_t ready = 0;
    std::uint64_t in_flight = 0;
    wall_time next_due{};
    /// It can't be read: its recipients are held.
    bool damaged = false;
    std::uint8_t rank = 0;
};

/// The recipients of every campaign that is not finished, as lanes: hands out leases in order and
/// folds outcomes into rows. Holds lane heads, not recipients: about 300 bytes a lane plus one
/// chunk. Pure but for reads of the store; one thread (the scheduler's).
///
/// Invariant, at every instant and after every crash:
///   recipients = settled + pending, where pending are the unset bits and the D rows.
class active_queue
{
public:
    /// Retries loaded from a lane at once.
    static constexpr std::size_t due_page = 256;
    /// No lane hands out more than this many first attempts beyond the lease mark in its durable
    /// row; after an unclean stop that many recipients beyond the mark may be repeats.
    static constexpr std::uint64_t repeat_margin = 4096;
    /// Settled retries of a lane that are remembered while their rows may still be on disk: above
    /// it the lane hands out no retries until some deletions are durable.
    static constexpr std::size_t due_gone_max = 4096;

    /// `margin` is repeat_margin but in tests. Never start with a smaller one than the process
    /// before had.
    explicit active_queue(store::database& db, std::uint64_t margin = repeat_margin);
    ~active_queue();
    active_queue(const active_queue&) = delete;
    active_queue& operator=(const active_queue&) = delete;

    /// Loads the heads of every campaign that still has something to do.
    /// `clean` tells that the last process stopped in order: then nothing can be a repeat.
    /// Steps over damaged rows, names their lanes and campaigns, and holds those.
    /// @error store::errc::corrupt  no campaign at all can be read
    [[nodiscard]] result<void> load(bool clean);

    /// A campaign begins (or is loaded): its C row and E row as they are on disk.
    void open_campaign(const campaign_ref& c, const lifecycle& l, const expansion_state& e);
    void set_lifecycle(const campaign_ref& c, const lifecycle& l);
    /// A page of the expansion is durable. Ranks above 0 are handed out when the expansion is
    /// complete, not before: a better one may still come.
    /// @returns the lanes that have more to hand out, the best ranks first
    std::vector<lane_index> grow(const campaign_ref& c, const expansion_state& e,
                                 const std::vector<lane_growth>& lanes);

    /// Lanes that appeared since the last call, the best ranks first: the scheduler gives each a
    /// place.
    [[nodiscard]] std::vector<lane_index> take_new_lanes();
    [[nodiscard]] lane_id id_of(lane_index lane) const;
    [[nodiscard]] std::uint8_t rank_of(lane_index lane) const;
    /// Where its recipients' retries are: itself, or the same lane's part of rank 0.
    [[nodiscard]] lane_index retries_of(lane_index lane) const;
    [[nodiscard]] const campaign_ref& campaign_of(lane_index lane) const;
    /// True when take() would return something.
    [[nodiscard]] bool has_ready(lane_index lane, wall_time now);
    /// When to look at the lane again if it has nothing ready: its next retry, or the campaign's
    /// start; {} when there is nothing to wait for.
    [[nodiscard]] wall_time next_wake(lane_index lane, wall_time now) const;
    [[nodiscard]] std::vector<lane_index> lane_indexes(const campaign_ref& c) const;
    [[nodiscard]] bool is_lane_of(lane_index lane, const campaign_ref& c) const;
    /// Nothing more is handed out of the campaign: it is about to be closed.
    void stop_leasing(const campaign_ref& c);
    /// Hands out up to `count` recipients, retries that are due first. Nothing while the campaign
    /// is not in state sending (or expanding), or after its expiry.
    std::size_t take(lane_index lane, std::size_t count, wall_time now, std::vector<lease>& out);
    /// The lease was not used: no attempt, no write. It is handed out again, first.
    void give_back(const lease& l);
    /// Makes every waiting retry of the campaign due now.
    void hurry(const campaign_ref& c);

    /// Folds outcomes into one record per tenant. What a settlement holds must become durable in
    /// the order in which settlements were made.
    [[nodiscard]] std::vector<settlement> settle(std::vector<outcome>& outcomes);
    /// Puts leases aside until `due` without an attempt: for recipients of a tail lane whose site
    /// is held for long, so that they don't stand before the others. One D row each.
    [[nodiscard]] std::vector<settlement> postpone(const std::vector<lease>& leases, wall_time due);
    /// What is left of a campaign ends as `how` (cancelled or expired; unknown ones stay unknown)
    /// in one batch. @pre in_flight(c) == 0
    [[nodiscard]] settlement close(const campaign_ref& c, disposition how, wall_time now);
    /// The contacts' routing domain is another one now: their recipients move to its lane and are
    /// due at `due`.
    [[nodiscard]] std::vector<settlement> move(const std::vector<lease>& leases, domain_id domain,
                                               wall_time due);
    /// Facts that are told by others (what came back by mail), with the rows that belong to them.
    /// The campaign need not be known here.
    [[nodiscard]] settlement append(tenant_id tenant, const std::vector<fact>& facts,
                                    store::record rows);
    /// Forgets a campaign. @pre nothing pending and none in flight
    void forget(const campaign_ref& c);

    [[nodiscard]] std::vector<campaign_ref> campaigns() const;
    [[nodiscard]] const lifecycle* find_lifecycle(const campaign_ref& c) const;
    [[nodiscard]] std::uint64_t in_flight(const campaign_ref& c) const;
    [[nodiscard]] std::uint64_t pending(const campaign_ref& c) const;
    [[nodiscard]] counters counts(const campaign_ref& c) const;
    [[nodiscard]] const expansion_state& expansion(const campaign_ref& c) const;
    [[nodiscard]] std::vector<lane_view> lanes(const campaign_ref& c) const;
    /// Lanes that can't be read, and damaged_campaigns() (one each): their recipients stay pending
    /// until the store is repaired.
    [[nodiscard]] std::size_t damaged_lanes() const noexcept
    {
        return damaged_lanes_ + damaged_campaigns_.size();
    }
    /// Campaigns of which a row is damaged, so that nothing of them was loaded, or lanes of which
    /// no other row tells were not. What was loaded is handed out.
    [[nodiscard]] const std::set<campaign_ref>& damaged_campaigns() const noexcept
    {
        return damaged_campaigns_;
    }

private:
    struct lane_state;
    struct campaign_entry;
    struct touched;

    [[nodiscard]] campaign_entry& entry(const campaign_ref& c);
    [[nodiscard]] const campaign_entry& entry(const campaign_ref& c) const;
    lane_state& obtain_lane(campaign_entry& c, const lane_part& part);
    void load_campaign(const campaign_ref& ref, const lifecycle& life, bool clean);
    void load_lanes(campaign_entry& c, bool clean);
    void load_lane(campaign_entry& c, const lane_part& part, bool clean);
    void load_retries(lane_state& l);
    void sort_by_rank(std::vector<lane_index>& lanes) const;
    void name_unseen(const std::set<campaign_ref>& seen);
    void mark_damaged(const campaign_ref& ref, std::string_view what);
    [[nodiscard]] bool load_chunk(lane_state& l);
    [[nodiscard]] std::optional<lease> next_fresh(lane_state& l);
    [[nodiscard]] bool may_hand_out(lane_state& l);
    [[nodiscard]] bool forget_gone(lane_state& l);
    void load_due(lane_state& l, wall_time now);
    void mark_damaged(lane_state& l, std::string_view what);
    void leave_place(const lease& lease_, lane_state& l, campaign_entry& c, store::record& rows);
    void put_deferred(const lease& lease_, const attempt_state& state, wall_time due, lane_state& l,
                      campaign_entry& c, store::record& rows);
    [[nodiscard]] static touched& touch(std::map<tenant_id, touched>& by_tenant, lane_state& l);
    [[nodiscard]] std::vector<settlement> finish_touched(std::map<tenant_id, touched>& by_tenant);
    void fold(outcome& o, lane_state& l, campaign_entry& c, store::record& rows);
    [[nodiscard]] std::uint64_t next_fact_seq(tenant_id tenant);

    store::database& db_;
    std::map<campaign_ref, std::unique_ptr<campaign_entry>> campaigns_;
    std::vector<std::unique_ptr<lane_state>> lanes_;
    std::vector<lane_index> free_lanes_;
    std::vector<lane_index> new_lanes_;
    std::unordered_map<tenant_id, std::uint64_t> fact_seq_;
    std::uint64_t margin_;
    std::size_t damaged_lanes_ = 0;
    std::set<campaign_ref> damaged_campaigns_;
};

/// Adds the deletion of everything the queue holds for recipients of a campaign that is drained.
/// Its counters stay.
void erase_lanes(const campaign_ref& c, store::record& rows);

/// Key of the bytes kept for an unknown outcome, in the tenant's family.
[[nodiscard]] std::string kept_bytes_key(const campaign_ref& c, ordinal who);

} // namespace hikyaku::queue
