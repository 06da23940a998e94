#include "scenario.h"

#include "policies.h"

#include <algorithm>

namespace hikyaku::sim
{
namespace
{

constexpr milliseconds second{1'000};
constexpr milliseconds minute{60'000};

struct geography
{
    std::vector<std::string> sites;
    std::vector<std::string> domains;
};

shaping::rate make_rate(seeded_random& r, std::int64_t per_s_min, std::int64_t per_s_max)
{
    shaping::rate made;
    const milliseconds periods[] = {second, 10 * second, minute};
    made.per = periods[r.below(3)];
    made.count = static_cast<std::uint64_t>(r.between(per_s_min, per_s_max) * (made.per / second));
    made.burst = static_cast<std::uint64_t>(r.between(1, 60));
    return made;
}

void add_limits(site_model& m, seeded_random& r)
{
    m.limits.connections_max = static_cast<std::uint32_t>(r.between(1, 10));
    m.limits.connections_initial = static_cast<std::uint32_t>(r.between(1, 5));
    m.limits.messages_per_connection = static_cast<std::uint32_t>(r.between(1, 60));
    m.limits.message_rate = std::optional<shaping::rate>{};
    m.limits.connection_rate = std::optional<shaping::rate>{};
    if (r.chance(60))
    {
        m.limits.message_rate = make_rate(r, 5, 60);
    }
    if (r.chance(50))
    {
        m.limits.connection_rate = make_rate(r, 1, 5);
    }
    m.limits.idle_max = r.between(second, 20 * second);
    m.limits.connect_failures_max = static_cast<std::uint32_t>(r.between(1, 5));
    m.limits.suspension_first = r.between(second, 8 * second);
    m.limits.suspension_max = r.between(8 * second, 40 * second);
}

void add_behaviour(site_model& m, seeded_random& r)
{
    m.latency_max = r.between(milliseconds{2}, milliseconds{150});
    m.work_max = r.between(milliseconds{0}, milliseconds{40});
    const auto percent = [&](unsigned often, std::int64_t most)
    { return r.chance(often) ? static_cast<unsigned>(r.between(1, most)) : 0; };
    m.percent_deferred = percent(40, 30);
    m.percent_bounced = percent(40, 10);
    m.percent_deferred_at_dot = percent(25, 20);
    m.percent_lost_at_dot = percent(30, 10);
    m.greylist = r.chance(25) ? r.between(second, 20 * second) : milliseconds{0};
    m.connections_max = percent(20, 5);
    m.messages_per_s = r.chance(15) ? static_cast<unsigned>(r.between(5, 30)) : 0;
    milliseconds from{0};
    while (r.chance(35))
    {
        trouble_window t;
        t.what = static_cast<trouble>(r.below(6));
        t.from = from + r.between(milliseconds{0}, 2 * minute);
        t.to = t.from + r.between(second, minute);
        from = t.to;
        m.troubles.push_back(t);
    }
}

/// Domains end with the name of their first site, so that the checks know where they lead.
geography make_geography(world& w, bool calm)
{
    auto& r = w.random();
    geography g;
    const auto sites = r.between(1, 5);
    for (std::int64_t i = 0; i < sites; ++i)
    {
        site_model m;
        const std::string base = "site" + std::to_string(i) + ".example";
        const auto hosts = r.between(1, 2);
        for (std::int64_t h = 0; h < hosts; ++h)
        {
            m.hosts.push_back("mx" + std::to_string(h) + "." + base);
        }
        add_limits(m, r);
        if (!calm)
        {
            add_behaviour(m, r);
        }
        if (!w.options.providers.empty() && r.chance(60))
        {
            m.provider = w.options.providers.begin()->first;
        }
        const auto name = peers::site_name(m);
        w.wire().add(std::move(m));
        g.sites.push_back(name);
        w.dns().add(base, {.site = name, .ttl = seconds{r.between(1, 120)}});
        g.domains.push_back(base);
    }
    const auto more = r.between(0, 12);
    for (std::int64_t i = 0; i < more; ++i)
    {
        const std::string domain = "d" + std::to_string(i) + ".example";
        w.dns().add(domain,
                    {.site = g.sites[r.below(g.sites.size())], .ttl = seconds{r.between(1, 120)}});
        g.domains.push_back(domain);
        while (!calm && r.chance(25))
        {
            zone_state z;
            z.from = w.dns().last(domain).from + r.between(10 * second, 2 * minute);
            z.ttl = seconds{r.between(1, 60)};
            z.site = g.sites[r.below(g.sites.size())];
            const dns::lookup_status fates[] = {
                dns::lookup_status::ok,        dns::lookup_status::ok,
                dns::lookup_status::temporary, dns::lookup_status::no_address,
                dns::lookup_status::no_domain, dns::lookup_status::null_mx};
            z.status = fates[r.below(6)];
            w.dns().add(domain, std::move(z));
        }
    }
    return g;
}

std::vector<std::pair<std::string, unsigned>> make_audience(seeded_random& r, const geography& g)
{
    std::vector<std::pair<std::string, unsigned>> counts;
    for (const auto& d : g.domains)
    {
        if (r.chance(60))
        {
            const auto most = r.chance(35) ? 300 : 30; // a lane of its own, or a share of a tail
            counts.emplace_back(d, static_cast<unsigned>(r.between(1, most)));
        }
    }
    if (counts.empty())
    {
        counts.emplace_back(g.domains.front(), 20);
    }
    return counts;
}

void plan_changes(world& w, std::size_t campaign, milliseconds begins, const geography& g)
{
    auto& r = w.random();
    auto& people = w.people();
    const auto later = [&] { return begins + r.between(milliseconds{10}, minute); };
    const auto somebody = [&people, &r, campaign]
    { return r.below(people.campaigns().at(campaign).people.size()); };
    for (auto n = r.between(0, 12); n > 0; --n)
    {
        w.at(later(), [&people, campaign, somebody] { people.suppress(campaign, somebody()); });
    }
    for (auto n = r.between(0, 3); n > 0; --n)
    {
        const auto domain = g.domains[r.below(g.domains.size())];
        w.at(later(),
             [&people, campaign, somebody, domain] { people.move(campaign, somebody(), domain); });
    }
    while (r.chance(30))
    {
        const auto pause = later();
        const auto resume = pause + r.between(milliseconds{1}, 30 * second);
        using queue::campaign_state;
        w.at(pause, [&people, campaign] { people.set_state(campaign, campaign_state::paused); });
        w.at(resume, [&people, campaign] { people.set_state(campaign, campaign_state::sending); });
    }
    if (r.chance(15))
    {
        w.at(later(),
             [&people, campaign] { people.set_state(campaign, queue::campaign_state::cancelled); });
    }
    if (r.chance(15))
    {
        w.at(later(), [&people, campaign] { people.hurry(campaign); });
    }
}

void plan_campaigns(world& w, const geography& g, bool calm)
{
    auto& r = w.random();
    const auto tenants = r.between(1, 4);
    const auto campaigns = r.between(1, 5);
    milliseconds begins{0};
    for (std::size_t i = 0; i < static_cast<std::size_t>(campaigns); ++i)
    {
        const tenant_id tenant{static_cast<std::uint32_t>(r.between(1, tenants))};
        const auto counts = make_audience(r, g);
        const auto expires_in = r.between(minute, 8 * minute);
        const std::string pool = !w.options.sources.empty() && r.chance(30) ? "narrow" : "";
        const bool transactional = r.chance(20);
        w.at(begins, [&w, tenant, counts, expires_in, pool, transactional]
             { w.people().begin(tenant, counts, expires_in, pool, transactional); });
        if (!calm)
        {
            w.at(begins + milliseconds{1},
                 [&w, i, g] { plan_changes(w, i, w.time().since_start(), g); });
        }
        begins += r.between(milliseconds{0}, 20 * second);
    }
}

void plan_operations(world& w, const geography& g, expectations& e)
{
    auto& r = w.random();
    const auto some_time = [&] { return r.between(milliseconds{50}, 90 * second); };
    while (r.chance(40))
    {
        const auto how = static_cast<outage>(r.below(4));
        const auto down = r.between(milliseconds{10}, 10 * second);
        w.at(some_time(), [&w, how, down] { w.fail(how, down); });
    }
    if (r.chance(15))
    {
        e.clock_jumped = true;
        const milliseconds by{r.between(-600, 600) * 1000};
        w.at(some_time(),
             [&w, by]
             {
                 w.log().add("the wall clock is set by " + std::to_string(by.count()));
                 w.time().jump_wall(by);
             });
    }
    if (r.chance(20))
    {
        const auto from = some_time();
        w.at(from, [&w] { w.engine().hold(true, "a drill"); });
        w.at(from + r.between(second, 20 * second), [&w] { w.engine().hold(false, ""); });
    }
    if (r.chance(30))
    {
        plan_orders(w, g.sites);
        e.held_on_purpose = true;
    }
    if (r.chance(25))
    {
        const auto from = some_time();
        const bool without = w.options.sources.size() > 1 && r.chance(60);
        w.at(from, [&w, without] { w.reload(!without); });
        w.at(from + r.between(second, 60 * second), [&w] { w.reload(true); });
    }
}

/// Two tenants, one site with a rate, the same backlog.
void make_fair(world& w, expectations& e)
{
    auto& r = w.random();
    site_model m;
    m.hosts = {"mx0.site0.example"};
    add_limits(m, r);
    m.limits.message_rate = make_rate(r, 5, 60);
    m.limits.messages_per_connection = static_cast<std::uint32_t>(r.between(5, 60));
    const auto name = peers::site_name(m);
    w.wire().add(std::move(m));
    w.dns().add("site0.example", {.site = name, .ttl = seconds{60}});
    const auto each = static_cast<unsigned>(r.between(200, 500));
    w.at(milliseconds{0},
         [&w, each]
         {
             w.people().begin(tenant_id{1}, {{"site0.example", each}}, 40 * minute);
             w.people().begin(tenant_id{2}, {{"site0.example", each}}, 40 * minute);
         });
    e.pairs.push_back({0, 1, name});
}

} // namespace

expectations make_scenario(world& w, std::uint64_t seed)
{
    auto& r = w.random();
    expectations e;
    w.options.shards = static_cast<unsigned>(r.between(1, 3));
    w.options.batch = static_cast<unsigned>(r.between(1, 16));
    w.options.sessions_max =
        static_cast<unsigned>(r.chance(20) ? r.between(1, 10) : sessions_plenty);
    w.options.commit_max = r.between(milliseconds{0}, milliseconds{60});
    w.options.load_max = r.between(milliseconds{0}, milliseconds{20});
    w.options.retry.steps = {r.between(second, 5 * second), r.between(5 * second, 20 * second),
                             r.between(20 * second, 40 * second)};
    auto& t = w.options.timeouts;
    t.banner = t.ehlo = t.mail = t.rcpt = t.data = t.body = t.final_dot = 15 * second;
    w.options.connect_timeout = 5 * second;
    if (seed % 8 == 0)
    {
        make_fair(w, e);
        return e;
    }
    if (seed % 8 == 2)
    {
        make_urgent(w, e);
        return e;
    }
    const bool calm = seed % 8 == 1;
    e.calm = calm;
    make_policies(w, calm, e);
    const auto g = make_geography(w, calm);
    plan_campaigns(w, g, calm);
    if (!calm)
    {
        plan_operations(w, g, e);
    }
    else if (r.chance(50))
    {
        // Whoever holds the engine and lets go again loses nobody.
        const auto from = r.between(milliseconds{0}, 20 * second);
        w.at(from, [&w] { w.engine().hold(true, "a drill"); });
        w.at(from + r.between(second, 10 * second), [&w] { w.engine().hold(false, ""); });
    }
    return e;
}

} // namespace hikyaku::sim
