#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "trace.h"

#include <hikyaku/delivery/engine.h>
#include <hikyaku/queue/expansion.h>

namespace hikyaku::sim
{

/// One recipient of a campaign. Its address is r<who>.c<campaign>@<domain at first>.
struct person
{
    ordinal who;
    std::string address;
    domain_id domain;
    /// The last look sees it; durable since `suppressed_at`.
    bool suppressed = false;
    mono_time suppressed_at = mono_time::max();
    mono_time leased{};
};

struct campaign_model
{
    queue::campaign_ref ref;
    /// As last written; `generation` and may_send are what everybody sees.
    queue::lifecycle life;
    std::uint32_t generation = 0;
    queue::expansion_state expansion;
    std::vector<person> people; // by ordinal, from 1
    mono_time begun{};
    wall_time began_wall{};
    /// Name of the pool that it is sent from; empty: the default one.
    std::string pool;
    bool may_send = false;
    bool finished = false;
    /// Acknowledged times in which nothing may be sent.
    std::vector<std::pair<mono_time, mono_time>> silent;
    queue::counters counts;

    [[nodiscard]] person* find(ordinal who);
};

/// Stands where the campaign module stands: makes campaigns durable, answers the engine's hooks,
/// changes its mind while they run. Survives power cuts as far as it has written.
class customers
{
public:
    using failed = std::function<void(std::string)>;

    customers(virtual_time& time, seeded_random& random, trace& t, failed f)
        : time_(time), random_(random), trace_(t), failed_(std::move(f))
    {
    }

    /// A process starts: `db` may be another one than before.
    void attach(store::database& db, queue::domain_table& domains);
    void set_engine(delivery::engine* e) { engine_ = e; }
    /// Nothing that happens any more is seen or acknowledged.
    void lose_power() { powered_ = false; }
    [[nodiscard]] delivery::hooks make_hooks();

    /// A campaign of `counts` recipients by domain begins now.
    void begin(tenant_id tenant, const std::vector<std::pair<std::string, unsigned>>& counts,
               milliseconds expires_in, const std::string& pool = {}, bool transactional = false);
    /// What the tenant may send, from the start of the next process or reload_tenant() on.
    void set_terms(tenant_id tenant, delivery::tenant_terms terms) { terms_[tenant] = terms; }
    [[nodiscard]] const std::map<tenant_id, delivery::tenant_terms>& terms() const noexcept
    {
        return terms_;
    }
    void suppress(std::size_t campaign, std::size_t person);
    void set_state(std::size_t campaign, queue::campaign_state state);
    /// Contacts change their address: the recipient belongs to another domain now.
    void move(std::size_t campaign, std::size_t person, const std::string& domain);
    void hurry(std::size_t campaign);

    [[nodiscard]] std::vector<campaign_model>& campaigns() noexcept { return campaigns_; }
    [[nodiscard]] bool all_finished() const;
    /// Every open report adds up: recipients = ended + pending.
    void check_reports();
    /// When the recipient with this address was leased last.
    [[nodiscard]] mono_time lease_time(const std::string& address) const;

private:
    [[nodiscard]] campaign_model& find(const queue::campaign_ref& c);
    void load(std::span<delivery::work> batch);
    void load_one(delivery::work& w);
    void on_drained(const queue::campaign_ref& c);
    void finish(const queue::campaign_ref& c);
    void publish(campaign_model& m, const queue::lifecycle& life);
    void reload_one(campaign_model& m);
    /// Runs `done` when durable, unless the power was cut before.
    void write(store::record r, std::function<void()> done);

    virtual_time& time_;
    seeded_random& random_;
    trace& trace_;
    failed failed_;
    store::database* db_ = nullptr;
    queue::domain_table* domains_ = nullptr;
    delivery::engine* engine_ = nullptr;
    std::vector<campaign_model> campaigns_;
    std::set<tenant_id> tenants_;
    std::map<tenant_id, delivery::tenant_terms> terms_;
    std::uint64_t renders_ = 0;
    unsigned life_ = 0;
    bool powered_ = false;
};

} // namespace hikyaku::sim
