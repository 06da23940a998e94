#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hikyaku/delivery/engine.h>
#include <hikyaku/dns/mx_answer.h>
#include <hikyaku/shaping/concurrency_window.h>
#include <hikyaku/shaping/ready_ring.h>
#include <hikyaku/shaping/site_health.h>
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
    std::string ehlo_name;
    std::string local_v4;
    std::string local_v6;
};

/// One site: the set of MX hosts that limits apply to. Scheduler thread only.
struct site
{
    std::string key;
    std::string provider;
    shaping::site_limits limits;
    std::shared_ptr<const connection_plan> plan;
    shaping::concurrency_window window;
    shaping::site_health health;
    std::optional<shaping::token_bucket> messages;
    std::optional<shaping::token_bucket> connections;
    /// Lanes of one domain that have something to send.
    shaping::ready_ring ring{16};
    /// Leases out of tail lanes whose domain leads here.
    std::deque<queue::lease> parked;
    /// Sessions that are connected and have nothing to do.
    std::list<session_id> idle;
    unsigned sessions = 0;
    /// It could use a session, but there are sessions_max.
    bool waits_for_place = false;
    std::string last_reply;
    /// Buckets have been filling since then: a restart grants no second burst.
    mono_time since;

    site(std::string k, const shaping::effective_limits& l, mono_time process_start)
        : key(std::move(k)), provider(l.provider), limits(l.limits),
          window({l.limits.connections_initial, l.limits.connections_max}),
          health({l.limits.connect_failures_max, l.limits.suspension_first, l.limits.suspension_max,
                  20}),
          since(process_start)
    {
        set_rates(process_start);
    }
    void set_rates(mono_time now)
    {
        const auto set = [now, this](std::optional<shaping::token_bucket>& bucket,
                                     const std::optional<shaping::rate>& r)
        {
            if (!r)
            {
                bucket.reset();
            }
            else if (bucket)
            {
                bucket->set_rate(now, *r);
            }
            else
            {
                bucket.emplace(*r, since, shaping::bucket_start::empty);
            }
        };
        set(messages, limits.message_rate);
        set(connections, limits.connection_rate);
    }
    [[nodiscard]] bool has_work() const { return !parked.empty() || !ring.empty(); }
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
    std::deque<queue::lease> waiting;
    bool disposing = false;
};

} // namespace hikyaku::delivery
