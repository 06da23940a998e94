#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/queue/active_queue.h>
#include <hikyaku/shaping/quota.h>

namespace hikyaku::delivery
{

/// What loading found out about a leased recipient.
enum class fate
{
    /// Goes out.
    send,
    /// Ends now without an attempt, as `skip_as`.
    skip,
    /// The contact's routing domain is another one now: moves to that lane.
    moved,
    /// Not now (the campaign paused meanwhile): handed back, no write.
    release,
};

/// A leased recipient on its way to a session. Made by the scheduler, filled by hooks.load.
struct work
{
    queue::lease l;
    fate what = fate::send;
    queue::disposition skip_as = queue::disposition::suppressed;
    /// One word for the log's class, a sentence for its reply.
    std::string skip_class;
    std::string skip_reason;
    /// Address as it is said at RCPT; empty when nobody could be found.
    std::string recipient;
    domain_id domain_now;
    /// Ahead of broadcasts inside a session, too.
    bool transactional = false;
    /// The campaign module's own: content and contact row.
    std::shared_ptr<const void> payload;
    /// Exact bytes of an attempt whose end is unknown; empty otherwise.
    std::string kept_bytes;
};

/// A message ready to be sent.
struct rendered
{
    std::string mail_from;
    /// Header and body, CRLF lines.
    std::string message;
    bool is_8bit = false;
    bool needs_smtputf8 = false;
    /// "domain selector algorithm" of each signature.
    std::vector<std::string> dkim;
    /// Domain of the Message-ID; set even when rendering fails.
    std::string id_domain;
};

/// What a tenant may send, for its quotas.
struct tenant_terms
{
    shaping::quota_limits quota;
    /// The tenant's first day and its offset from UTC.
    shaping::day_number created = 0;
    int offset_minutes = 0;
};

/// What delivery asks of the layer that knows campaigns.
struct hooks
{
    /// Looks the recipients up: rows, suppression, consent, campaign. On a pool thread; may block.
    std::function<void(std::span<work>)> load;
    /// Renders and signs one message into `out`, reusing its memory. On shard thread `shard`.
    /// @error failure  this recipient ends as `failed` with that text; the others go on.
    std::function<result<void, failure>(const work&, std::size_t shard, rendered& out)> render;
    /// The last look: may this work still be sent as loaded? Cheap, any thread, no I/O.
    std::function<bool(const work&)> still_valid;
    /// A settlement with facts is durable. On the store's writer thread: hand over and return.
    std::function<void(const queue::settlement&)> settled;
    /// Name of the pool that the campaign sends from; "" is the default. Empty function: all
    /// default. Scheduler thread; must not block for long.
    std::function<std::string(const queue::campaign_ref&)> pool_of;
    /// Quota and calendar of a tenant. Empty function: no quotas. As above.
    std::function<tenant_terms(tenant_id)> terms_of;
    /// Every recipient of the campaign has its end, durably. Scheduler thread.
    std::function<void(const queue::campaign_ref&)> drained;
};

} // namespace hikyaku::delivery
