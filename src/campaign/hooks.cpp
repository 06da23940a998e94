#include "live.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/mime/address.h>

#include <algorithm>

namespace hikyaku::campaign
{
namespace
{

using delivery::fate;
using delivery::work;

void skip(work& w, queue::disposition as, std::string cls, std::string reason)
{
    w.what = fate::skip;
    w.skip_as = as;
    w.skip_class = std::move(cls);
    w.skip_reason = std::move(reason);
}

} // namespace

delivery::hooks campaigns::make_hooks(std::function<void(const queue::settlement&)> settled)
{
    delivery::hooks h;
    h.load = [this](std::span<work> batch) { load_batch(batch); };
    h.render = [this](const work& w, std::size_t shard, delivery::rendered& out)
    { return render(w, shard, out); };
    h.still_valid = [this](const work& w) { return still_valid(w); };
    h.pool_of = [this](const queue::campaign_ref& c)
    {
        const auto live = find_live(c);
        return live != nullptr ? live->source.pool : std::string();
    };
    h.settled = std::move(settled);
    h.drained = [this](const queue::campaign_ref& c) { on_drained(c); };
    return h;
}

/// Fills a batch, which may mix campaigns: recipients of one are read together.
void campaigns::load_batch(std::span<work> batch)
{
    std::map<queue::campaign_ref, std::vector<work*>> groups;
    for (auto& w : batch)
    {
        groups[w.l.campaign].push_back(&w);
    }
    for (auto& [ref, group] : groups)
    {
        const auto live = find_live(ref);
        if (live == nullptr || !live->may_send || live->tenant_held)
        {
            for (auto* w : group)
            {
                w->what = fate::release;
            }
            continue;
        }
        std::sort(group.begin(), group.end(),
                  [](const work* a, const work* b) { return a->l.who < b->l.who; });
        load_group(live, group);
    }
}

namespace
{

/// Reads a contact's or given recipient's row into `to`; false with the work's fate set.
struct row_reader
{
    const content& compiled;
    crm::contact_row_view& view;
    std::vector<segment::cell>& cells;

    bool read(work& w, const std::optional<std::string>& row, loaded_recipient& to,
              mime::address& address) const
    {
        if (!row)
        {
            skip(w, queue::disposition::suppressed, "contact_deleted",
                 "the contact does not exist any more");
            return false;
        }
        std::string email;
        if (compiled.by_contact)
        {
            const std::uint16_t wanted[] = {crm::email_field};
            if (!crm::decode_fields(view, *row, wanted, cells))
            {
                skip(w, queue::disposition::failed, "damaged_row",
                     "the contact's row failed its check");
                return false;
            }
            const auto* text = std::get_if<std::string_view>(&cells[0]);
            email = text != nullptr ? std::string(*text) : std::string();
            to.data.row = *row;
        }
        else
        {
            const auto given = decode_recipient(*row);
            if (!given)
            {
                skip(w, queue::disposition::failed, "damaged_row",
                     "the recipient's row failed its check");
                return false;
            }
            email = given->email;
            to.data.name = given->name;
            to.data.row = given->variables;
        }
        const auto parsed = mime::parse_address(email);
        if (parsed.has_error())
        {
            skip(w, queue::disposition::suppressed, email.empty() ? "no_address" : "bad_address",
                 parsed.error().text);
            return false;
        }
        address = *parsed;
        return true;
    }
};

} // namespace

void campaigns::load_group(const live_ptr& live, std::span<work*> group)
{
    const auto& ref = live->ref;
    const auto store = deps_.db.find_tenant(ref.tenant);
    std::shared_ptr<const content> compiled;
    {
        const std::lock_guard lock(live->content_mutex);
        compiled = live->compiled;
    }
    if (store == nullptr || compiled == nullptr)
    {
        for (auto* w : group)
        {
            w->what = fate::release;
        }
        return;
    }
    const auto now = deps_.clock_source.wall();
    // Stamps first, rows after: a change in between is then seen at the last look.
    std::vector<std::shared_ptr<loaded_recipient>> loaded;
    std::vector<std::string> keys;
    for (const auto* w : group)
    {
        auto to = std::make_shared<loaded_recipient>();
        to->live = live;
        to->compiled = compiled;
        to->generation = live->generation;
        to->data.who = w->l.who;
        to->data.date = w->l.state.first_try != wall_time{} ? w->l.state.first_try : now;
        to->stamp = deps_.crm.stamps.stamp(ref.tenant, w->l.who);
        loaded.push_back(std::move(to));
        keys.push_back(compiled->by_contact ? crm::contact_key(w->l.who)
                                            : recipient_key(ref.campaign, w->l.who));
    }
    std::vector<std::optional<std::string>> rows;
    if (store->find_many(keys, rows).has_error())
    {
        // Named in the log; whoever's block is damaged fails below as missing, so look one by one.
        for (std::size_t i = 0; i < keys.size(); ++i)
        {
            const auto one = store->find(keys[i]);
            if (one.has_error())
            {
                skip(*group[i], queue::disposition::failed, "damaged_row",
                     "the recipient's data could not be read");
            }
            else
            {
                rows[i] = *one;
            }
        }
    }
    crm::contact_row_view view;
    std::vector<segment::cell> cells;
    const row_reader reader{*compiled, view, cells};
    std::vector<std::pair<std::string, std::size_t>> addresses;
    for (std::size_t i = 0; i < group.size(); ++i)
    {
        auto& w = *group[i];
        auto& to = *loaded[i];
        mime::address address;
        if (w.what != fate::send || !reader.read(w, rows[i], to, address))
        {
            continue;
        }
        to.data.path = address.smtp_path();
        to.normalized = address.normalized();
        to.address_stamp = deps_.crm.stamps.stamp_address(ref.tenant, to.normalized);
        w.recipient = to.data.path;
        w.domain_now = w.l.domain;
        if (address.domain_ascii != deps_.routing.name(w.l.domain))
        {
            store::record platform(platform_tenant);
            w.domain_now = deps_.routing.obtain(address.domain_ascii, platform);
            if (!platform.empty())
            {
                deps_.db.commit(std::move(platform), store::commit_class::outcome);
            }
            w.what = fate::moved;
            continue;
        }
        addresses.emplace_back(to.normalized, i);
    }
    std::sort(addresses.begin(), addresses.end());
    std::vector<std::string> normalized;
    for (const auto& [text, i] : addresses)
    {
        normalized.push_back(text);
    }
    std::vector<std::optional<crm::suppression>> suppressed;
    const auto looked = crm::suppressions::find_many(*store, normalized, now, suppressed);
    std::vector<bool> dead(normalized.size(), false);
    if (deps_.find_dead && !normalized.empty())
    {
        deps_.find_dead(ref.tenant, normalized, dead);
    }
    for (std::size_t a = 0; a < addresses.size(); ++a)
    {
        auto& w = *group[addresses[a].second];
        auto& to = loaded[addresses[a].second];
        if (looked.has_error())
        {
            // Not knowing whether somebody unsubscribed means not sending.
            skip(w, queue::disposition::failed, "damaged_row",
                 "the suppression list could not be read");
            continue;
        }
        if (suppressed[a])
        {
            skip(w, queue::disposition::suppressed,
                 std::string(crm::to_string(suppressed[a]->reason)), "the address is suppressed");
            continue;
        }
        if (dead[a])
        {
            skip(w, queue::disposition::suppressed, "dead_address",
                 "the address is known not to exist");
            continue;
        }
        if (w.l.state.was_unknown)
        {
            const auto kept = store->find(queue::kept_bytes_key(ref, w.l.who));
            to->kept_bytes = kept.has_value() && *kept ? **kept : std::string();
        }
        w.payload = to;
    }
    if (!compiled->source.sandbox)
    {
        return;
    }
    // A sandboxed campaign does everything but the network.
    message_maker maker;
    message made;
    for (auto* w : group)
    {
        if (w->what != fate::send)
        {
            continue;
        }
        const auto& to = *static_cast<const loaded_recipient*>(w->payload.get());
        const auto done = maker.make(*compiled, to.data, now, made);
        if (done.has_error())
        {
            skip(*w, queue::disposition::failed, "render_error", done.error().text);
        }
        else
        {
            skip(*w, queue::disposition::delivered, "sandbox",
                 "not sent: the campaign is a sandbox");
        }
    }
}

result<void, failure> campaigns::render(const work& w, std::size_t shard, delivery::rendered& out)
{
    const auto& to = *static_cast<const loaded_recipient*>(w.payload.get());
    out.id_domain = to.compiled->from_domain; // a failure has a Message-ID too
    message made;
    made.bytes = std::move(out.message);
    made.mail_from = std::move(out.mail_from);
    const auto done = makers_[shard]->make(*to.compiled, to.data, deps_.clock_source.wall(), made);
    if (done.has_error())
    {
        return done;
    }
    out.message = std::move(made.bytes);
    if (!to.kept_bytes.empty())
    {
        // Its end is unknown: what goes out again must be what went out then, byte for byte.
        out.message = to.kept_bytes;
    }
    out.mail_from = std::move(made.mail_from);
    out.is_8bit = made.is_8bit;
    out.needs_smtputf8 = made.needs_smtputf8;
    out.dkim = to.compiled->signatures;
    return {};
}

bool campaigns::still_valid(const work& w) const
{
    const auto& to = *static_cast<const loaded_recipient*>(w.payload.get());
    const auto& live = *to.live;
    return live.may_send && !live.tenant_held && live.generation == to.generation &&
           deps_.crm.stamps.stamp(live.ref.tenant, to.data.who) == to.stamp &&
           deps_.crm.stamps.stamp_address(live.ref.tenant, to.normalized) == to.address_stamp;
}

void campaigns::on_drained(const queue::campaign_ref& c)
{
    auto& w = worker_of(c);
    const std::lock_guard lock(work_mutex_);
    w.to_finish.push_back(c);
    w.waits = true;
    w.ready.notify_all();
}

} // namespace hikyaku::campaign
