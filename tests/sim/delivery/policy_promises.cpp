#include "history.h"

#include <hikyaku/shaping/local_date.h>

#include <algorithm>
#include <map>

namespace hikyaku::sim
{
namespace
{

/// A site that has mail and may send is never silent for so long.
constexpr milliseconds silence_max{30'000};
/// An order reaches sessions through the loops, and a transaction that began ends.
constexpr milliseconds order_takes{1'000};

bool reached_the_server(const queue::fact& f)
{
    return f.stage == "mail" || f.stage == "rcpt" || f.stage == "data" || f.stage == "final_dot";
}

std::size_t number_of(const std::string& source)
{
    return static_cast<std::size_t>(std::stoul(source.substr(1)));
}

/// A recipient keeps its source, which is one of its campaign's pool.
void check_source(world& w, const history& h)
{
    std::string before;
    for (const auto& f : h.facts)
    {
        if (f.source.empty() || w.options.sources.empty())
        {
            continue;
        }
        if (number_of(f.source) >= w.options.sources.size() ||
            (h.campaign.pool == "narrow" && f.source != "s0"))
        {
            w.report(h.name() + " left from " + f.source + ", which is not in its pool");
        }
        if (!before.empty() && before != f.source && !w.sources_changed())
        {
            w.report(h.name() + " was tried from " + before + ", then from " + f.source);
        }
        before = f.source;
    }
}

/// What facts say was delivered on a day is within the tenant's quota.
void check_quotas(world& w, const std::vector<history>& all)
{
    std::map<std::pair<tenant_id, shaping::day_number>, std::uint64_t> by_day;
    for (const auto& h : all)
    {
        const auto tenant = h.campaign.ref.tenant;
        const auto terms = w.people().terms().find(tenant);
        for (const auto& f : h.facts)
        {
            if (terms != w.people().terms().end() && f.what == queue::disposition::delivered)
            {
                ++by_day[{tenant,
                          shaping::make_local_date(f.at, terms->second.offset_minutes).day}];
            }
        }
    }
    for (const auto& [key, count] : by_day)
    {
        const auto most = *w.people().terms().at(key.first).quota.per_day;
        if (count > most)
        {
            w.report("tenant " + std::to_string(key.first.value) + " sent " +
                     std::to_string(count) + " on a day, its quota is " + std::to_string(most));
        }
    }
}

/// What left from a warming source is within the plan: what was handed out on its first day may
/// leave on the second, never the other way.
void check_warm_up(world& w, const std::vector<history>& all)
{
    std::map<std::pair<std::string, std::string>, std::map<shaping::day_number, std::uint64_t>>
        used;
    for (const auto& h : all)
    {
        for (const auto& f : h.facts)
        {
            if (!f.source.empty() && reached_the_server(f) && f.source != "default")
            {
                const auto day = shaping::make_local_date(f.at, w.options.offset_minutes).day;
                ++used[{f.source, f.site}][day];
            }
        }
    }
    for (const auto& [path, days] : used)
    {
        if (w.options.sources.empty() || !w.options.sources[number_of(path.first)].warm_up)
        {
            continue;
        }
        const auto& plan = *w.options.sources[number_of(path.first)].warm_up;
        std::uint64_t sum = 0;
        std::uint64_t most = 0;
        for (const auto& [day, count] : days)
        {
            const auto cap = shaping::warm_up_cap(plan, day);
            sum += count;
            most += cap.value_or(UINT32_MAX);
            if (sum > most)
            {
                w.report(path.second + " got " + std::to_string(sum) + " from " + path.first +
                         ", its warm-up allows " + std::to_string(most));
            }
        }
    }
}

bool is_of(const mail_record& mail, const campaign_model& c)
{
    return mail.from.starts_with("c" + std::to_string(c.ref.campaign.value) + "@");
}

/// Nothing goes to a suspended site; nothing of a suspended tenant or campaign is handed out.
void check_order(world& w, const order& o)
{
    for (const auto& [site, log] : w.wire().logs())
    {
        for (const auto& mail : log.mails)
        {
            if (o.what.what == delivery::scope::kind::site)
            {
                if (site == o.what.site && mail.sent > o.from + order_takes && mail.sent < o.to)
                {
                    w.report(site + " got a message while it was suspended");
                    return;
                }
                continue;
            }
            for (const auto& c : w.people().campaigns())
            {
                const bool its = o.what.what == delivery::scope::kind::tenant
                                     ? c.ref.tenant == o.what.tenant
                                     : c.ref == o.what.campaign;
                if (its && is_of(mail, c) &&
                    mail.leased > o.from + w.options.load_max + order_takes && mail.leased < o.to)
                {
                    w.report(mail.from + " was handed out while it was suspended");
                    return;
                }
            }
        }
    }
}

void check_urgent(world& w, std::size_t campaign, milliseconds within)
{
    if (campaign >= w.people().campaigns().size())
    {
        return; // all others had drained before it began: the run was over
    }
    const auto& c = w.people().campaigns().at(campaign);
    for (const auto& [site, log] : w.wire().logs())
    {
        for (const auto& mail : log.mails)
        {
            if (is_of(mail, c) && mail.sent > c.begun + within)
            {
                w.report(
                    "a transactional message waited " +
                    std::to_string(
                        std::chrono::duration_cast<milliseconds>(mail.sent - c.begun).count()) +
                    " ms, allowed are " + std::to_string(within.count()));
            }
        }
    }
}

/// Who expired without a try was kept back by the limits of a site that sent all the time.
void check_progress(world& w, const std::vector<history>& all)
{
    for (const auto& h : all)
    {
        if (!h.facts.empty() || !h.dots.empty())
        {
            continue;
        }
        const auto domain = h.who.address.substr(h.who.address.find('@') + 1);
        const auto& mails = w.wire().logs().at(w.dns().now(domain).site).mails;
        const auto end = h.campaign.begun + std::chrono::duration_cast<milliseconds>(
                                                h.campaign.life.expires_at - h.campaign.began_wall);
        mono_time last = h.campaign.begun;
        for (const auto& mail : mails)
        {
            if (mail.sent > last && mail.sent < end && mail.sent - last <= silence_max)
            {
                last = mail.sent;
            }
        }
        if (end - last > silence_max)
        {
            w.report(h.name() + " expired while its site had time for it");
            return;
        }
    }
}

} // namespace

void check_policies(world& w, const expectations& e, const std::vector<history>& all)
{
    for (const auto& h : all)
    {
        check_source(w, h);
    }
    if (!e.clock_jumped)
    {
        check_quotas(w, all);
        check_warm_up(w, all);
    }
    // A suspension that was not durable yet is lost with the power, and the clock moves its end.
    if (w.cut_lives().empty() && !e.clock_jumped)
    {
        for (const auto& o : w.orders())
        {
            check_order(w, o);
        }
    }
    for (const auto& [campaign, within] : e.urgent)
    {
        check_urgent(w, campaign, within);
    }
    if (e.calm)
    {
        check_progress(w, all);
    }
}

} // namespace hikyaku::sim
