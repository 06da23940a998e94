#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hikyaku/base/duration_histogram.h>
#include <hikyaku/base/random.h>
#include <hikyaku/bounce/classifier.h>
#include <hikyaku/delivery/operate.h>
#include <hikyaku/delivery/seams.h>
#include <hikyaku/delivery/trace.h>
#include <hikyaku/delivery/work.h>
#include <hikyaku/net/address.h>
#include <hikyaku/net/blocking_pool.h>
#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/domain_table.h>
#include <hikyaku/resolver/resolver.h>
#include <hikyaku/shaping/adaptation_event.h>
#include <hikyaku/shaping/shaping_table.h>
#include <hikyaku/shaping/source_table.h>
#include <hikyaku/smtp/client_session.h>
#include <hikyaku/store/database.h>
#include <hikyaku/store/disk_guard.h>

namespace hikyaku::delivery
{

/// Where mail for a routing domain goes instead of its MX (relays and tests). A name is looked up
/// like a mail domain; an address is used as it is. A route overrides the forbidden networks.
struct route
{
    std::string host;
    std::uint16_t port = 25;
};

struct engine_options
{
    std::string hostname = "localhost";
    std::uint16_t smtp_port = 25;
    /// 0: one per processor.
    unsigned shards = 0;
    unsigned sessions_max = 1000;
    /// Recipients handed to a session at once.
    unsigned batch = 16;
    /// "*" is the default route.
    std::map<std::string, route> routes;
    net::network_list forbidden_networks = net::default_forbidden_networks();
    /// Where mail leaves from. Null: one source, "default", that leaves the address to the system.
    std::shared_ptr<const shaping::source_table> sources;
    /// What replies mean. Null: the built-in rules.
    std::shared_ptr<const bounce::classifier> classifier;
    /// Percent of sessions_max that only transactional mail may use.
    unsigned transactional_reserve_percent = 10;
    /// The installation's offset from UTC: when a warm-up's day begins.
    int offset_minutes = 9 * 60;
    smtp::session_timeouts timeouts;
    milliseconds connect_timeout{30'000};
    resolver::resolver_options dns;
    /// Bytes kept for one message whose end is unknown; larger ones retry by rendering anew.
    std::size_t unknown_bytes_max = 1u << 20;
};

/// A site from one source as people see it.
struct path_view
{
    std::string source;
    /// "up", "suspended" or "probing".
    std::string health;
    std::uint64_t sessions = 0;
    std::uint64_t idle = 0;
    /// Connections allowed now.
    std::uint64_t window = 0;
    /// Retries that wait for this source.
    std::uint64_t sticky = 0;
    /// The limits in force, lowered ones included.
    shaping::site_limits limits;
    /// What is lowered or suspended now, by whom and until when.
    std::vector<shaping::adaptation_event> adaptations;
    std::string last_reply;
    /// Milliseconds until the suspension ends; 0 when there is none.
    std::int64_t resumes_in_ms = 0;
};

/// A site as people see it.
struct site_view
{
    std::string site;
    std::string provider;
    std::vector<std::string> mx;
    /// The worst of its paths: "up", "suspended" or "probing".
    std::string health;
    std::uint64_t sessions = 0;
    std::uint64_t window = 0;
    std::uint64_t lanes_ready = 0;
    std::uint64_t parked = 0;
    /// Recipients of its domains that wait: ready now, and for a later try; in flight.
    std::uint64_t ready = 0;
    std::uint64_t scheduled = 0;
    std::uint64_t in_flight = 0;
    std::string last_reply;
    /// What happens next, in a few words: "sends", "waits for message_rate", "suspended until …".
    std::string next_action;
    /// Milliseconds until the suspension ends; 0 when there is none.
    std::int64_t resumes_in_ms = 0;
    std::vector<path_view> paths;
};

struct campaign_view
{
    queue::campaign_ref campaign;
    queue::campaign_state state{};
    std::uint64_t recipients = 0;
    std::uint64_t pending = 0;
    std::uint64_t in_flight = 0;
    queue::counters counts;
};

struct engine_view
{
    std::vector<site_view> sites;
    std::vector<campaign_view> campaigns;
    std::uint64_t sessions = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t dispositions[queue::dispositions_max] = {};
    bool held = false;
    std::string held_because;
    std::uint64_t damaged_lanes = 0;
    double loop_lag_ms = 0;
    /// Of transactions, from MAIL to the last reply.
    duration_histogram::view transactions;
    /// Suspensions of sites, tenants and campaigns in force, and the last adaptations of all kinds
    /// (newest last, at most adaptation_history_max).
    std::vector<shaping::adaptation_event> suspensions;
    std::vector<shaping::adaptation_event> history;
    /// How many adaptations began since the start.
    std::uint64_t adaptations = 0;
};
inline constexpr std::size_t adaptation_history_max = 512;

/// The sending engine: one scheduler thread that owns lanes, limits and leases, and shard threads
/// that run sessions. Knows no campaign. All methods are thread-safe.
class engine
{
public:
    struct dependencies
    {
        store::database& db;
        queue::domain_table& domains;
        const clock& clock_source;
        random_source& random;
        net::blocking_pool& pool;
        const store::disk_guard& disk;
        seams world{};
    };

    engine(engine_options options, std::shared_ptr<const shaping::shaping_table> shaping,
           dependencies deps, hooks h);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    /// Loads the queue and starts to send. `clean`: the last process stopped in order.
    [[nodiscard]] result<void> start(bool clean);
    /// Stops leasing, lets transactions reach their end, closes. Everything settled is durable
    /// when it returns; sessions that are not done at the deadline are cut.
    void stop(milliseconds deadline);

    // With loops from outside, stop() in steps; after each, somebody runs the loops.
    /// Stops leasing and lets transactions reach their end.
    void begin_stop();
    /// Cuts the sessions that are still open.
    void cut();
    /// No session is left and nothing is being loaded.
    [[nodiscard]] bool quiet() const;
    /// The last settlement. Once it is durable and the loops are idle, the engine may be
    /// destroyed. @pre quiet()
    void end_stop();

    /// A campaign whose C row is durable begins, or changed (pause, resume, content).
    void open_campaign(const queue::campaign_ref& c, const queue::lifecycle& l,
                       const queue::expansion_state& e);
    void set_lifecycle(const queue::campaign_ref& c, const queue::lifecycle& l);
    /// A page of the expansion is durable.
    void grow(const queue::campaign_ref& c, const queue::expansion_state& e,
              std::vector<queue::lane_growth> lanes);
    /// Ends what is left as `how`, once nothing is in flight; then hooks.drained is called.
    void close_campaign(const queue::campaign_ref& c, queue::disposition how);
    /// Forgets a drained campaign.
    void forget(const queue::campaign_ref& c);
    /// Retries become due now.
    void hurry(const queue::campaign_ref& c);

    /// Facts that were told by others, in the order of the tenant's stream, with rows of the same
    /// tenant. Waits until they are durable: not from a loop of the engine or the writer thread.
    /// @returns the number of their block; 0 when the tenant is gone and nothing was written
    [[nodiscard]] std::uint64_t append_facts(tenant_id tenant, std::vector<queue::fact> facts,
                                             store::record rows);

    /// Holds or resumes all leasing, with a reason for people.
    void hold(bool on, std::string because);
    // Operator's orders. Each @returns false when nothing of that name is known.
    /// Hands nothing out of the scope for the duration; survives a restart. @pre duration > 0
    [[nodiscard]] bool suspend(const scope& what, milliseconds duration, const std::string& why);
    /// Ends suspensions of the scope, the operator's and those by rules; for a site back-offs too.
    [[nodiscard]] bool resume(const scope& what);
    /// Retries of the scope become due now; a dead site is tried at once.
    [[nodiscard]] bool retry(const scope& what);
    /// Everything that waits in the scope ends as bounced, with the reason; for a site also what
    /// comes within `duration`.
    [[nodiscard]] bool bounce(const scope& what, milliseconds duration, const std::string& why);

    /// Why a recipient has not been sent, and when it may be.
    [[nodiscard]] explanation explain(const queue::campaign_ref& c, ordinal who,
                                      const std::string& domain) const;
    /// How long sites would need for so many more recipients per routing domain.
    [[nodiscard]] std::vector<forecast_line>
    forecast(const std::vector<std::pair<std::string, std::uint64_t>>& recipients_by_domain,
             const std::string& pool) const;
    [[nodiscard]] std::vector<session_view> sessions() const;
    [[nodiscard]] trace_hub& trace() noexcept;

    /// New limits, rules, sources and name servers; no session is dropped but those of a source
    /// that is gone, after their transaction. Open sessions keep the classifier they began with.
    /// `classifier`: null keeps the one in force.
    void reload(std::shared_ptr<const shaping::shaping_table> shaping,
                std::shared_ptr<const shaping::source_table> sources,
                std::vector<std::string> dns_servers,
                std::shared_ptr<const bounce::classifier> classifier = nullptr);
    /// The tenant's quota has changed.
    void reload_tenant(tenant_id tenant);

    [[nodiscard]] engine_view view() const;
    /// Counters of one campaign as last settled; nullopt when it is not open.
    [[nodiscard]] std::optional<campaign_view> view_campaign(const queue::campaign_ref& c) const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::delivery
