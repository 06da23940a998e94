#include "outcome_folder.h"

#include <algorithm>
#include <tuple>

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>

#include <boost/system/system_error.hpp>

namespace hikyaku::feed
{
namespace
{

constexpr std::size_t fact_key_bytes = 9;
/// Campaigns whose kind of recipients is remembered.
constexpr std::size_t known_max = 10'000;
/// Blocks looked for one by one around a damaged table, per batch.
constexpr unsigned single_reads_max = 1'000;

std::optional<std::uint64_t> seq_of(std::string_view key)
{
    return key.size() == fact_key_bytes ? std::optional(get_be<std::uint64_t>(key.substr(1)))
                                        : std::nullopt;
}

} // namespace

std::optional<bool> outcome_folder::has_contacts(tenant_id tenant, campaign_id campaign)
{
    const auto known = known_.find(campaign.value);
    if (known != known_.end())
    {
        return known->second;
    }
    const auto found = has_contacts_(tenant, campaign);
    if (found)
    {
        if (known_.size() >= known_max)
        {
            known_.clear();
        }
        known_.emplace(campaign.value, *found);
    }
    return found;
}

void outcome_folder::skip(tenant_id tenant, std::uint64_t block, std::string_view why)
{
    ++skipped;
    log::error("feed.outcomes_skipped",
               {{"tenant", format_id("tnt", tenant.value)}, {"block", block}, {"reason", why}});
}

void outcome_folder::add(tenant_id tenant, std::uint64_t block, std::string_view bytes, batch& b)
{
    b.last = block;
    const auto decoded = queue::decode_facts(bytes);
    if (!decoded)
    {
        skip(tenant, block, "damaged");
        return;
    }
    b.facts += decoded->size();
    bool unknown = false;
    for (std::size_t i = 0; i < decoded->size(); ++i)
    {
        const auto& f = (*decoded)[i];
        const auto contacts = has_contacts(tenant, f.campaign);
        unknown = unknown || !contacts;
        if (!contacts || f.who.value == 0)
        {
            continue; // a fact for many recipients names none
        }
        b.entries.push_back(
            {{*contacts ? campaign_id{} : f.campaign, f.who}, block, {i, f.what, f.campaign}});
    }
    if (unknown)
    {
        skip(tenant, block, "unknown campaign");
    }
}

outcome_folder::batch outcome_folder::gather(tenant_id tenant, const store::reader& rows,
                                             std::uint64_t after)
{
    batch b;
    b.last = after;
    auto at = rows.scan(queue::fact_key(after + 1),
                        store::prefix_end(std::string(1, queue::fact_kind)), nullptr, false);
    for (; at.valid() && b.facts < outcome_index::batch_facts; at.next())
    {
        if (const auto seq = seq_of(at.key()))
        {
            add(tenant, *seq, at.value(), b);
        }
    }
    b.more = at.valid();
    if (!b.more && !at.status())
    {
        gather_singly(tenant, rows, b);
    }
    return b;
}

/// Past a damaged table: block by block, leaving out those that cannot be read.
void outcome_folder::gather_singly(tenant_id tenant, const store::reader& rows, batch& b)
{
    const auto last_key = rows.last_key(std::string(1, queue::fact_kind));
    const auto last = last_key && *last_key ? seq_of(**last_key).value_or(0) : 0;
    for (unsigned i = 0; i < single_reads_max && b.last < last; ++i)
    {
        const auto seq = b.last + 1;
        const auto block = rows.find(queue::fact_key(seq));
        if (block && *block)
        {
            add(tenant, seq, **block, b);
            continue;
        }
        skip(tenant, seq, block ? "gone" : "unreadable");
        b.last = seq;
    }
    b.more = b.last < last;
}

void outcome_folder::write(batch& b, store::record& out)
{
    std::sort(b.entries.begin(), b.entries.end(),
              [](const entry& x, const entry& y)
              {
                  return std::tie(x.who, y.block, y.what.index) <
                         std::tie(y.who, x.block, x.what.index);
              });
    std::vector<std::pair<campaign_id, std::uint64_t>> blocks;
    std::vector<outcome_entry> same;
    for (std::size_t i = 0; i < b.entries.size(); ++i)
    {
        const auto& e = b.entries[i];
        same.push_back(e.what);
        blocks.emplace_back(e.what.campaign, e.block);
        const bool last = i + 1 == b.entries.size() || b.entries[i + 1].who != e.who ||
                          b.entries[i + 1].block != e.block;
        if (last)
        {
            out.put(store::space::data, outcome_key(e.who, e.block), encode_outcomes(same));
            same.clear();
        }
    }
    std::sort(blocks.begin(), blocks.end());
    for (std::size_t i = 0; i < blocks.size();)
    {
        const auto end = std::upper_bound(blocks.begin() + static_cast<std::ptrdiff_t>(i),
                                          blocks.end(), blocks[i]);
        const auto next = static_cast<std::size_t>(end - blocks.begin());
        out.put(store::space::data, campaign_block_key(blocks[i].first, blocks[i].second),
                encode_number(next - i));
        i = next;
    }
}

bool outcome_folder::fold(tenant_id tenant)
{
    const auto rows = db_.find_tenant(tenant);
    if (!rows)
    {
        return false; // dropped, and its facts with it
    }
    const auto mark = rows->find(folded_key());
    if (!mark)
    {
        log::error("feed.outcomes_mark_unreadable", {{"tenant", format_id("tnt", tenant.value)}});
        return false;
    }
    // A damaged mark: all is folded again; the rows come out the same.
    const auto after = *mark ? decode_number(**mark).value_or(0) : 0;
    auto b = gather(tenant, *rows, after);
    if (b.last == after)
    {
        return false;
    }
    store::record out(tenant);
    write(b, out);
    out.put(store::space::data, folded_key(), encode_number(b.last));
    try
    {
        db_.commit(std::move(out), store::commit_class::bulk);
    }
    catch (const boost::system::system_error& e)
    {
        // Dropped meanwhile, or its journal is damaged: nothing more is written for it.
        log::warning("feed.outcomes_not_folded",
                     {{"tenant", format_id("tnt", tenant.value)}, {"reason", e.what()}});
        return false;
    }
    facts += b.facts;
    ++batches;
    return b.more;
}

} // namespace hikyaku::feed
