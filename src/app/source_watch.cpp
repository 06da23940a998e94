#include "source_watch.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <hikyaku/base/log.h>
#include <hikyaku/base/random.h>

#include <algorithm>
#include <exception>
#include <tuple>

namespace hikyaku::app
{
namespace
{

using resolver::source_check_kind;
using resolver::source_finding;

/// How long a stop may go unnoticed.
constexpr milliseconds stop_poll{100};
/// Sources that are asked about side by side.
constexpr std::size_t checks_at_once = 8;
/// A changed configuration may change again at once.
constexpr milliseconds settle_time{50};

resolver::checked_source to_checked(const shaping::source_rule& rule)
{
    resolver::checked_source out;
    out.name = rule.name;
    for (const auto* text : {&rule.address_v4, &rule.address_v6})
    {
        if (const auto address = dns::parse_ip(*text))
        {
            out.addresses.push_back(*address);
        }
    }
    out.ehlo_name = rule.ehlo_name;
    out.ptr_names = rule.ptr_names;
    return out;
}

/// One round on an event loop of its own. What handlers write to outlives resolver and loop.
struct round
{
    std::vector<resolver::checked_source> sources;
    std::vector<std::string> dnsbl;
    std::vector<std::vector<source_finding>> found;
    std::size_t next = 0;
    std::size_t open = 0;
};

void start_next(round& r, boost::asio::io_context& context, resolver::resolver& from);

/// Takes one source's findings and goes on with the next source.
struct take_findings
{
    round& of;
    boost::asio::io_context& context;
    resolver::resolver& from;
    std::size_t index;

    void operator()(const std::exception_ptr& error, std::vector<source_finding> found) const
    {
        --of.open;
        if (error == nullptr)
        {
            of.found[index] = std::move(found);
        }
        else
        {
            log::warning("source_check_broke", {{"source", of.sources[index].name}});
        }
        start_next(of, context, from);
    }
};

void start_next(round& r, boost::asio::io_context& context, resolver::resolver& from)
{
    while (r.next < r.sources.size() && r.open < checks_at_once)
    {
        const auto index = r.next++;
        ++r.open;
        boost::asio::co_spawn(
            context, resolver::check_source(from, system_clock(), r.sources[index], r.dnsbl),
            take_findings{r, context, from, index});
    }
}

/// What a finding is about: the list's name is the first word of its detail.
auto subject_of(const source_finding& f)
{
    const auto zone = f.check == source_check_kind::dnsbl
                          ? std::string_view(f.detail).substr(0, f.detail.find_first_of(" :"))
                          : std::string_view();
    return std::tuple(std::string_view(f.source), f.check, std::string_view(f.address), zone);
}

/// `before` is nullptr when nothing was known.
void tell_change(const source_finding& now, const source_finding* before)
{
    if (before != nullptr ? before->ok == now.ok : now.ok.value_or(true))
    {
        return; // the same as before, or good (or not known) from the start
    }
    const std::initializer_list<log::field> what = {{"source", now.source},
                                                    {"check", resolver::to_string(now.check)},
                                                    {"address", now.address},
                                                    {"detail", now.detail}};
    if (!now.ok)
    {
        log::info("source_check_unknown", what);
    }
    else if (*now.ok)
    {
        log::info("source_check_ok", what);
    }
    else if (now.check == source_check_kind::dnsbl)
    {
        log::error("source_listed", what);
    }
    else
    {
        log::warning("source_check_failed", what);
    }
}

json::value warm_up_to_json(const shaping::source_rule& rule, const queue::platform_rows& stored,
                            shaping::day_number today)
{
    if (!rule.warm_up)
    {
        return nullptr;
    }
    const auto number = std::find_if(stored.sources.begin(), stored.sources.end(),
                                     [&](const auto& s) { return s.name == rule.name; });
    std::vector<const queue::warm_up_usage*> used;
    for (const auto& w : stored.warm_up)
    {
        if (number != stored.sources.end() && w.source == number->number && w.day == today)
        {
            used.push_back(&w);
        }
    }
    std::sort(used.begin(), used.end(), [](const auto* a, const auto* b)
              { return std::tie(b->used, a->site) < std::tie(a->used, b->site); });
    used.resize(std::min(used.size(), warm_up_sites_shown_max));
    json::array sites;
    for (const auto* w : used)
    {
        sites.push_back(json::object{{"site", w->site}, {"used", w->used}});
    }
    const auto cap = shaping::warm_up_cap(*rule.warm_up, today);
    return json::object{{"day", std::max(0, today - rule.warm_up->started + 1)},
                        {"days", rule.warm_up->caps.size()},
                        {"cap", cap ? json::value(*cap) : json::value(nullptr)},
                        {"sites", std::move(sites)}};
}

json::array checks_to_json(const std::string& source,
                           const std::vector<source_check_result>& findings, int offset_minutes)
{
    json::array out;
    for (const auto& f : findings)
    {
        if (f.what.source == source)
        {
            out.push_back(
                json::object{{"check", resolver::to_string(f.what.check)},
                             {"address", f.what.address},
                             {"ok", f.what.ok ? json::value(*f.what.ok) : json::value(nullptr)},
                             {"detail", f.what.detail},
                             {"at", format_rfc3339(f.at, offset_minutes)}});
        }
    }
    return out;
}

} // namespace

source_watch::source_watch(const clock& clock_source,
                           std::function<std::vector<std::string>()> dns_servers)
    : clock_(clock_source), dns_servers_(std::move(dns_servers))
{
}

source_watch::~source_watch()
{
    stop();
}

void source_watch::set(table_ptr sources, source_watch_options options)
{
    const std::lock_guard lock(mutex_);
    sources_ = std::move(sources);
    options_ = std::move(options);
    due_ = true;
    changed_.notify_all();
}

void source_watch::run()
{
    thread_ = std::thread([this] { loop(); });
}

void source_watch::stop()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable())
    {
        thread_.join();
    }
}

bool source_watch::stopping() const
{
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void source_watch::loop()
{
    while (true)
    {
        {
            std::unique_lock lock(mutex_);
            const auto is_due = [this] { return stopping_ || due_; };
            if (options_.every == milliseconds{0})
            {
                changed_.wait(lock, is_due);
            }
            else
            {
                (void)changed_.wait_for(lock, options_.every, is_due);
            }
            (void)changed_.wait_for(lock, settle_time, [this] { return stopping_; });
            if (stopping_)
            {
                return;
            }
            due_ = false;
            if (options_.every == milliseconds{0})
            {
                continue;
            }
        }
        check_all();
    }
}

void source_watch::check_all()
{
    round all;
    table_ptr of;
    {
        const std::lock_guard lock(mutex_);
        of = sources_;
        all.dnsbl = options_.dnsbl;
    }
    if (of == nullptr)
    {
        return;
    }
    for (const auto& rule : of->sources())
    {
        all.sources.push_back(to_checked(rule));
    }
    all.found.resize(all.sources.size());
    resolver::resolver_options options;
    options.servers = dns_servers_();
    boost::asio::io_context context;
    try
    {
        resolver::resolver from(context, std::move(options), system_clock(), system_random());
        start_next(all, context, from);
        while (all.open > 0 && !stopping())
        {
            context.restart();
            context.run_one_for(stop_poll);
        }
    }
    catch (const std::runtime_error& e)
    {
        // c-ares can't be set up, or there are no descriptors left.
        log::warning("source_checks_failed", {{"reason", e.what()}});
        return;
    }
    std::vector<source_finding> found;
    for (auto& findings : all.found)
    {
        std::move(findings.begin(), findings.end(), std::back_inserter(found));
    }
    if (all.open == 0)
    {
        keep(std::move(found), of);
    }
}

void source_watch::keep(std::vector<source_finding> found, const table_ptr& of)
{
    const std::lock_guard lock(mutex_);
    if (of != sources_)
    {
        return; // of sources that were replaced meanwhile: the next round is due already
    }
    const auto now = clock_.wall();
    std::vector<source_check_result> next;
    for (auto& f : found)
    {
        const auto before = std::find_if(findings_.begin(), findings_.end(), [&](const auto& old)
                                         { return subject_of(old.what) == subject_of(f); });
        tell_change(f, before == findings_.end() ? nullptr : &before->what);
        next.push_back({std::move(f), now});
    }
    findings_ = std::move(next);
}

std::vector<source_check_result> source_watch::findings() const
{
    const std::lock_guard lock(mutex_);
    return findings_;
}

source_watch::table_ptr source_watch::sources() const
{
    const std::lock_guard lock(mutex_);
    return sources_;
}

bool is_warming(const shaping::source_table& sources, const std::string& pool,
                shaping::day_number today)
{
    const auto* found = pool.empty() ? nullptr : sources.find_pool(pool);
    const auto& shares = (found != nullptr ? *found : sources.default_pool()).shares;
    return std::any_of(shares.begin(), shares.end(),
                       [&](const shaping::pool_share& s)
                       {
                           const auto& plan = sources.sources()[s.source].warm_up;
                           return plan && shaping::warm_up_cap(*plan, today);
                       });
}

json::array sources_to_json(const shaping::source_table& sources,
                            const std::vector<source_check_result>& findings,
                            const queue::platform_rows& stored, shaping::day_number today,
                            int offset_minutes)
{
    json::array out;
    for (std::size_t i = 0; i < sources.sources().size(); ++i)
    {
        const auto& rule = sources.sources()[i];
        json::array addresses;
        for (const auto* address : {&rule.address_v4, &rule.address_v6})
        {
            if (!address->empty())
            {
                addresses.push_back(json::value(*address));
            }
        }
        json::array pools;
        for (const auto& p : sources.pools())
        {
            if (std::any_of(p.shares.begin(), p.shares.end(),
                            [i](const shaping::pool_share& s) { return s.source == i; }))
            {
                pools.push_back(json::value(p.name));
            }
        }
        out.push_back(
            json::object{{"name", rule.name},
                         {"addresses", std::move(addresses)},
                         {"ehlo", rule.ehlo_name},
                         {"warm_up", warm_up_to_json(rule, stored, today)},
                         {"pools", std::move(pools)},
                         {"checks", checks_to_json(rule.name, findings, offset_minutes)}});
    }
    return out;
}

json::array pools_to_json(const shaping::source_table& sources, shaping::day_number today)
{
    json::array out;
    for (const auto& p : sources.pools())
    {
        json::array members;
        for (const auto& s : p.shares)
        {
            members.push_back(
                json::object{{"source", sources.sources()[s.source].name}, {"weight", s.weight}});
        }
        out.push_back(json::object{{"name", p.name},
                                   {"sources", std::move(members)},
                                   {"warming_up", is_warming(sources, p.name, today)}});
    }
    return out;
}

} // namespace hikyaku::app
