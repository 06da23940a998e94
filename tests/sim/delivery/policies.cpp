#include "policies.h"

#include <hikyaku/shaping/local_date.h>

namespace hikyaku::sim
{
namespace
{

constexpr milliseconds second{1'000};
constexpr milliseconds minute{60'000};

/// An offset by which a day ends some minutes after the start.
int offset_of_midnight_soon(world& w)
{
    const auto date = shaping::make_local_date(w.time().wall(), 0);
    const auto left =
        std::chrono::duration_cast<std::chrono::minutes>(date.day_ends - w.time().wall());
    return static_cast<int>(left.count()) - static_cast<int>(w.random().between(1, 5));
}

void add_sources(world& w, bool calm, expectations& e)
{
    auto& r = w.random();
    for (auto n = r.between(1, 3); n > 0; --n)
    {
        w.options.sources.push_back({static_cast<std::uint32_t>(r.between(1, 5)), std::nullopt});
    }
    if (!calm && r.chance(50))
    {
        w.options.offset_minutes = offset_of_midnight_soon(w);
        const auto today = shaping::make_local_date(w.time().wall(), w.options.offset_minutes).day;
        const auto first = static_cast<std::uint64_t>(r.between(5, 60));
        auto plan = shaping::make_warm_up(today, {first, first * 2}, std::nullopt);
        w.options.sources.back().warm_up = *plan;
        e.held_on_purpose = true;
    }
}

void add_rules(world& w)
{
    using kind = shaping::action_kind;
    auto& r = w.random();
    for (const char* code : {"421", "450", "451", "550", "554"})
    {
        if (!r.chance(50))
        {
            continue;
        }
        rule_model m;
        m.code = code;
        const kind kinds[] = {kind::back_off, kind::suspend, kind::suspend, kind::suspend,
                              kind::defer,    kind::bounce,  kind::next_mx, kind::reopen};
        m.action.kind = kinds[r.below(8)];
        if (m.action.kind == kind::suspend)
        {
            using shaping::suspension_kind;
            const suspension_kind scopes[] = {suspension_kind::site, suspension_kind::source_site,
                                              suspension_kind::tenant_site,
                                              suspension_kind::campaign};
            m.action.scope = scopes[r.below(4)];
            m.action.duration = r.between(second, 20 * second);
        }
        w.options.rules.push_back(std::move(m));
    }
    shaping::adaptation_policy policy;
    policy.quiet = r.between(second, 10 * second);
    policy.repeat_after = r.between(second, 10 * second);
    w.options.adaptation = policy;
}

void add_provider(world& w)
{
    auto& r = w.random();
    shaping::limits_patch limits;
    shaping::rate rate;
    rate.per = second;
    rate.count = static_cast<std::uint64_t>(r.between(5, 40));
    rate.burst = static_cast<std::uint64_t>(r.between(1, 30));
    limits.provider_message_rate = std::optional(rate);
    limits.provider_connections_max =
        std::optional<std::uint32_t>(static_cast<std::uint32_t>(r.between(1, 6)));
    w.options.providers.emplace("provider", limits);
}

void add_quotas(world& w)
{
    auto& r = w.random();
    for (std::uint32_t id = 1; id <= 4; ++id)
    {
        if (r.chance(60))
        {
            delivery::tenant_terms t;
            t.offset_minutes = offset_of_midnight_soon(w);
            t.created = shaping::make_local_date(w.time().wall(), t.offset_minutes).day;
            t.quota.per_day = static_cast<std::uint64_t>(r.between(5, 300));
            w.people().set_terms(tenant_id{id}, t);
        }
    }
}

} // namespace

void make_policies(world& w, bool calm, expectations& e)
{
    auto& r = w.random();
    if (r.chance(50))
    {
        add_sources(w, calm, e);
    }
    if (r.chance(40))
    {
        add_provider(w);
    }
    if (!calm && r.chance(35))
    {
        add_rules(w);
        e.held_on_purpose = true;
    }
    if (!calm && r.chance(30))
    {
        add_quotas(w);
        e.held_on_purpose = true;
    }
}

void plan_orders(world& w, const std::vector<std::string>& sites)
{
    auto& r = w.random();
    for (auto n = r.between(1, 4); n > 0; --n)
    {
        delivery::scope what;
        what.what = static_cast<delivery::scope::kind>(r.below(3));
        what.site = what.what == delivery::scope::kind::site ? sites[r.below(sites.size())] : "";
        what.tenant = tenant_id{static_cast<std::uint32_t>(r.between(1, 4))};
        const auto campaign = static_cast<std::size_t>(r.below(5));
        const auto order = r.below(10);
        const auto how_long = r.between(second, 30 * second);
        w.at(r.between(milliseconds{50}, 90 * second),
             [&w, what, campaign, order, how_long]() mutable
             {
                 const auto& all = w.people().campaigns();
                 if (what.what == delivery::scope::kind::campaign)
                 {
                     if (campaign >= all.size() || all[campaign].finished)
                     {
                         return;
                     }
                     what.campaign = all[campaign].ref;
                 }
                 if (order < 6)
                 {
                     w.suspend(what, how_long);
                 }
                 else if (order < 8)
                 {
                     w.resume(what);
                 }
                 else if (order < 9)
                 {
                     (void)w.engine().retry(what);
                 }
                 else
                 {
                     w.log().add("bounce " + what.site);
                     (void)w.engine().bounce(what, how_long, "given up");
                 }
             });
    }
}

void make_urgent(world& w, expectations& e)
{
    auto& r = w.random();
    w.options.sessions_max = static_cast<unsigned>(r.between(1, 5));
    std::vector<std::string> domains;
    milliseconds interval{0};
    for (int i = 0; i < 2; ++i)
    {
        site_model m;
        const std::string base = "site" + std::to_string(i) + ".example";
        m.hosts = {"mx0." + base};
        m.limits.connections_max = static_cast<std::uint32_t>(r.between(1, 6));
        m.limits.connections_initial = m.limits.connections_max;
        m.limits.messages_per_connection = 1'000;
        m.limits.message_rate = std::optional<shaping::rate>{};
        m.limits.connection_rate = std::optional<shaping::rate>{};
        m.limits.idle_max = 20 * second;
        m.latency_max = r.between(milliseconds{2}, milliseconds{60});
        m.work_max = r.between(milliseconds{0}, milliseconds{20});
        // MAIL and RCPT, DATA, the dot: three round trips, and its durability.
        interval = std::max(interval, 6 * m.latency_max + 4 * m.work_max + w.options.commit_max);
        const auto name = peers::site_name(m);
        w.wire().add(std::move(m));
        w.dns().add(base, {.site = name, .ttl = seconds{600}});
        domains.push_back(base);
    }
    w.at(milliseconds{0},
         [&w, domains] { w.people().begin(tenant_id{1}, {{domains[0], 900}}, 40 * minute); });
    // The second site is reached with the reserve alone, where there is one.
    const bool elsewhere = w.options.sessions_max >= 2;
    for (std::size_t i = 1; i <= 3; ++i)
    {
        const auto domain = domains[elsewhere && i == 1 ? 1 : 0];
        w.at(second + static_cast<std::int64_t>(i) * r.between(milliseconds{700}, second),
             [&w, domain]
             { w.people().begin(tenant_id{2}, {{domain, 1}}, 40 * minute, {}, true); });
        e.urgent.emplace_back(i, 4 * interval + 4 * w.options.load_max + milliseconds{300});
    }
}

} // namespace hikyaku::sim
