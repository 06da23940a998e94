#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/queue/fact.h>
#include <hikyaku/store/database.h>

namespace hikyaku::bounce
{
class classifier;
} // namespace hikyaku::bounce

namespace hikyaku::feed
{
class outcome_index;
} // namespace hikyaku::feed

namespace hikyaku::feedback
{

class effects;
class unsubscriber;

/// What the peer of an inbound session is told: 250 accepts.
struct answer
{
    int code = 250;
    std::string text;
};

/// One message as it came in, after its end of data. Views: the owner outlives the call.
struct inbound
{
    std::string_view peer;
    /// MAIL FROM without angle brackets; empty for the null sender.
    std::string_view mail_from;
    /// Without angle brackets; each was accepted by check_recipient.
    std::span<const std::string> recipients;
    /// CRLF line ends, dots unstuffed.
    std::string_view message;
};

struct intake_options
{
    /// Local parts at our domains that take feedback reports (RFC 5965), besides postmaster and
    /// abuse. Lower case.
    std::vector<std::string> report_local_parts{"fbl"};
};

/// How often something came in since the start, for the metric.
struct intake_count
{
    /// "bounce", "delay", "complaint", "auto_reply", "delivered", "none", "unsubscribe", "forged".
    std::string_view kind;
    /// Class of a bounce, type of a complaint ("other" beyond the registered ones), else empty.
    std::string_view cls;
    std::uint64_t n = 0;
};

/// Takes in what comes back by mail: bounces and complaints about messages of ours, and requests
/// to unsubscribe. Signed tokens alone decide who a message is about (in the envelope, or, for
/// complaints, in the original inside); what a text claims changes nothing.
///
/// A bounce or complaint becomes a fact of the tenant ("oob_bounce", "complaint") once for each
/// recipient and campaign, however often it is reported; its effects are in force before the peer
/// is answered 250. Thread-safe.
class intake
{
public:
    /// How long the peer waits for effects whose fact is durable; after that it is answered and
    /// they come later.
    static constexpr std::chrono::milliseconds effects_wait_max{10'000};

    /// Makes facts of the tenant durable, in the order of its stream, and `rows` with them; waits
    /// until they are. @returns the number of their block; 0: the tenant is gone
    using append_facts =
        std::function<std::uint64_t(tenant_id, std::vector<queue::fact> facts, store::record rows)>;
    /// Whether recipients of the campaign are contacts; nullopt: the tenant has no such campaign.
    using has_contacts = std::function<std::optional<bool>(tenant_id, campaign_id)>;

    struct dependencies
    {
        store::database& db;
        const crypto::master_key& master;
        const clock& clock_source;
        feed::outcome_index& outcomes;
        effects& effects_of_facts;
        const unsubscriber& unsubscribes;
        append_facts append;
        has_contacts contacts_of;
        /// The rules in force.
        std::function<std::shared_ptr<const bounce::classifier>()> rules;
        /// Whether mail for the domain (lower case) is ours: return paths, the host name.
        std::function<bool(std::string_view domain)> is_ours;
    };
    /// What is in `deps` outlives the object.
    intake(dependencies deps, intake_options options);
    ~intake();
    intake(const intake&) = delete;
    intake& operator=(const intake&) = delete;

    /// RCPT TO without angle brackets. Writes nothing; a few microseconds, but when a domain that
    /// is not known is asked for.
    /// @returns 250 for a signed return path ("b-…") or unsubscribe address ("u-…") of a tenant of
    /// ours, at whatever domain, and for the report addresses at ours; else 550
    [[nodiscard]] answer check_recipient(std::string_view recipient) const;
    /// Blocks until everything that the message changes is durable and in force: not on an event
    /// loop thread. @returns 250, also for what changes nothing; 550 for mail to nothing but report
    /// addresses that is no report about a message of ours; 451 when the peer should come again
    [[nodiscard]] answer deliver(const inbound& mail);

    [[nodiscard]] std::vector<intake_count> counts() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace hikyaku::feedback
