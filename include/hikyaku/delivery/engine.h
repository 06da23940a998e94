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
#include <hikyaku/delivery/seams.h>
#include <hikyaku/delivery/work.h>
#include <hikyaku/net/address.h>
#include <hikyaku/net/blocking_pool.h>
#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/domain_table.h>
#include <hikyaku/resolver/resolver.h>
#include <hikyaku/shaping/shaping_table.h>
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

struct source
{
    std::string name = "default";
    /// Empty: the system chooses.
    std::string address_v4;
    std::string address_v6;
    /// Empty: the installation's host name.
    std::string ehlo_name;
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
    source default_source;
    smtp::session_timeouts timeouts;
    milliseconds connect_timeout{30'000};
    resolver::resolver_options dns;
    /// Bytes kept for one message whose end is unknown; larger ones retry by rendering anew.
    std::size_t unknown_bytes_max = 1u << 20;
};

/// A site as people see it.
struct site_view
{
    std::string site;
    std::string provider;
    /// "up", "suspended" or "probing".
    std::string health;
    std::uint64_t sessions = 0;
    std::uint64_t window = 0;
    std::uint64_t lanes_ready = 0;
    std::uint64_t parked = 0;
    std::string last_reply;
    /// Milliseconds until the suspension ends; 0 when there is none.
    std::int64_t resumes_in_ms = 0;
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
};

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

    /// Holds or resumes all leasing, with a reason for people.
    void hold(bool on, std::string because);
    /// Operator: no connections to the site for the duration; zero resumes at once.
    /// @returns false when no such site is known.
    [[nodiscard]] bool suspend_site(const std::string& site, milliseconds duration);
    void reload(std::shared_ptr<const shaping::shaping_table> shaping,
                std::vector<std::string> dns_servers);

    [[nodiscard]] engine_view view() const;
    /// Counters of one campaign as last settled; nullopt when it is not open.
    [[nodiscard]] std::optional<campaign_view> view_campaign(const queue::campaign_ref& c) const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::delivery
