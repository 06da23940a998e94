#include "scheduler.h"

#include <hikyaku/base/log.h>
#include <hikyaku/queue/usage_rows.h>

namespace hikyaku::delivery
{
namespace
{

/// Warm-up rows written with one commit.
constexpr std::size_t warm_up_rows_max = 4096;

} // namespace

std::string tenant_text(tenant_id id)
{
    return format_id("tnt", id.value);
}

std::string campaign_text(campaign_id id)
{
    return format_id("cmp", id.value);
}

/// What was learnt and counted before the restart. @error the store can't be read
result<void> scheduler::load_adaptations()
{
    auto rows = queue::load_platform_rows(deps_.db.queue());
    if (rows.has_error())
    {
        return rows.error();
    }
    for (auto& r : rows->adaptation)
    {
        stored_[{r.site, r.source}] = std::move(r.state);
    }
    for (const auto& r : rows->warm_up)
    {
        warm_up_.load({r.source, r.site, r.day, r.used});
    }
    if (!rows->suspensions.empty())
    {
        const auto done = suspensions_.decode(rows->suspensions, now());
        if (done.has_error())
        {
            log::warning("suspensions_unreadable", {{"reason", done.error().text}});
        }
    }
    for (const auto& r : rows->sources)
    {
        numbers_.push_back({r.number, r.name});
    }
    const auto adopted = adopt_sources(options_.sources ? *options_.sources
                                                        : shaping::source_table(options_.hostname));
    if (adopted.has_error())
    {
        log::error("sources_refused", {{"reason", adopted.error().text}});
        return make_error_code(boost::system::errc::invalid_argument);
    }
    return {};
}

/// Takes the table with the durable numbers of its sources; new numbers are written before
/// anything that names them.
result<void, failure> scheduler::adopt_sources(const shaping::source_table& next)
{
    auto table = std::make_shared<shaping::source_table>(next);
    const auto fresh = table->assign_numbers(numbers_);
    if (fresh.has_error())
    {
        return fresh.error();
    }
    if (!fresh->empty())
    {
        store::record rows(platform_tenant);
        for (const auto& n : *fresh)
        {
            queue::put_source(rows, {n.number, n.name});
            numbers_.push_back(n);
        }
        std::vector<store::record> one;
        one.push_back(std::move(rows));
        deps_.db.submit(std::move(one), store::commit_class::control, [] {});
    }
    sources_ = std::move(table);
    return {};
}

void scheduler::make_quota(tenant_id id, tenant_entry& t)
{
    // Without limits it counts all the same: one that is set at noon knows of the morning.
    shaping::quota_use use;
    const auto row = queue::find_usage(deps_.db.queue(), id);
    if (row.has_value() && *row)
    {
        use = {(*row)->day, (*row)->today, (*row)->month, (*row)->this_month};
    }
    t.quota.emplace(t.terms.quota, t.terms.created, use);
}

/// Writes what rules, the operator and warm-ups have changed since the last call.
void scheduler::save_adaptations()
{
    const auto ended_before = warm_up_.take_ended_days();
    const auto warmed = warm_up_.take_changes(warm_up_rows_max);
    if (unsaved_.empty() && !suspensions_unsaved_ && warmed.empty() && !ended_before)
    {
        return;
    }
    const auto at = now();
    store::record rows(platform_tenant);
    for (const auto* p : unsaved_)
    {
        queue::put_adaptation(rows, {p->number, p->where.key, p->adaptation.encode(at)});
    }
    unsaved_.clear();
    if (suspensions_unsaved_)
    {
        queue::put_suspensions(rows, suspensions_.encode(at));
        suspensions_unsaved_ = false;
    }
    if (ended_before)
    {
        queue::erase_warm_up_before(rows, *ended_before);
    }
    for (const auto& w : warmed)
    {
        queue::put_warm_up(rows, {w.day, w.source, w.site, w.used});
    }
    std::vector<store::record> one;
    one.push_back(std::move(rows));
    deps_.db.submit(std::move(one), store::commit_class::outcome, [] {});
}

} // namespace hikyaku::delivery
