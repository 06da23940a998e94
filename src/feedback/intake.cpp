#include <hikyaku/feedback/intake.h>

#include "inbound_address.h"
#include "rows.h"
#include "tokens_inside.h"

#include <hikyaku/base/log.h>
#include <hikyaku/bounce/report.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/feed/outcome_index.h>
#include <hikyaku/feedback/effects.h>
#include <hikyaku/feedback/unsubscribe.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/smtp/reply.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>

#include <boost/system/system_error.hpp>

namespace hikyaku::feedback
{
namespace
{

using bounce::recipient_ref;
using bounce::report_kind;
using queue::disposition;

constexpr std::chrono::milliseconds index_wait_max{2'000};
/// Stage of facts that mail told.
constexpr std::string_view report_stage = "report";

/// RFC 5965 section 7.3, with what the large providers add; "other" stands for the rest.
constexpr std::string_view feedback_types[] = {
    "abuse", "fraud", "virus", "not-spam", "opt-out", "other", "auth-failure", "dkim", "complaint"};

std::string_view known_type(std::string_view type)
{
    const auto found = std::find(std::begin(feedback_types), std::end(feedback_types), type);
    return found == std::end(feedback_types) ? std::string_view("other") : *found;
}

/// Reports of the sort "this is not spam" or "your signature is broken" are no complaints.
bool is_complaint(std::string_view type)
{
    return type != "not-spam" && type != "auth-failure" && type != "dkim" && type != "virus";
}

answer accepted()
{
    return {250, "2.0.0 Ok"};
}
answer come_again()
{
    return {451, "4.3.0 Try again later"};
}

enum class outcome : std::uint8_t
{
    done,
    /// Not about a message of ours.
    nothing,
    retry,
};

} // namespace

struct intake::state
{
    dependencies deps;
    intake_options options;
    /// Held from looking whether something was reported to its being durable.
    std::array<std::mutex, 64> reporting;
    mutable std::mutex counting;
    std::map<std::pair<std::string_view, std::string_view>, std::uint64_t> counts;

    void count(std::string_view kind, std::string_view cls = {})
    {
        const std::lock_guard lock(counting);
        ++counts[{kind, cls}];
    }
    [[nodiscard]] bool is_report_address(const inbound_address& to) const
    {
        const bool named =
            to.local == "postmaster" || to.local == "abuse" ||
            std::find(options.report_local_parts.begin(), options.report_local_parts.end(),
                      to.local) != options.report_local_parts.end();
        return named && (to.domain.empty() ? to.local == "postmaster" : deps.is_ours(to.domain));
    }
    /// The token is one that we made, and its tenant is still here.
    [[nodiscard]] std::optional<recipient_ref>
    open(const recipient_ref& claimed, std::string_view text, bounce::token_use use) const
    {
        const auto key = bounce::recipient_token_key(deps.master, claimed.tenant);
        const auto who = bounce::open_recipient(key, text, use);
        return who && deps.db.find_tenant(who->tenant) != nullptr ? who : std::nullopt;
    }

    struct target
    {
        std::string path;
        std::string domain;
        std::string id_domain;
        std::string site;
        std::string source;
    };
    [[nodiscard]] std::optional<target> find_target(const recipient_ref& who, bool contacts);
    [[nodiscard]] std::string stored_address(const recipient_ref& who, bool contacts) const;
    [[nodiscard]] outcome record(const recipient_ref& who, queue::fact f);
    [[nodiscard]] outcome take_report(const recipient_ref& who, const bounce::report& r);
    [[nodiscard]] outcome take_bounce(const recipient_ref& who, const bounce::report& r);
    [[nodiscard]] outcome take_complaint(const recipient_ref& who, const bounce::report& r);
    [[nodiscard]] outcome take_wish(const recipient_ref& who, const bounce::report& r,
                                    std::string_view peer);
    [[nodiscard]] outcome take_loose_report(const bounce::report& r, std::string_view message);
};

std::string intake::state::stored_address(const recipient_ref& who, bool contacts) const
{
    const auto rows = deps.db.find_tenant(who.tenant);
    const auto row = rows != nullptr
                         ? rows->find(contacts ? crm::contact_key(who.who)
                                               : campaign::recipient_key(who.campaign, who.who))
                         : result<std::optional<std::string>>(std::nullopt);
    if (row.has_error() || !*row)
    {
        return {};
    }
    std::string email;
    if (contacts)
    {
        crm::contact_row_view view;
        const bool loaded = view.load(**row);
        const auto cell = view.value(crm::email_field);
        const auto* text = std::get_if<std::string_view>(&cell);
        email = loaded && text != nullptr ? std::string(*text) : std::string();
    }
    else
    {
        const auto given = campaign::decode_recipient(**row);
        email = given ? given->email : std::string();
    }
    const auto parsed = mime::parse_address(email);
    return parsed.has_value() ? parsed->smtp_path() : std::string();
}

/// Where the message went: its outcome tells, since the contact may have another address by now;
/// before that is indexed, the row. nullopt: the store can't be read.
std::optional<intake::state::target> intake::state::find_target(const recipient_ref& who,
                                                                bool contacts)
{
    const feed::recipient_ref ref{contacts ? campaign_id{} : who.campaign, who.who};
    auto last = deps.outcomes.last_in(who.tenant, ref, who.campaign);
    if (last.has_value() && !*last)
    {
        // A report may be faster than the index.
        static_cast<void>(deps.outcomes.catch_up(who.tenant, index_wait_max));
        last = deps.outcomes.last_in(who.tenant, ref, who.campaign);
    }
    if (last.has_error())
    {
        return std::nullopt;
    }
    target out;
    if (*last)
    {
        const auto& f = (**last).what;
        out = {f.recipient, f.domain, f.id_domain, f.site, f.source};
    }
    if (out.path.empty())
    {
        out.path = stored_address(who, contacts);
    }
    if (out.domain.empty())
    {
        const auto parsed = mime::parse_address(out.path);
        out.domain = parsed.has_value() ? parsed->domain_ascii : std::string();
    }
    return out;
}

/// Makes the fact durable unless the same was reported before, and waits for its effects.
outcome intake::state::record(const recipient_ref& who, queue::fact f)
{
    const auto contacts = deps.contacts_of(who.tenant, who.campaign);
    if (!contacts)
    {
        return outcome::nothing;
    }
    const auto to = find_target(who, *contacts);
    const auto rows = deps.db.find_tenant(who.tenant);
    if (!to || rows == nullptr)
    {
        return outcome::retry;
    }
    f.at = deps.clock_source.wall();
    f.campaign = who.campaign;
    f.who = who.who;
    f.recipient = to->path;
    f.domain = to->domain;
    f.id_domain = to->id_domain;
    f.site = to->site;
    f.source = to->source;
    f.stage = report_stage;
    std::uint64_t seq = 0;
    {
        const auto stripe = std::hash<campaign_id>{}(who.campaign) ^ who.who.value;
        const std::lock_guard lock(reporting[stripe % reporting.size()]);
        const auto key = reported_key(who.campaign, who.who);
        const auto row = rows->find(key);
        auto before = row.has_value() && *row ? decode_reported(**row) : std::optional(reported{});
        if (row.has_error() || !before)
        {
            return outcome::retry;
        }
        bool& flag = f.what == disposition::oob_bounce ? before->bounce : before->complaint;
        if (std::exchange(flag, true))
        {
            return outcome::done; // told again
        }
        store::record also(who.tenant);
        also.put(store::space::data, key, encode(*before));
        seq = deps.append(who.tenant, {std::move(f)}, std::move(also));
    }
    if (seq != 0 && !deps.effects_of_facts.wait_for(who.tenant, seq, effects_wait_max))
    {
        log::warning("feedback.effects_late",
                     {{"tenant", format_id("tnt", who.tenant.value)}, {"block", seq}});
    }
    return outcome::done;
}

outcome intake::state::take_bounce(const recipient_ref& who, const bounce::report& r)
{
    const auto contacts = deps.contacts_of(who.tenant, who.campaign);
    const auto to = contacts ? find_target(who, *contacts) : std::nullopt;
    const auto mine = mime::parse_address(to ? to->path : std::string());
    const auto is_mine = [&](const std::string& text)
    {
        const auto parsed = mime::parse_address(text);
        return parsed.has_value() && mine.has_value() && parsed->normalized() == mine->normalized();
    };
    // The token says who it is about; of several that a report names, what it says of that one.
    const bounce::report_recipient* best = nullptr;
    for (const auto& one : r.recipients)
    {
        const bool fits = one.kind == report_kind::bounce;
        if (fits && (is_mine(one.recipient) || is_mine(one.original_recipient)))
        {
            best = &one;
            break;
        }
        best = fits && best == nullptr ? &one : best;
    }
    queue::fact f;
    f.what = disposition::oob_bounce;
    f.cls = bounce::to_string(bounce::reply_class::other);
    f.contact = static_cast<std::uint8_t>(bounce::contact_effect::count);
    if (best != nullptr)
    {
        f.code = static_cast<std::uint16_t>(std::clamp(best->code, 0, 599));
        f.enhanced = best->status;
        f.reply = smtp::clean_text(best->text);
        f.cls = bounce::to_string(best->cls);
        f.contact = static_cast<std::uint8_t>(best->contact);
    }
    f.mx = smtp::clean_text(r.reporting_mta);
    count("bounce", bounce::to_string(best != nullptr ? best->cls : bounce::reply_class::other));
    return record(who, std::move(f));
}

outcome intake::state::take_complaint(const recipient_ref& who, const bounce::report& r)
{
    const auto type = known_type(r.feedback_type.empty() ? "abuse" : r.feedback_type);
    count("complaint", type);
    if (!is_complaint(type))
    {
        return outcome::done;
    }
    queue::fact f;
    f.what = disposition::complaint;
    f.cls = type;
    f.contact = static_cast<std::uint8_t>(bounce::contact_effect::suppress);
    f.mx = smtp::clean_text(r.reporting_mta);
    return record(who, std::move(f));
}

outcome intake::state::take_report(const recipient_ref& who, const bounce::report& r)
{
    switch (r.kind)
    {
    case report_kind::bounce:
        return take_bounce(who, r);
    case report_kind::complaint:
        return take_complaint(who, r);
    case report_kind::delay:
    case report_kind::auto_reply:
    case report_kind::delivered:
    case report_kind::none:
        count(bounce::to_string(r.kind));
        return outcome::done;
    }
    return outcome::done;
}

outcome intake::state::take_wish(const recipient_ref& who, const bounce::report& r,
                                 std::string_view peer)
{
    if (r.kind == report_kind::bounce || r.kind == report_kind::delay ||
        r.kind == report_kind::auto_reply)
    {
        count(bounce::to_string(r.kind)); // a machine's answer is nobody's wish
        return outcome::done;
    }
    const auto done = deps.unsubscribes.take_off(
        {who.tenant, who.campaign, who.who, unsubscribe_way::mail, peer});
    if (done.has_error())
    {
        return outcome::retry;
    }
    count("unsubscribe");
    return outcome::done;
}

/// A report that came to a report address: the original inside tells whose it is.
outcome intake::state::take_loose_report(const bounce::report& r, std::string_view message)
{
    if (r.kind != report_kind::complaint && r.kind != report_kind::bounce)
    {
        count(bounce::to_string(r.kind));
        return outcome::nothing;
    }
    bool looked = false;
    for (const auto& found : find_tokens(message))
    {
        looked = true;
        if (const auto who = open(found.who, found.text, found.use))
        {
            return take_report(*who, r);
        }
    }
    count(looked ? std::string_view("forged") : std::string_view("none"));
    return outcome::nothing;
}

intake::intake(dependencies deps, intake_options options)
    : state_(new state{std::move(deps), std::move(options), {}, {}, {}})
{
}
intake::~intake() = default;

answer intake::check_recipient(std::string_view recipient) const
{
    const auto to = read_inbound_address(recipient);
    using kind = inbound_address::kind;
    if (to.what != kind::other)
    {
        const auto use = to.what == kind::return_path ? bounce::token_use::return_path
                                                      : bounce::token_use::unsubscribe_mail;
        if (state_->open(to.who, to.local, use))
        {
            return {250, "2.1.5 Ok"};
        }
        state_->count("forged");
        return {550, "5.1.1 No such address"};
    }
    if (state_->is_report_address(to))
    {
        return {250, "2.1.5 Ok"};
    }
    return state_->deps.is_ours(to.domain) ? answer{550, "5.1.1 No such address"}
                                           : answer{550, "5.7.1 Relaying denied"};
}

answer intake::deliver(const inbound& mail)
{
    const auto report = bounce::parse_report(mail.message, *state_->deps.rules());
    bool any = false;
    bool again = false;
    std::set<std::pair<inbound_address::kind, std::string>> seen;
    for (const auto& recipient : mail.recipients)
    {
        const auto to = read_inbound_address(recipient);
        if (!seen.emplace(to.what, to.what == inbound_address::kind::other ? "" : to.local).second)
        {
            continue;
        }
        auto ended = outcome::nothing;
        try
        {
            using bounce::token_use;
            if (to.what == inbound_address::kind::other)
            {
                ended = state_->is_report_address(to)
                            ? state_->take_loose_report(report, mail.message)
                            : outcome::nothing;
            }
            else if (to.what == inbound_address::kind::return_path)
            {
                const auto who = state_->open(to.who, to.local, token_use::return_path);
                ended = who ? state_->take_report(*who, report) : outcome::nothing;
                any = any || who.has_value();
            }
            else
            {
                const auto who = state_->open(to.who, to.local, token_use::unsubscribe_mail);
                ended = who ? state_->take_wish(*who, report, mail.peer) : outcome::nothing;
                any = any || who.has_value();
            }
        }
        catch (const boost::system::system_error& e)
        {
            log::warning("feedback.intake_failed", {{"reason", e.what()}});
            ended = outcome::retry;
        }
        any = any || ended == outcome::done;
        again = again || ended == outcome::retry;
    }
    if (again)
    {
        return come_again();
    }
    return any ? accepted() : answer{550, "5.6.0 Only reports about messages from here are taken"};
}

std::vector<intake_count> intake::counts() const
{
    const std::lock_guard lock(state_->counting);
    std::vector<intake_count> out;
    for (const auto& [name, n] : state_->counts)
    {
        out.push_back({name.first, name.second, n});
    }
    return out;
}

} // namespace hikyaku::feedback
