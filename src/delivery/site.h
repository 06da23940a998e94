#pragma once

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "flows.h"
#include "send_gate.h"

#include <hikyaku/delivery/engine.h>
#include <hikyaku/dns/mx_answer.h>
#include <hikyaku/shaping/adaptation.h>
#include <hikyaku/shaping/concurrency_window.h>
#include <hikyaku/shaping/site_health.h>
#include <hikyaku/shaping/source_choice.h>
#include <hikyaku/shaping/token_bucket.h>

namespace hikyaku::delivery
{

using session_id = std::uint64_t;

/// Where a session connects, decided by the scheduler; immutable, shared with the shard.
struct connection_plan
{
    std::shared_ptr<const dns::mx_answer> mx;
    std::string site;
    std::uint16_t port = 25;
    bool is_route = false;
    shaping::site_limits limits;
    std::string source;
    std::uint16_t source_number = 0;
    std::string ehlo_name;
    std::string local_v4;
    std::string local_v6;
    /// What replies mean. Never null.
    std::shared_ptr<const bounce::classifier> classifier;
    /// MX hosts that a rule said to leave out for now.
    std::set<std::string> skipped;
    /// Of the path, never null; of the provider, null when it has none.
    std::shared_ptr<send_gate> gate;
    std::shared_ptr<send_gate> provider_gate;
    /// Passed by every dial: a session may try several addresses. Never null.
    std::shared_ptr<send_gate> dial_gate;
};

/// What all sites of one provider share, for one source.
struct provider_share
{
    unsigned sessions = 0;
    std::optional<shaping::token_bucket> messages;
    std::shared_ptr<send_gate> gate = std::make_shared<send_gate>();
};

struct site;

/// One site from one source: what limits apply to. Scheduler thread only.
struct path
{
    site& where;
    /// Durable number of the source, and its index in the table in force.
    shaping::source_number number = 0;
    std::size_t source = 0;
    /// The source is gone from the configuration: its sessions end, nothing new begins.
    bool retired = false;
    std::shared_ptr<const connection_plan> plan;
    shaping::path_adaptation adaptation;
    shaping::concurrency_window window;
    shaping::site_health health;
    std::optional<shaping::token_bucket> messages;
    std::optional<shaping::token_bucket> connections;
    std::shared_ptr<send_gate> gate = std::make_shared<send_gate>();
    std::shared_ptr<send_gate> dial_gate = std::make_shared<send_gate>();
    provider_share* provider = nullptr;
    /// Sessions that are connected and have nothing to do, and all of them.
    std::list<session_id> idle;
    std::set<session_id> sessions;
    /// Retries that must leave from here (greylisting); they hold permits of their tenants.
    std::list<queue::lease> sticky;
    /// MX hosts to leave out, and until when.
    std::map<std::string, mono_time> skipped;
    std::string last_reply;

    path(site& s, shaping::source_number n, const std::string& site_key,
         const std::string& source_name, const shaping::site_limits& l,
         const shaping::adaptation_policy& policy)
        : where(s), number(n), adaptation(site_key, source_name, l, policy),
          window({l.connections_initial, l.connections_max}), health(health_of(l))
    {
    }
    [[nodiscard]] static shaping::health_policy health_of(const shaping::site_limits& l)
    {
        return {l.connect_failures_max, l.suspension_first, l.suspension_max, 20};
    }
    /// The limits in force.
    [[nodiscard]] const shaping::site_limits& limits() const { return adaptation.effective(); }
    [[nodiscard]] unsigned connections_allowed() const
    {
        return std::min(window.size(), limits().connections_max);
    }
    /// Buckets, window and health follow the limits in force. A new bucket has earned since
    /// `since`, from nothing: a restart must not grant a second burst.
    void apply_limits(mono_time now, mono_time since)
    {
        set_rate(messages, limits().message_rate, now, since);
        gate->set_rate(limits().message_rate, now, since);
        dial_gate->set_rate(limits().connection_rate, now, since);
        set_rate(connections, limits().connection_rate, now, since);
        window.set_policy({limits().connections_initial, limits().connections_max});
        health.set_policy(health_of(limits()));
    }
};

/// What waits at a site for the sources of one pool.
struct stand
{
    flow_table flows;
    shaping::source_rotation rotation;

    explicit stand(const shaping::pool_rule& p) : rotation(p) {}
};

/// One site: the set of MX hosts that limits apply to. Scheduler thread only.
struct site
{
    std::string key;
    std::string provider;
    /// Configured; what a rule has lowered is the path's.
    shaping::site_limits limits;
    std::shared_ptr<const dns::mx_answer> mx;
    std::uint16_t port = 25;
    bool is_route = false;
    /// By number of the source.
    std::map<shaping::source_number, std::unique_ptr<path>> paths;
    /// By name of the pool.
    std::map<std::string, stand> stands;
    std::string last_stand;
    /// It could use a session, but there are sessions_max.
    bool waits_for_place = false;
    /// It is among those that each tick looks at.
    bool is_listed = false;
    std::string last_reply;
    /// Operator: everything to this site bounces until then.
    mono_time bounce_until{};
    std::string bounce_reason;

    [[nodiscard]] bool has_work() const
    {
        for (const auto& [name, s] : stands)
        {
            if (!s.flows.empty())
            {
                return true;
            }
        }
        for (const auto& [source, p] : paths)
        {
            if (!p->sticky.empty())
            {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] bool has_urgent() const
    {
        return std::any_of(stands.begin(), stands.end(),
                           [](const auto& s) { return s.second.flows.has_urgent(); });
    }
    [[nodiscard]] std::size_t sessions() const
    {
        std::size_t n = 0;
        for (const auto& [source, p] : paths)
        {
            n += p->sessions.size();
        }
        return n;
    }
};

/// Orders sites and paths by name: a seeded run must not depend on addresses.
struct by_place
{
    bool operator()(const site* a, const site* b) const { return a->key < b->key; }
    bool operator()(const path* a, const path* b) const
    {
        return a->where.key != b->where.key ? a->where.key < b->where.key : a->number < b->number;
    }
};

/// A routing domain and what DNS says about it. Scheduler thread only.
struct domain_entry
{
    enum class state
    {
        unresolved,
        resolving,
        resolved,
        /// Permanent: recipients bounce.
        refused,
        /// DNS failed for now: one recipient records an attempt, the rest waits until retry_at.
        waiting,
    };

    domain_id id;
    std::string name;
    state now = state::unresolved;
    std::shared_ptr<const dns::mx_answer> answer;
    mono_time expires{};
    mono_time retry_at{};
    unsigned failures = 0;
    site* where = nullptr;
    std::vector<queue::lane_index> lanes;
    /// Leases out of tail lanes, until the answer is there.
    std::list<queue::lease> waiting;
    bool disposing = false;
};

} // namespace hikyaku::delivery
