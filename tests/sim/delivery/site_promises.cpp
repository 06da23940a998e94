#include "history.h"

#include <algorithm>

namespace hikyaku::sim
{
namespace
{

/// Shares of a fair pair, in percent.
constexpr std::size_t fair_min = 40;
constexpr std::size_t fair_messages_min = 60;
constexpr milliseconds recovery_slack{15'000};
/// A session may hold this many beside its batch.
constexpr std::uint64_t low_mark = 6;

/// count × window + burst, in every window: the bucket that an observer keeps.
void check_rate(world& w, const std::string& site, const char* what,
                const std::optional<shaping::rate>& r, std::vector<mono_time> times)
{
    if (!r || times.empty())
    {
        return;
    }
    std::sort(times.begin(), times.end());
    __extension__ using wide = __int128;
    const wide token = std::chrono::nanoseconds(r->per).count();
    const wide most = token * static_cast<wide>(r->burst);
    wide level = most;
    wide lowest = most;
    mono_time last = times.front();
    for (const auto t : times)
    {
        level = std::min(most, level + static_cast<wide>((t - last).count()) *
                                           static_cast<wide>(r->count));
        last = t;
        level -= token;
        lowest = std::min(lowest, level);
    }
    if (lowest < 0)
    {
        w.report(site + ": " + what + " above " + shaping::format_rate(*r) + " by " +
                 std::to_string(static_cast<long long>(-lowest / token) + 1));
    }
}

/// A lease is seen when it is loaded, up to load_max late.
std::optional<shaping::rate> with_slack(const world& w, std::optional<shaping::rate> r)
{
    if (r)
    {
        r->burst += 1 + r->count * static_cast<std::uint64_t>(w.options.load_max.count()) /
                            static_cast<std::uint64_t>(r->per.count());
    }
    return r;
}

void check_open(world& w, const std::string& name, const source_log& log,
                std::optional<std::uint32_t> most)
{
    if (most && log.open_most > *most)
    {
        w.report(name + ": " + std::to_string(log.open_most) + " connections at once, allowed " +
                 std::to_string(*most));
    }
}

void check_site(world& w, const std::string& name, const site_model& m, const site_log& log)
{
    for (const auto& [source, of] : log.by_source)
    {
        const auto path = name + " from " + source;
        check_rate(w, path, "messages", m.limits.message_rate.value_or(std::nullopt), of.mails);
        check_rate(w, path, "connections",
                   with_slack(w, m.limits.connection_rate.value_or(std::nullopt)), of.dials);
        check_open(w, path, of, m.limits.connections_max);
    }
}

/// The limits of a provider hold over all its sites, for each source.
void check_provider(world& w, const std::string& name, const shaping::limits_patch& limits)
{
    for (const auto& [key, log] : w.wire().providers())
    {
        if (key.first == name)
        {
            const auto path = name + " from " + key.second;
            check_rate(w, path, "messages", limits.provider_message_rate.value_or(std::nullopt),
                       log.mails);
            check_open(w, path, log, limits.provider_connections_max.value_or(std::nullopt));
        }
    }
}

void check_fairness(world& w, const fair_pair& p)
{
    const auto& all = w.people().campaigns();
    const std::string first = "c" + std::to_string(all.at(p.first).ref.campaign.value) + "@";
    const std::string second = "c" + std::to_string(all.at(p.second).ref.campaign.value) + "@";
    std::size_t a = 0;
    std::size_t b = 0;
    // As long as both have plenty.
    const auto enough = all.at(p.first).people.size() * 3 / 4;
    for (const auto& mail : w.wire().logs().at(p.site).mails)
    {
        if (a < enough && b < enough)
        {
            a += mail.from.starts_with(first) ? 1 : 0;
            b += mail.from.starts_with(second) ? 1 : 0;
        }
    }
    const auto least = std::min(a, b);
    if (a + b >= fair_messages_min && least * 100 < (a + b) * fair_min)
    {
        w.report("unfair at " + p.site + ": " + std::to_string(a) + " to " + std::to_string(b));
    }
}

/// A site that is well again is used again.
void check_recovery(world& w, const std::string& site, const site_model& m,
                    const std::vector<history>& all)
{
    const auto& log = w.wire().logs().at(site);
    const auto start = w.time().mono() - w.time().since_start();
    for (const auto& t : m.troubles)
    {
        const auto well = start + t.to;
        const auto by = well + *m.limits.suspension_max * 12 / 10 +
                        w.options.retry.steps.back() * 12 / 10 + w.options.connect_timeout +
                        w.options.timeouts.mail + recovery_slack;
        const bool used = std::any_of(log.answered.begin(), log.answered.end(),
                                      [&](mono_time x) { return x >= well && x <= by; }) ||
                          std::any_of(log.mails.begin(), log.mails.end(), [&](const auto& x)
                                      { return x.sent >= well && x.sent <= by; });
        if (used)
        {
            continue;
        }
        for (const auto& h : all)
        {
            const bool waited = !h.dots.empty() && h.dots.front().sent > by &&
                                h.dots.front().life == h.dots.back().life &&
                                h.campaign.begun < well && h.campaign.silent.empty() &&
                                w.cut_lives().empty();
            if (waited && h.who.address.ends_with("@" + site.substr(site.find('.') + 1)))
            {
                w.report(site + " was well again and not used for long: " + h.name());
                return;
            }
        }
    }
}

} // namespace

void check_sites(world& w, const expectations& e, const std::vector<history>& all)
{
    for (const auto& [name, model] : w.wire().sites())
    {
        check_site(w, name, model, w.wire().logs().at(name));
        // Retries are due by the wall clock.
        if (!e.clock_jumped && !e.held_on_purpose)
        {
            check_recovery(w, name, model, all);
        }
    }
    for (const auto& [name, limits] : w.options.providers)
    {
        check_provider(w, name, limits);
    }
    for (const auto& p : e.pairs)
    {
        check_fairness(w, p);
    }
}

} // namespace hikyaku::sim
