#include <hikyaku/feedback/unsubscribe.h>

#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/feed/outcome_index.h>
#include <hikyaku/mime/address.h>

#include <algorithm>

namespace hikyaku::feedback
{
namespace
{

/// How long a delivery that nobody has folded yet is waited for.
constexpr milliseconds fold_wait_max{500};

failure unreadable(const char* what)
{
    return {std::string(what) + " can't be read"};
}

oplog::actor actor_of(const unsubscribe_wish& wish)
{
    oplog::actor who;
    who.name = "recipient";
    who.group = "public";
    who.ip = wish.ip;
    who.request_id = wish.request_id;
    return who;
}

std::string source_of(const unsubscribe_wish& wish)
{
    std::string out(to_string(wish.way));
    if (!wish.ip.empty())
    {
        out.append(" ").append(wish.ip);
    }
    return out;
}

/// The recipient's own wish, for ever: there is nothing to add to it.
bool stands_already(const std::optional<crm::suppression>& entry)
{
    return entry && !entry->expires &&
           (entry->reason == crm::suppression_reason::unsubscribed ||
            entry->reason == crm::suppression_reason::complaint);
}

/// Adds the normalized form unless it is no address or known already.
void add_address(std::vector<std::string>& to, std::string_view text)
{
    const auto parsed = mime::parse_address(text);
    if (parsed.has_error())
    {
        return;
    }
    auto normalized = parsed->normalized();
    if (std::find(to.begin(), to.end(), normalized) == to.end())
    {
        to.push_back(std::move(normalized));
    }
}

/// The contact's present address, if it is there and has one.
result<void, failure> add_of_contact(std::vector<std::string>& to, const crm::contacts& all,
                                     const unsubscribe_wish& wish)
{
    const auto found = all.get(wish.tenant, wish.who);
    if (found.has_error() && found.error().code != crm::errc::not_found)
    {
        return unreadable("the contact");
    }
    const auto* email = found.has_value() ? found->find(crm::email_field) : nullptr;
    if (const auto* typed = email != nullptr ? std::get_if<std::string>(email) : nullptr)
    {
        add_address(to, *typed);
    }
    return {};
}

/// The same of a recipient that came with its campaign.
result<void, failure> add_of_given(std::vector<std::string>& to, const store::tenant_store& rows,
                                   const unsubscribe_wish& wish)
{
    const auto row = rows.find(campaign::recipient_key(wish.campaign, wish.who));
    if (row.has_error())
    {
        return unreadable("the recipient");
    }
    const auto given = *row ? campaign::decode_recipient(**row) : std::nullopt;
    if (*row && !given)
    {
        return unreadable("the recipient");
    }
    if (given)
    {
        add_address(to, given->email);
    }
    return {};
}

} // namespace

std::string_view to_string(unsubscribe_way way) noexcept
{
    switch (way)
    {
    case unsubscribe_way::one_click:
        return "one_click";
    case unsubscribe_way::page:
        return "page";
    case unsubscribe_way::mail:
        return "mail";
    }
    return "one_click";
}

/// Where the recipient is now, then where the mail went.
result<std::vector<std::string>, failure>
unsubscriber::find_addresses(const store::tenant_store& rows, const unsubscribe_wish& wish,
                             bool contacts) const
{
    std::vector<std::string> out;
    const auto now =
        contacts ? add_of_contact(out, deps_.crm.contacts, wish) : add_of_given(out, rows, wish);
    if (now.has_error())
    {
        return now.error();
    }
    const feed::recipient_ref who{contacts ? campaign_id{} : wish.campaign, wish.who};
    auto last = deps_.outcomes.last_in(wish.tenant, who, wish.campaign);
    if (last.has_value() && !last->has_value() &&
        deps_.outcomes.catch_up(wish.tenant, fold_wait_max))
    {
        // It went out a moment ago.
        last = deps_.outcomes.last_in(wish.tenant, who, wish.campaign);
    }
    if (last.has_error())
    {
        return unreadable("the delivery");
    }
    if (last->has_value())
    {
        add_address(out, (*last)->what.recipient);
    }
    return out;
}

result<bool, failure> unsubscriber::take_off(const unsubscribe_wish& wish) const
{
    const auto rows = deps_.db.find_tenant(wish.tenant);
    const auto contacts = rows ? deps_.contacts_of(wish.tenant, wish.campaign) : std::nullopt;
    if (!contacts)
    {
        return false;
    }
    const auto addresses = find_addresses(*rows, wish, *contacts);
    if (addresses.has_error())
    {
        return addresses.error();
    }
    for (const auto& address : *addresses)
    {
        const auto entry = deps_.crm.suppressions.find(wish.tenant, address);
        if (entry.has_error())
        {
            return unreadable("the suppression list");
        }
        if (stands_already(*entry))
        {
            // Whoever made it durable may not have come to this yet.
            deps_.crm.stamps.bump_address(wish.tenant, address);
            continue;
        }
        crm::suppression wanted;
        wanted.address = address;
        wanted.reason = crm::suppression_reason::unsubscribed;
        wanted.source = source_of(wish);
        wanted.campaign = wish.campaign;
        const auto added =
            deps_.crm.suppressions.add(wish.tenant, actor_of(wish), std::move(wanted));
        if (added.has_error())
        {
            return unreadable("the suppression list");
        }
    }
    return !addresses->empty();
}

} // namespace hikyaku::feedback
