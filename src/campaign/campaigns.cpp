#include "live.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/bounce/recipient_token.h>
#include <hikyaku/crypto/hex.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::campaign
{
namespace
{

campaign_error not_found()
{
    return {campaign_error::kind::not_found, "there is no such campaign", {}};
}
campaign_error conflict(std::string text)
{
    return {campaign_error::kind::conflict, std::move(text), {}};
}
campaign_error unavailable(std::string text)
{
    return {campaign_error::kind::unavailable, std::move(text), {}};
}

bool sends(queue::campaign_state s)
{
    return s == queue::campaign_state::sending || s == queue::campaign_state::expanding;
}

std::string only_drafts_start(queue::campaign_state s)
{
    return "only a draft can be started; this campaign is " + std::string(queue::to_string(s));
}

/// What the operation log says of a start that failing records did not stop.
std::string describe_override(const definition& d, const std::vector<content_error>& failing)
{
    std::string out;
    for (const auto& one : failing)
    {
        out += (out.empty() ? "" : ", ") + one.code;
    }
    return out.empty() || d.transactional || !d.alignment_override ? std::string()
                                                                   : "alignment_override: " + out;
}

wall_time created_at(campaign_id id)
{
    // Ids carry their milliseconds since 2020 in the upper 42 bits.
    constexpr std::int64_t epoch_2020_ms = 1'577'836'800'000;
    return from_unix_ms(epoch_2020_ms + static_cast<std::int64_t>(id.value >> 22));
}

/// Names the installation to receivers, the same for years and nothing like its host name.
std::string make_feedback_sender(const crypto::master_key& master)
{
    constexpr std::size_t bytes = 6;
    const auto id = master.derive("feedback sender v1");
    return "hk" + crypto::encode_hex(crypto::as_bytes(id).substr(0, bytes));
}

} // namespace

campaigns::campaigns(dependencies deps)
    : deps_(std::move(deps)), feedback_sender_(make_feedback_sender(deps_.master))
{
    for (std::size_t i = 0; i < deps_.shards; ++i)
    {
        makers_.push_back(std::make_unique<message_maker>(&signing_));
    }
}

campaigns::~campaigns()
{
    stop();
}

result<std::shared_ptr<const content>, campaign_error>
campaigns::compile(tenant_id tenant, campaign_id id, const definition& d) const
{
    const auto owner = deps_.tenants.find(tenant);
    const auto schema = deps_.crm.schemas.get(tenant);
    if (!owner || schema.has_error())
    {
        return unavailable("the tenant's fields can't be read");
    }
    content_environment env;
    env.campaign = id;
    env.tenant = tenant;
    env.offset_minutes = owner->offset_minutes;
    env.schema = *schema;
    env.token_key = bounce::recipient_token_key(deps_.master, tenant);
    const auto at = d.from_email.rfind('@');
    const std::string domain = at == std::string::npos ? "" : d.from_email.substr(at + 1);
    const auto sender = deps_.domains.find_by_name(tenant, domain);
    if (sender.has_error())
    {
        return unavailable(sender.error().text);
    }
    if (!sender->has_value())
    {
        return campaign_error{
            campaign_error::kind::invalid,
            "the campaign can't be sent as it is",
            {{"/from/email", "unknown_sender_domain",
              "the domain of the sender is not one of yours: add it with POST /v1/domains"}}};
    }
    env.envelope_domain = deps_.domains.envelope_domain(**sender);
    env.ways.base_url = deps_.unsubscribe.base_url;
    env.ways.by_mail = deps_.unsubscribe.by_mail && deps_.domains.envelope_is_ours(**sender);
    env.feedback_sender = feedback_sender_;
    const auto identities = deps_.domains.load_identities(tenant, (*sender)->domain);
    if (identities.has_error())
    {
        return unavailable("the DKIM key of " + (*sender)->domain + ": " + identities.error().text);
    }
    env.identities = *identities;
    auto made = compile_content(d, env);
    if (made.has_error())
    {
        return campaign_error{campaign_error::kind::invalid, "the campaign can't be sent as it is",
                              made.error()};
    }
    return *made;
}

result<campaign_row, campaign_error>
campaigns::create(tenant_id tenant, const oplog::actor& who, definition d,
                  const std::vector<given_recipient>& recipients)
{
    const campaign_id id{deps_.ids.next()};
    const auto compiled = compile(tenant, id, d);
    if (compiled.has_error())
    {
        return compiled.error();
    }
    d.audience.count = static_cast<std::uint32_t>(recipients.size());
    queue::lifecycle life;
    life.state = queue::campaign_state::draft;
    life.content_version = 1;
    life.transactional = d.transactional;
    auto change = deps_.log.begin(tenant, who, "campaign.create");
    change.set_object(public_id(id));
    change.data().put(store::space::data, definition_key(id), encode(d));
    for (std::uint32_t i = 0; i < recipients.size(); ++i)
    {
        change.data().put(store::space::data, recipient_key(id, ordinal{i + 1}),
                          encode(recipients[i]));
    }
    const queue::campaign_ref ref{tenant, id};
    change.data().put(store::space::queue, queue::campaign_key(queue::row::lifecycle, ref),
                      queue::encode(life));
    change.commit();
    return campaign_row{id, std::move(d), life, created_at(id)};
}

result<campaign_row, campaign_error> campaigns::find(tenant_id tenant, campaign_id id) const
{
    const auto store = deps_.db.find_tenant(tenant);
    if (store == nullptr)
    {
        return not_found();
    }
    const queue::campaign_ref ref{tenant, id};
    const auto row = store->find(definition_key(id));
    const auto life = deps_.db.queue().find(queue::campaign_key(queue::row::lifecycle, ref));
    if (row.has_error() || life.has_error())
    {
        return unavailable("the campaign's row is damaged");
    }
    if (!row->has_value() || !life->has_value())
    {
        return not_found();
    }
    const auto d = decode_definition(**row);
    const auto l = queue::decode_lifecycle(**life);
    const auto back = store->find(returns_key(id));
    const auto b = back.has_value() && *back ? decode_returns(**back) : std::optional(returns{});
    if (!d || !l || !b || back.has_error())
    {
        return unavailable("the campaign's row is damaged");
    }
    return campaign_row{id, *d, *l, created_at(id), {}, *b};
}

std::vector<campaign_row> campaigns::list(tenant_id tenant, std::uint64_t before,
                                          std::size_t limit) const
{
    std::vector<campaign_row> out;
    const auto store = deps_.db.find_tenant(tenant);
    if (store == nullptr)
    {
        return out;
    }
    std::vector<campaign_id> ids;
    auto it = store->scan("m", before == 0 ? "n" : definition_key(campaign_id{before}));
    for (; it.valid(); it.next())
    {
        ids.push_back(campaign_id{get_be<std::uint64_t>(it.key().substr(1))});
    }
    while (!ids.empty() && out.size() < limit)
    {
        auto found = find(tenant, ids.back());
        if (found.has_value())
        {
            out.push_back(std::move(*found));
        }
        ids.pop_back();
    }
    return out;
}

campaigns::live_ptr campaigns::find_live(const queue::campaign_ref& c) const
{
    const std::shared_lock lock(live_mutex_);
    const auto found = live_.find(c);
    return found == live_.end() ? nullptr : found->second;
}

campaigns::live_ptr campaigns::obtain_live(const queue::campaign_ref& c, const definition& d,
                                           const queue::lifecycle& l)
{
    const std::unique_lock lock(live_mutex_);
    auto& slot = live_[c];
    if (!slot)
    {
        slot = std::make_shared<live_campaign>();
        slot->ref = c;
        slot->source = d;
        slot->life = l;
        slot->generation = l.generation;
        slot->may_send = sends(l.state);
        slot->tenant_held = !deps_.tenants.is_active(c.tenant);
    }
    return slot;
}

/// What everybody must see of a change that is durable: sessions, the engine, the worker.
void campaigns::publish(const queue::campaign_ref& c, const queue::lifecycle& l)
{
    if (const auto live = find_live(c))
    {
        {
            const std::lock_guard lock(live->content_mutex);
            live->life = l;
        }
        live->may_send = sends(l.state);
        live->generation = l.generation;
    }
    if (engine_ != nullptr)
    {
        engine_->set_lifecycle(c, l);
    }
    auto& w = l.transactional ? transactional_worker_ : broadcast_worker_;
    const std::lock_guard lock(work_mutex_);
    w.waits = true;
    w.ready.notify_all();
}

result<campaign_row, campaign_error> campaigns::change_state(
    tenant_id tenant, const oplog::actor& who, campaign_id id, std::string_view operation,
    const std::function<std::optional<std::string>(queue::lifecycle&, const definition&)>& decide,
    const std::function<void(const campaign_row&)>& after, std::string detail,
    const std::function<void(campaign_row&, store::record&)>& with)
{
    if (deps_.db.find_tenant(tenant) == nullptr)
    {
        return not_found();
    }
    auto change = deps_.log.begin(tenant, who, operation);
    auto row = find(tenant, id); // under the gate: nobody changes it meanwhile
    if (row.has_error())
    {
        return row.error();
    }
    const auto before = row->life.state;
    auto refusal = decide(row->life, row->source);
    if (refusal)
    {
        return conflict(std::move(*refusal));
    }
    // Messages under way stay valid while the campaign goes on sending (expanding → sending).
    row->life.generation += sends(before) && sends(row->life.state) ? 0 : 1;
    const queue::campaign_ref ref{tenant, id};
    change.set_object(public_id(id));
    change.set_detail(std::move(detail));
    change.data().put(store::space::queue, queue::campaign_key(queue::row::lifecycle, ref),
                      queue::encode(row->life));
    if (with)
    {
        with(*row, change.data());
    }
    change.commit(
        [&]
        {
            if (after)
            {
                after(*row);
            }
            publish(ref, row->life);
        });
    return *row;
}

result<campaign_row, campaign_error> campaigns::start(tenant_id tenant, const oplog::actor& who,
                                                      campaign_id id)
{
    const auto row = find(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    // Keys, fields and domains may have changed since it was written.
    auto compiled = compile(tenant, id, row->source);
    if (compiled.has_error())
    {
        return compiled.error();
    }
    if (row->life.state != queue::campaign_state::draft)
    {
        return conflict(only_drafts_start(row->life.state));
    }
    auto warnings = check_sender(tenant, who, row->source, (*compiled)->from_domain);
    if (warnings.has_error())
    {
        return warnings.error();
    }
    // Again: the check may have found the return path verified, or keys that sign now.
    compiled = compile(tenant, id, row->source);
    if (compiled.has_error())
    {
        return compiled.error();
    }
    const auto now = deps_.clock_source.wall();
    auto started = change_state(
        tenant, who, id, "campaign.start",
        [&](queue::lifecycle& l, const definition& d) -> std::optional<std::string>
        {
            if (l.state != queue::campaign_state::draft)
            {
                return only_drafts_start(l.state);
            }
            l.send_at = std::max(d.send_at.value_or(now), now);
            l.expires_at = l.send_at + d.expires_after;
            l.expansion_open = true;
            l.state = l.send_at > now ? queue::campaign_state::scheduled
                                      : queue::campaign_state::expanding;
            return std::nullopt;
        },
        [&](const campaign_row& r)
        {
            const queue::campaign_ref ref{tenant, id};
            const auto live = obtain_live(ref, r.source, r.life);
            {
                const std::lock_guard lock(live->content_mutex);
                live->compiled = *compiled;
            }
            engine_->open_campaign(ref, r.life, {});
        },
        describe_override(row->source, *warnings));
    if (started.has_value())
    {
        started->warnings = std::move(*warnings);
        if (!row->source.transactional && !row->source.unsubscribe && !(*compiled)->ways.any())
        {
            started->warnings.push_back(
                {"/unsubscribe", "no_unsubscribe_offer",
                 "the mail has no List-Unsubscribe: this installation has no public URL "
                 "(public.url), and mail to the return path is not seen to come back to it"});
        }
        take_switched_keys(tenant, **compiled);
    }
    return started;
}

result<campaign_row, campaign_error> campaigns::pause(tenant_id tenant, const oplog::actor& who,
                                                      campaign_id id)
{
    return pause_as(tenant, who, id, {});
}

result<campaign_row, campaign_error> campaigns::pause_as(tenant_id tenant, const oplog::actor& who,
                                                         campaign_id id, std::string detail)
{
    return change_state(
        tenant, who, id, "campaign.pause",
        [](queue::lifecycle& l, const definition&) -> std::optional<std::string>
        {
            if (!sends(l.state) && l.state != queue::campaign_state::scheduled)
            {
                return "only a campaign that is scheduled or sending can be paused; this one is " +
                       std::string(queue::to_string(l.state));
            }
            l.state = queue::campaign_state::paused;
            return std::nullopt;
        },
        {}, std::move(detail));
}

result<campaign_row, campaign_error> campaigns::pause_itself(tenant_id tenant, campaign_id id,
                                                             const returns& why)
{
    auto done = pause_as(tenant, oplog::system_actor(), id,
                         std::string(to_string(why.cause)) + ": " + why.detail);
    if (done.has_value())
    {
        log::warning("campaign_paused_itself", {{"tenant", identity::public_id(tenant)},
                                                {"campaign", public_id(id)},
                                                {"reason", to_string(why.cause)},
                                                {"detail", why.detail}});
    }
    return done;
}

result<campaign_row, campaign_error> campaigns::resume(tenant_id tenant, const oplog::actor& who,
                                                       campaign_id id)
{
    const auto now = deps_.clock_source.wall();
    return change_state(
        tenant, who, id, "campaign.resume",
        [now](queue::lifecycle& l, const definition&) -> std::optional<std::string>
        {
            if (l.state != queue::campaign_state::paused)
            {
                return "only a paused campaign can be resumed; this one is " +
                       std::string(queue::to_string(l.state));
            }
            l.state = l.send_at > now    ? queue::campaign_state::scheduled
                      : l.expansion_open ? queue::campaign_state::expanding
                                         : queue::campaign_state::sending;
            return std::nullopt;
        },
        {}, {},
        [&](campaign_row& row, store::record& rows)
        {
            restart_breaker(row.came_back, now);
            rows.put(store::space::data, returns_key(id), encode(row.came_back));
        });
}

result<campaign_row, campaign_error> campaigns::cancel(tenant_id tenant, const oplog::actor& who,
                                                       campaign_id id)
{
    auto done =
        change_state(tenant, who, id, "campaign.cancel",
                     [](queue::lifecycle& l, const definition&) -> std::optional<std::string>
                     {
                         if (l.state == queue::campaign_state::finished ||
                             l.state == queue::campaign_state::cancelled)
                         {
                             return "the campaign has ended already: it is " +
                                    std::string(queue::to_string(l.state));
                         }
                         l.state = queue::campaign_state::cancelled;
                         l.expansion_open = false;
                         return std::nullopt;
                     },
                     {});
    if (done.has_value())
    {
        end_expansion({tenant, id});
    }
    return done;
}

result<report, campaign_error> campaigns::report_of(tenant_id tenant, campaign_id id) const
{
    const auto row = find(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    const queue::campaign_ref ref{tenant, id};
    campaign::report r;
    r.state = row->life.state;
    r.came_back = row->came_back;
    // Counters first: what is read of the expansion is then never behind them.
    const auto counts = deps_.db.queue().find(queue::campaign_key(queue::row::counters, ref));
    const auto expansion = deps_.db.queue().find(queue::campaign_key(queue::row::expansion, ref));
    if (counts.has_error() || expansion.has_error())
    {
        return unavailable("the campaign's counters are damaged");
    }
    const auto c = *counts ? queue::decode_counters(**counts)
                           : std::optional<queue::counters>(queue::counters{});
    const auto e = *expansion ? queue::decode_expansion(**expansion)
                              : std::optional<queue::expansion_state>(queue::expansion_state{});
    if (!c || !e)
    {
        return unavailable("the campaign's counters are damaged");
    }
    r.counts = *c;
    r.audience = e->audience;
    r.recipients = e->recipients;
    r.duplicates = e->duplicates;
    r.no_address = e->no_address;
    r.invalid_address = e->invalid_address;
    r.expansion_complete = e->complete;
    HK_ASSERT(r.recipients >= c->settled());
    r.pending = r.recipients - c->settled();
    if (engine_ != nullptr)
    {
        const auto view = engine_->view_campaign(ref);
        r.in_flight = view ? view->in_flight : 0;
    }
    return r;
}

result<message_maker::parts, campaign_error>
campaigns::preview(tenant_id tenant, campaign_id id, std::optional<ordinal> contact) const
{
    const auto row = find(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    const auto compiled = compile(tenant, id, row->source);
    if (compiled.has_error())
    {
        return compiled.error();
    }
    recipient_data to;
    to.path = "sample@example.com";
    to.date = deps_.clock_source.wall();
    const auto store = deps_.db.find_tenant(tenant);
    crm::contact nobody;
    to.row = (*compiled)->by_contact ? crm::encode_contact(nobody) : "{}";
    if (contact && (*compiled)->by_contact)
    {
        const auto found = store->find(crm::contact_key(*contact));
        if (found.has_error() || !found->has_value())
        {
            return campaign_error{campaign_error::kind::not_found, "there is no such contact", {}};
        }
        to.row = **found;
        to.who = *contact;
    }
    message_maker maker;
    const auto parts = maker.preview(**compiled, to, to.date);
    if (parts.has_error())
    {
        return campaign_error{campaign_error::kind::invalid,
                              "the preview failed",
                              {{"", "render_error", parts.error().text}}};
    }
    return *parts;
}

void campaigns::hold_tenant(tenant_id tenant, bool held)
{
    const std::shared_lock lock(live_mutex_);
    for (const auto& [ref, live] : live_)
    {
        if (ref.tenant == tenant)
        {
            live->tenant_held = held;
        }
    }
}

} // namespace hikyaku::campaign
