#include <hikyaku/campaign/recipients.h>

#include "waiting.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/mime/address.h>

#include <algorithm>
#include <charconv>

namespace hikyaku::campaign
{
namespace
{

/// Given recipients looked through for an address.
constexpr std::size_t given_rows_max = 1'000'000;

campaign_error not_found(const char* noun)
{
    return {campaign_error::kind::not_found, std::string("there is no such ") + noun, {}};
}
campaign_error unreadable()
{
    return {campaign_error::kind::unavailable, "a part of the results can't be read", {}};
}
campaign_error bad_cursor()
{
    return {campaign_error::kind::invalid,
            "the list can't go on",
            {{"", "invalid", "cursor is what next_cursor of an answer was"}}};
}

/// Cursors: "f.<upto>.<block>.<index>" among those with a fact, "w.<where>" among the waiting.
struct list_cursor
{
    bool waiting = false;
    std::uint64_t upto = 0;
    std::optional<feed::fact_place> before;
    std::string where;
};

template <class Number> bool take_number(std::string_view& text, Number& out)
{
    const auto done = std::from_chars(text.data(), text.data() + text.size(), out);
    if (done.ec != std::errc{})
    {
        return false;
    }
    text.remove_prefix(static_cast<std::size_t>(done.ptr - text.data()));
    if (!text.empty() && text.front() == '.')
    {
        text.remove_prefix(1);
        return !text.empty();
    }
    return text.empty();
}

std::optional<list_cursor> parse_cursor(std::string_view text)
{
    list_cursor out;
    if (text.starts_with("w."))
    {
        out.waiting = true;
        out.where = text.substr(2);
        return out;
    }
    if (!text.starts_with("f."))
    {
        return std::nullopt;
    }
    text.remove_prefix(2);
    feed::fact_place before;
    if (!take_number(text, out.upto) || !take_number(text, before.block) ||
        !take_number(text, before.index) || !text.empty())
    {
        return std::nullopt;
    }
    out.before = before;
    return out;
}

std::string address_in(bool contacts, const std::string& stored)
{
    if (!contacts)
    {
        const auto given = decode_recipient(stored);
        return given ? given->email : std::string();
    }
    crm::contact_row_view view;
    if (!view.load(stored))
    {
        return {};
    }
    const auto cell = view.value(crm::email_field);
    const auto* email = std::get_if<std::string_view>(&cell);
    return email != nullptr ? std::string(*email) : std::string();
}

std::string key_of(campaign_id id, bool contacts, ordinal who)
{
    return contacts ? crm::contact_key(who) : recipient_key(id, who);
}

feed::recipient_ref ref_of(campaign_id id, bool contacts, ordinal who)
{
    return {contacts ? campaign_id{} : id, who};
}

bool is_contacts(const campaign_row& row)
{
    return row.source.audience.kind == audience_kind::where ||
           row.source.audience.kind == audience_kind::contacts;
}

} // namespace

result<recipient_page, campaign_error> recipients::list(tenant_id tenant, campaign_id id,
                                                        const std::string& cursor,
                                                        std::size_t limit) const
{
    const auto row = deps_.all.find(tenant, id);
    const auto store = deps_.db.find_tenant(tenant);
    if (row.has_error() || store == nullptr)
    {
        return row.has_error() ? row.error() : not_found("campaign");
    }
    const bool contacts = is_contacts(*row);
    auto at = cursor.empty() ? std::optional(list_cursor{}) : parse_cursor(cursor);
    if (!at)
    {
        return bad_cursor();
    }
    if (cursor.empty())
    {
        const auto folded = deps_.outcomes.folded(tenant);
        if (folded.has_error())
        {
            return unreadable();
        }
        at->upto = *folded;
    }
    recipient_page out;
    if (!at->waiting)
    {
        auto found = deps_.outcomes.of_campaign(tenant, id, contacts, at->upto, at->before, limit);
        if (found.has_error())
        {
            return unreadable();
        }
        for (auto& one : found->entries)
        {
            recipient_view v;
            v.who = one.what.who;
            v.address = one.what.recipient;
            v.last = std::move(one.what);
            v.state = state_of(v.last, row->life);
            out.entries.push_back(std::move(v));
        }
        out.next = found->next ? "f." + std::to_string(at->upto) + "." +
                                     std::to_string(found->next->block) + "." +
                                     std::to_string(found->next->index)
                               : std::string("w.");
        return out;
    }
    const auto waiting = find_waiting(deps_.db.queue(), {tenant, id}, at->where, limit);
    if (waiting.has_error())
    {
        return bad_cursor();
    }
    for (const auto who : waiting->who)
    {
        const auto stored = store->find(key_of(id, contacts, who));
        recipient_view v;
        v.who = who;
        v.address = stored && *stored ? address_in(contacts, **stored) : std::string();
        v.state = state_of(std::nullopt, row->life);
        out.entries.push_back(std::move(v));
    }
    out.next = waiting->next.empty() ? std::string() : "w." + waiting->next;
    return out;
}

result<std::vector<ordinal>, campaign_error> recipients::find(tenant_id tenant,
                                                              const campaign_row& row,
                                                              bool contacts,
                                                              std::string_view whom) const
{
    const auto missing = not_found("recipient");
    if (whom.find('@') != std::string_view::npos)
    {
        const auto parsed = mime::parse_address(whom);
        if (parsed.has_error())
        {
            return missing;
        }
        if (contacts)
        {
            auto found = deps_.crm.contacts.find_by_address(tenant, parsed->normalized());
            if (found.has_error())
            {
                return unreadable();
            }
            return found->empty() ? result<std::vector<ordinal>, campaign_error>(missing) : *found;
        }
        const auto store = deps_.db.find_tenant(tenant);
        const auto prefix = recipient_key(row.id, ordinal{}).substr(0, 9);
        auto at = store->scan(prefix, store::prefix_end(prefix), nullptr, false);
        for (std::size_t n = 0; at.valid() && n < given_rows_max; at.next(), ++n)
        {
            const auto given = decode_recipient(at.value());
            const auto address = mime::parse_address(given ? given->email : std::string());
            if (address.has_value() && address->normalized() == parsed->normalized())
            {
                return std::vector{ordinal{get_be<std::uint32_t>(at.key().substr(9))}};
            }
        }
        return missing;
    }
    if (contacts)
    {
        const auto who = crm::parse_contact_id(tenant, whom);
        return who ? result<std::vector<ordinal>, campaign_error>(std::vector{*who}) : missing;
    }
    std::uint32_t number = 0;
    return take_number(whom, number) && whom.empty()
               ? result<std::vector<ordinal>, campaign_error>(std::vector{ordinal{number}})
               : missing;
}

/// What keeps the contact itself from getting mail.
void recipients::note_findings(tenant_id tenant, recipient_explanation& out) const
{
    if (out.address.empty())
    {
        out.reasons.push_back(for_tenant({"no_address", "", {}}));
        return;
    }
    const auto parsed = mime::parse_address(out.address);
    if (parsed.has_error())
    {
        out.reasons.push_back(for_tenant({"bad_address", "", {}}));
        return;
    }
    const auto suppressed = deps_.crm.suppressions.find(tenant, out.address);
    if (suppressed.has_value() && *suppressed && (**suppressed).active(deps_.clock_source.wall()))
    {
        auto r = for_tenant({"suppressed", "", (**suppressed).expires.value_or(wall_time{})});
        r.detail += " Reason: " + std::string(crm::to_string((**suppressed).reason)) + ".";
        out.reasons.push_back(std::move(r));
    }
}

result<recipient_explanation, campaign_error>
recipients::explain_one(tenant_id tenant, const campaign_row& row, bool contacts, ordinal who) const
{
    const auto store = deps_.db.find_tenant(tenant);
    const auto stored = store->find(key_of(row.id, contacts, who));
    auto last = deps_.outcomes.last_in(tenant, ref_of(row.id, contacts, who), row.id);
    if (stored.has_error() || last.has_error())
    {
        return unreadable();
    }
    recipient_explanation out;
    out.who = who;
    if (*last)
    {
        out.last = std::move((**last).what);
    }
    if (!*stored && !out.last)
    {
        return not_found("recipient");
    }
    out.address = *stored ? address_in(contacts, **stored) : out.last->recipient;
    // The lane it waits in is that of its address when the campaign began.
    for (const auto& address : {out.address, out.last ? out.last->recipient : std::string()})
    {
        const auto parsed = mime::parse_address(address);
        if (parsed.has_error() || !deps_.explain)
        {
            continue;
        }
        out.at_work = deps_.explain({tenant, row.id}, who, parsed->domain_ascii);
        if (out.at_work.state != "unknown_here")
        {
            break;
        }
    }
    const bool begun = row.life.state != queue::campaign_state::draft &&
                       row.life.state != queue::campaign_state::scheduled;
    if (out.at_work.state != "waiting" && (out.last || out.at_work.state == "settled"))
    {
        out.state = "ended";
        return out;
    }
    if (out.at_work.state != "waiting")
    {
        const bool open = !begun || row.life.expansion_open;
        out.state = open ? "not_begun" : "not_a_recipient";
        const char* what = !open                                                ? "left_out"
                           : row.life.state == queue::campaign_state::draft     ? "draft"
                           : row.life.state == queue::campaign_state::scheduled ? "not_started"
                           : row.life.state == queue::campaign_state::paused    ? "campaign_paused"
                                                                                : "expanding";
        out.reasons.push_back(for_tenant({what, "", begun ? wall_time{} : row.life.send_at}));
    }
    else
    {
        out.state = "waiting";
        for (const auto& r : out.at_work.reasons)
        {
            const bool put_off = r.what == "not_due" && out.at_work.attempts == 0;
            out.reasons.push_back(put_off ? for_tenant({"put_off", "", r.until}) : for_tenant(r));
        }
        if (out.reasons.empty())
        {
            out.reasons.push_back(for_tenant({"next", "", {}}));
        }
    }
    if (!*stored)
    {
        out.reasons.push_back(for_tenant({"contact_deleted", "", {}}));
    }
    else
    {
        note_findings(tenant, out);
    }
    return out;
}

result<recipient_explanation, campaign_error> recipients::explain(tenant_id tenant, campaign_id id,
                                                                  std::string_view whom) const
{
    const auto row = deps_.all.find(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    const bool contacts = is_contacts(*row);
    const auto found = find(tenant, *row, contacts, whom);
    if (found.has_error())
    {
        return found.error();
    }
    // Of contacts that share an address one is the recipient.
    result<recipient_explanation, campaign_error> best = not_found("recipient");
    for (const auto who : *found)
    {
        auto one = explain_one(tenant, *row, contacts, who);
        if (one.has_value() && (one->state == "waiting" || one->state == "ended"))
        {
            return one;
        }
        if (best.has_error())
        {
            best = std::move(one);
        }
    }
    return best;
}

} // namespace hikyaku::campaign
