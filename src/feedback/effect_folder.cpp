#include "effect_folder.h"

#include "rows.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/bounce/reply_class.h>
#include <hikyaku/mime/address.h>

#include <algorithm>

#include <boost/system/system_error.hpp>

namespace hikyaku::feedback
{
namespace
{

constexpr std::size_t fact_key_bytes = 9;
/// Blocks looked for one by one around a damaged table, per batch.
constexpr unsigned single_reads_max = 1'000;
/// Campaigns whose breaker is remembered.
constexpr std::size_t breakers_max = 10'000;
/// Class of what a sandboxed campaign "delivers": nothing was sent.
constexpr std::string_view sandbox_class = "sandbox";

using queue::disposition;

std::optional<std::uint64_t> seq_of(std::string_view key)
{
    return key.size() == fact_key_bytes ? std::optional(get_be<std::uint64_t>(key.substr(1)))
                                        : std::nullopt;
}

bounce::contact_effect effect_of(const queue::fact& f)
{
    return static_cast<bounce::contact_effect>(f.contact);
}

/// It ended, and somebody else than us said why.
bool is_failure(const queue::fact& f)
{
    const bool ended = f.what == disposition::bounced || f.what == disposition::expired ||
                       f.what == disposition::oob_bounce;
    return ended && f.count == 1 && effect_of(f) != bounce::contact_effect::keep;
}

/// The address itself is what is wrong, or its owner refuses us.
bool is_bad(const queue::fact& f)
{
    return (f.what == disposition::bounced || f.what == disposition::oob_bounce) &&
           (effect_of(f) == bounce::contact_effect::suppress ||
            f.cls == bounce::to_string(bounce::reply_class::refused));
}

bool proves_death(const queue::fact& f)
{
    return effect_of(f) == bounce::contact_effect::suppress &&
           (f.cls == bounce::to_string(bounce::reply_class::bad_mailbox) ||
            f.cls == bounce::to_string(bounce::reply_class::bad_domain));
}

bool is_delivery(const queue::fact& f)
{
    return f.what == disposition::delivered && f.count == 1 && f.cls != sandbox_class;
}

std::string normalize(const std::string& recipient)
{
    const auto parsed = mime::parse_address(recipient);
    return parsed.has_value() ? parsed->normalized() : std::string();
}

/// "550 5.1.1 User unknown".
std::string describe(const queue::fact& f)
{
    std::string out = f.code != 0 ? std::to_string(f.code) : std::string();
    for (const auto* part : {&f.enhanced, &f.reply})
    {
        const bool is_there = part->empty() || (part == &f.reply && f.reply == f.enhanced);
        out += is_there ? "" : (out.empty() ? "" : " ") + *part;
    }
    return crm::make_suppression_source(out.empty() ? f.cls : out);
}

} // namespace

struct effect_folder::batch
{
    tenant_id tenant;
    wall_time now{};
    tenant_settings settings;
    std::uint64_t last = 0;
    bool more = false;

    struct item
    {
        queue::fact what;
        std::string address;
    };
    /// Those that may have an effect, in order.
    std::vector<item> items;
    std::size_t facts = 0;

    std::map<std::string, error_counter, std::less<>> counters;
    std::set<std::string, std::less<>> touched;
    std::map<std::string, std::optional<crm::suppression>, std::less<>> suppressions;
    std::set<std::string, std::less<>> suppressed;
    std::map<campaign_id, campaign::returns> returns;
    std::vector<campaign_id> tripped;
    store::record platform{platform_tenant};
    std::uint64_t by_bounce = 0;
    std::uint64_t by_complaint = 0;
};

void effect_folder::add(batch& b, std::uint64_t block, std::string_view bytes)
{
    b.last = block;
    auto decoded = queue::decode_facts(bytes);
    if (!decoded)
    {
        ++stats.skipped;
        log::error("feedback.effects_skipped", {{"tenant", format_id("tnt", b.tenant.value)},
                                                {"block", block},
                                                {"reason", "damaged"}});
        return;
    }
    b.facts += decoded->size();
    for (auto& f : *decoded)
    {
        const bool matters = is_delivery(f) || is_failure(f) || f.what == disposition::bounced ||
                             f.what == disposition::oob_bounce || f.what == disposition::complaint;
        if (matters)
        {
            b.items.push_back({std::move(f), {}});
        }
    }
}

void effect_folder::gather(const store::tenant_store& rows, batch& b)
{
    auto at = rows.scan(queue::fact_key(b.last + 1),
                        store::prefix_end(std::string(1, queue::fact_kind)), nullptr, false);
    for (; at.valid() && b.facts < effects::batch_facts; at.next())
    {
        if (const auto seq = seq_of(at.key()))
        {
            add(b, *seq, at.value());
        }
    }
    b.more = at.valid();
    if (!b.more && at.status().has_error())
    {
        gather_singly(rows, b);
    }
}

/// Past a damaged table: block by block, leaving out those that can't be read.
void effect_folder::gather_singly(const store::tenant_store& rows, batch& b)
{
    const auto last_key = rows.last_key(std::string(1, queue::fact_kind));
    const auto last = last_key.has_value() && *last_key ? seq_of(**last_key).value_or(0) : 0;
    for (unsigned i = 0; i < single_reads_max && b.last < last; ++i)
    {
        const auto block = rows.find(queue::fact_key(b.last + 1));
        if (block.has_value() && *block)
        {
            add(b, b.last + 1, **block);
            continue;
        }
        ++stats.skipped;
        ++b.last;
    }
    b.more = b.last < last;
}

/// Reads what the facts may change. @returns false when a row can't be read or is damaged
bool effect_folder::load(const store::tenant_store& rows, batch& b)
{
    auto counters = rows.scan_prefix(counter_prefix());
    const bool has_counters = counters.valid();
    const bool take_off = !b.settings.use_dead_addresses && deps_.dead.size() != 0;
    std::vector<std::string> failing;
    std::vector<std::string_view> delivered;
    for (auto& i : b.items)
    {
        const bool delivery = is_delivery(i.what);
        if (!delivery || has_counters || take_off)
        {
            i.address = normalize(i.what.recipient);
        }
        if (delivery && has_counters && !i.address.empty())
        {
            delivered.push_back(i.address);
        }
        else if (!delivery && !i.address.empty())
        {
            failing.push_back(i.address);
        }
        b.returns.try_emplace(i.what.campaign);
    }
    for (auto* addresses : {&failing})
    {
        std::sort(addresses->begin(), addresses->end());
        addresses->erase(std::unique(addresses->begin(), addresses->end()), addresses->end());
    }
    std::sort(delivered.begin(), delivered.end());
    delivered.erase(std::unique(delivered.begin(), delivered.end()), delivered.end());

    std::vector<std::string> keys;
    for (const auto& address : failing)
    {
        keys.push_back(counter_key(address));
    }
    std::vector<std::optional<std::string>> found;
    if (rows.find_many(keys, found).has_error())
    {
        return false;
    }
    for (std::size_t i = 0; i < failing.size(); ++i)
    {
        // A damaged counter starts anew: nobody is suppressed for what can't be read.
        auto c = found[i] ? decode_counter(*found[i]) : std::nullopt;
        b.counters[failing[i]] = c.value_or(error_counter{});
    }
    // Those that got through, where a counter waits for them: leapfrog, since most have none.
    const auto prefix_bytes = counter_prefix().size();
    for (std::size_t i = 0; i < delivered.size() && counters.valid();)
    {
        const auto at = counters.key().substr(prefix_bytes);
        if (at < delivered[i])
        {
            counters.seek(counter_key(delivered[i]));
        }
        else if (delivered[i] < at)
        {
            i = static_cast<std::size_t>(
                std::lower_bound(delivered.begin() + static_cast<std::ptrdiff_t>(i),
                                 delivered.end(), at) -
                delivered.begin());
        }
        else
        {
            auto c = decode_counter(counters.value());
            b.counters.try_emplace(std::string(at), c.value_or(error_counter{}));
            ++i;
        }
    }
    if (!counters.valid() && counters.status().has_error())
    {
        return false;
    }
    keys.clear();
    for (const auto& address : failing)
    {
        keys.push_back(crm::suppression_key(address));
    }
    if (rows.find_many(keys, found).has_error())
    {
        return false;
    }
    for (std::size_t i = 0; i < failing.size(); ++i)
    {
        auto s = found[i] ? crm::decode_suppression(keys[i], *found[i]) : std::nullopt;
        b.suppressions[failing[i]] = std::move(s);
    }
    for (auto& [campaign, r] : b.returns)
    {
        const auto row = rows.find(campaign::returns_key(campaign));
        if (row.has_error())
        {
            return false;
        }
        r = *row ? campaign::decode_returns(**row).value_or(campaign::returns{})
                 : campaign::returns{};
    }
    return true;
}

void effect_folder::suppress(batch& b, const queue::fact& f, const std::string& address,
                             crm::suppression_reason reason, std::optional<milliseconds> lasts)
{
    crm::suppression s;
    s.address = address;
    s.reason = reason;
    s.source = describe(f);
    s.at = b.now;
    s.expires = lasts ? std::optional(b.now + *lasts) : std::nullopt;
    s.campaign = f.campaign;
    s.cls = f.cls;
    auto& kept = b.suppressions[address];
    if (auto merged = crm::merge_suppression(kept, std::move(s), b.now))
    {
        kept = std::move(merged);
        b.suppressed.insert(address);
        ++(reason == crm::suppression_reason::complaint ? b.by_complaint : b.by_bounce);
    }
}

void effect_folder::apply_failure(batch& b, const queue::fact& f, const std::string& address)
{
    const bool certain = effect_of(f) == bounce::contact_effect::suppress;
    const auto& kept = b.suppressions[address];
    const bool is_suppressed = kept && kept->active(b.now);
    auto& c = b.counters[address];
    note_failure(c, certain ? tenant_settings::certain_weight : 1, is_suppressed,
                 f.what == disposition::oob_bounce, f.campaign, f.cls, f.at);
    b.touched.insert(address);
    if (c.score >= b.settings.bounce_threshold)
    {
        c.suppressed = true;
        suppress(b, f, address, crm::suppression_reason::bounce,
                 certain ? b.settings.certain_expires_after : b.settings.other_expires_after);
    }
    if (proves_death(f))
    {
        deps_.dead.note_failure(address, f.cls, b.tenant, f.at, b.platform);
    }
}

void effect_folder::apply_complaint(batch& b, const queue::fact& f, const std::string& address)
{
    suppress(b, f, address, crm::suppression_reason::complaint, std::nullopt);
}

void effect_folder::apply_delivery(batch& b, const queue::fact& f, const std::string& address)
{
    if (!b.settings.use_dead_addresses)
    {
        deps_.dead.note_delivery(address, b.platform);
    }
    const auto found = b.counters.find(address);
    if (found == b.counters.end() || found->second == error_counter{})
    {
        return;
    }
    if (!note_delivery(found->second, f.campaign))
    {
        found->second = {};
    }
    b.touched.insert(address);
}

void effect_folder::count_return(batch& b, const queue::fact& f)
{
    auto& r = b.returns[f.campaign];
    r.oob_bounced += f.what == disposition::oob_bounce ? 1 : 0;
    r.complaints += f.what == disposition::complaint ? 1 : 0;
    if (f.at < r.since)
    {
        return; // before somebody resumed it
    }
    r.delivered += is_delivery(f) ? 1 : 0;
    r.bounced += f.what == disposition::bounced ? 1 : 0;
    r.bad += is_bad(f) ? 1 : 0;
    r.complained += f.what == disposition::complaint ? 1 : 0;
}

void effect_folder::apply(batch& b, const queue::fact& f, const std::string& address)
{
    count_return(b, f);
    if (address.empty())
    {
        return;
    }
    if (is_delivery(f))
    {
        apply_delivery(b, f, address);
    }
    else if (f.what == disposition::complaint)
    {
        apply_complaint(b, f, address);
    }
    else if (is_failure(f))
    {
        apply_failure(b, f, address);
    }
}

std::optional<campaign::breaker_limits>
effect_folder::limits_of(tenant_id tenant, campaign_id campaign, const tenant_settings& settings)
{
    auto known = breakers_.find(campaign.value);
    if (known == breakers_.end())
    {
        const auto own = deps_.breaker_of(tenant, campaign);
        if (!own)
        {
            return std::nullopt;
        }
        if (breakers_.size() >= breakers_max)
        {
            breakers_.clear();
        }
        known = breakers_.emplace(campaign.value, *own).first;
    }
    return campaign::merge(settings.breaker, known->second);
}

void effect_folder::judge_campaigns(batch& b)
{
    for (auto& [campaign, r] : b.returns)
    {
        const auto limits = limits_of(b.tenant, campaign, b.settings);
        if (!limits || r.cause != campaign::breaker_cause::none)
        {
            continue;
        }
        r.cause = campaign::judge(*limits, r);
        if (r.cause != campaign::breaker_cause::none)
        {
            r.tripped = b.now;
            r.detail = campaign::describe(r.cause, *limits, r);
            b.tripped.push_back(campaign);
        }
    }
}

void effect_folder::write(batch& b, store::record& data, store::record& platform)
{
    for (const auto& address : b.touched)
    {
        const auto& c = b.counters[address];
        if (c == error_counter{})
        {
            data.erase(store::space::data, counter_key(address));
        }
        else
        {
            data.put(store::space::data, counter_key(address), encode(c));
        }
    }
    for (const auto& address : b.suppressed)
    {
        data.put(store::space::data, crm::suppression_key(address),
                 crm::encode_suppression(*b.suppressions[address]));
    }
    for (const auto& [campaign, r] : b.returns)
    {
        data.put(store::space::data, campaign::returns_key(campaign), encode(r));
    }
    data.put(store::space::data, folded_key(), encode_folded(b.last));
    platform = std::move(b.platform);
}

effect_folder::progress effect_folder::fold(tenant_id tenant, bool hurry)
{
    const auto rows = deps_.db.find_tenant(tenant);
    if (rows == nullptr)
    {
        return {UINT64_MAX, false, false}; // dropped, and its facts with it
    }
    try
    {
        const auto mark = rows->find(folded_key());
        const auto settings = deps_.settings.find(tenant);
        if (mark.has_error() || settings.has_error())
        {
            log::error("feedback.effects_unreadable", {{"tenant", format_id("tnt", tenant.value)}});
            return {0, false, true};
        }
        batch b;
        b.tenant = tenant;
        b.settings = *settings;
        b.last = *mark ? decode_folded(**mark).value_or(0) : 0;
        const auto before = b.last;
        gather(*rows, b);
        if (b.last == before)
        {
            return {before, false, false};
        }
        // The gate from reading to writing: requests change the same rows.
        auto change = deps_.log.begin(tenant, oplog::system_actor(), "suppression.add");
        b.now = deps_.clock_source.wall();
        if (!load(*rows, b))
        {
            log::error("feedback.effects_unreadable", {{"tenant", format_id("tnt", tenant.value)}});
            return {before, false, true};
        }
        for (const auto& i : b.items)
        {
            apply(b, i.what, i.address);
        }
        judge_campaigns(b);
        write(b, change.data(), change.platform());
        const auto cls = hurry || !b.suppressed.empty() ? store::commit_class::control
                                                        : store::commit_class::bulk;
        if (!b.suppressed.empty())
        {
            change.set_detail(std::to_string(b.by_bounce) + " after bounces, " +
                              std::to_string(b.by_complaint) + " after complaints");
            change.commit(
                [&]
                {
                    for (const auto& address : b.suppressed)
                    {
                        deps_.stamps.bump_address(tenant, address);
                    }
                },
                cls);
        }
        else
        {
            // Counting is no operation of anybody's.
            std::vector<store::record> records;
            if (!change.platform().empty())
            {
                records.push_back(std::move(change.platform()));
            }
            records.push_back(std::move(change.data()));
            deps_.db.commit(std::move(records), cls);
        }
        deps_.dead.settled(true);
        stats.facts += b.facts;
        ++stats.batches;
        stats.suppressed_by_bounce += b.by_bounce;
        stats.suppressed_by_complaint += b.by_complaint;
        { // The gate is open again before a campaign is changed.
            const auto closed = std::move(change);
        }
        for (const auto campaign : b.tripped)
        {
            stats.paused += deps_.pause(tenant, campaign, b.returns[campaign]) ? 1 : 0;
        }
        return {b.last, b.more, false};
    }
    catch (const boost::system::system_error& e)
    {
        // Dropped meanwhile, or its journal or operation log is damaged.
        deps_.dead.settled(false);
        log::warning("feedback.effects_not_folded",
                     {{"tenant", format_id("tnt", tenant.value)}, {"reason", e.what()}});
        return {0, false, true};
    }
}

void effect_folder::pause_tripped(tenant_id tenant)
{
    const auto rows = deps_.db.find_tenant(tenant);
    if (rows == nullptr)
    {
        return;
    }
    const auto prefix = campaign::returns_key(campaign_id{}).substr(0, 1);
    auto at = rows->scan_prefix(prefix);
    for (; at.valid(); at.next())
    {
        const auto r = campaign::decode_returns(at.value());
        if (r && r->cause != campaign::breaker_cause::none)
        {
            const campaign_id campaign{get_be<std::uint64_t>(at.key().substr(1))};
            stats.paused += deps_.pause(tenant, campaign, *r) ? 1 : 0;
        }
    }
}

} // namespace hikyaku::feedback
