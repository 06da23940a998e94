#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/queue/types.h>

namespace hikyaku::delivery
{

/// What an operator's order is about.
struct scope
{
    enum class kind
    {
        /// Everything that goes to one site, named by its key or any one of its MX hosts.
        site,
        tenant,
        campaign,
    };
    kind what = kind::site;
    std::string site;
    tenant_id tenant;
    queue::campaign_ref campaign;
};

/// Why a recipient has not been sent yet.
struct hold_reason
{
    /// "campaign_paused", "not_started", "not_due", "expanding", "suspended_site",
    /// "suspended_source", "suspended_tenant_site", "suspended_tenant", "suspended_campaign",
    /// "unreachable", "dns", "message_rate", "connection_rate", "connections", "provider",
    /// "warm_up", "quota", "held", "others_first".
    std::string what;
    /// A sentence for people.
    std::string detail;
    /// The earliest time at which it ends; {} when nobody can know.
    wall_time until{};
};

struct explanation
{
    /// "waiting", "settled" (its end is a fact) or "unknown_here".
    std::string state;
    std::string domain;
    std::string site;
    std::string provider;
    std::string source;
    unsigned attempts = 0;
    wall_time next_try{};
    /// Recipients of the same lane that are handed out before it, at most.
    std::uint64_t ahead = 0;
    std::vector<hold_reason> reasons;
};

/// A live SMTP session.
struct session_view
{
    std::uint64_t id = 0;
    std::string site;
    std::string source;
    /// "connecting", "sending" or "idle".
    std::string state;
    std::int64_t age_ms = 0;
    std::uint64_t messages = 0;
};

/// How long a provider would need for so many messages, by the limits in force.
struct forecast_line
{
    std::string site;
    std::string provider;
    std::uint64_t recipients = 0;
    /// Messages per second that limits and connections allow; 0: unlimited.
    double per_second = 0;
    /// Seconds until the last one is sent if nothing else is waiting.
    double seconds_alone = 0;
    /// The same behind what is queued for the site now.
    double seconds_behind_queue = 0;
    /// Which limit decides: "message_rate", "provider_message_rate", "connections", "warm_up",
    /// "suspended", "unresolved".
    std::string limited_by;
};

} // namespace hikyaku::delivery
