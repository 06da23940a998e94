#include "world.h"

#include <hikyaku/base/assert.h>

namespace hikyaku::sim
{
namespace
{

constexpr const char* store_path = "/data";
/// An agenda that doesn't move on is a loop without end.
constexpr std::size_t turns_max = 2'000'000;
constexpr milliseconds stop_deadline{10'000};

} // namespace

const char* to_string(outage o) noexcept
{
    switch (o)
    {
    case outage::cut_between_commits:
        return "power cut between commits";
    case outage::cut_in_commit:
        return "power cut in a commit";
    case outage::cut_after_commit:
        return "power cut after a commit";
    case outage::restart:
        return "restart";
    }
    return "";
}

world::world(std::uint64_t seed, bool verbose)
    : random_(seed), trace_(time_, verbose), peers_(time_, random_, trace_),
      zones_(time_, random_, peers_),
      customers_(time_, random_, trace_, [this](std::string what) { report(std::move(what)); }),
      engine_random_(seed ^ 0x5851'F42D'4C95'7F2DULL), disk_(std::make_unique<memory_disk>())
{
    peers_.lease_time = [this](const std::string& a) { return customers_.lease_time(a); };
}

world::~world()
{
    if (engine_)
    {
        customers_.lose_power();
        peers_.lose_sender();
        end_sessions();
        discard();
    }
}

void world::report(std::string what)
{
    trace_.add("BROKEN: " + what);
    broken_.push_back(std::move(what));
}

std::shared_ptr<shaping::shaping_table> world::make_shaping() const
{
    auto table = std::make_shared<shaping::shaping_table>();
    std::map<std::string, shaping::provider_rule> providers;
    for (const auto& [name, site] : peers_.sites())
    {
        for (const auto& host : site.hosts)
        {
            const auto added = table->add_site(host, site.limits);
            HK_ASSERT(added.has_value());
        }
        if (!site.provider.empty())
        {
            auto& p = providers[site.provider];
            p.name = site.provider;
            p.limits = options.providers.at(site.provider);
            p.mx_suffix.insert(p.mx_suffix.end(), site.hosts.begin(), site.hosts.end());
        }
    }
    for (auto& [name, p] : providers)
    {
        const auto added = table->add_provider(std::move(p));
        HK_ASSERT(added.has_value());
    }
    for (const auto& m : options.rules)
    {
        shaping::reply_rule rule;
        rule.name = "on-" + m.code;
        HK_ASSERT(rule.codes.add(m.code).has_value());
        rule.actions.push_back(m.action);
        const auto added = table->add_rule("", std::move(rule));
        HK_ASSERT(added.has_value());
    }
    if (options.adaptation)
    {
        const auto set = table->set_adaptation(*options.adaptation);
        HK_ASSERT(set.has_value());
    }
    table->set_retry(*shaping::retry_schedule::make(options.retry));
    return table;
}

std::shared_ptr<shaping::source_table> world::make_sources() const
{
    std::vector<shaping::source_rule> rules;
    shaping::pool_request all{"default", {}};
    const auto count = options.sources.size() - (last_source_ || options.sources.empty() ? 0 : 1);
    for (std::size_t i = 0; i < count; ++i)
    {
        shaping::source_rule rule;
        rule.name = "s" + std::to_string(i);
        rule.address_v4 = "192.0.2." + std::to_string(i + 1);
        rule.warm_up = options.sources[i].warm_up;
        all.members.push_back({rule.name, options.sources[i].weight});
        rules.push_back(std::move(rule));
    }
    if (rules.empty())
    {
        return std::make_shared<shaping::source_table>("sender.example");
    }
    const auto made = shaping::source_table::make(std::move(rules), {all, {"narrow", {{"s0", 1}}}},
                                                  "sender.example");
    HK_ASSERT(made.has_value());
    return std::make_shared<shaping::source_table>(*made);
}

void world::reload(bool with_last_source)
{
    trace_.add(with_last_source ? "reload" : "reload without the last source");
    sources_changed_ = sources_changed_ || with_last_source != last_source_;
    last_source_ = with_last_source;
    engine_->reload(make_shaping(), make_sources(), {});
}

void world::suspend(delivery::scope what, milliseconds duration)
{
    if (engine_->suspend(what, duration, "a test"))
    {
        trace_.add("suspended for " + std::to_string(duration.count()) + ": " + what.site);
        orders_.push_back({std::move(what), time_.mono(), time_.mono() + duration});
    }
}

void world::resume(const delivery::scope& what)
{
    trace_.add("resumed " + what.site);
    (void)engine_->resume(what);
    for (auto& o : orders_)
    {
        const bool same =
            o.what.what == what.what && o.what.site == what.site &&
            (what.what == delivery::scope::kind::site ||
             (what.what == delivery::scope::kind::tenant ? o.what.tenant == what.tenant
                                                         : o.what.campaign == what.campaign));
        o.to = same ? std::min(o.to, time_.mono()) : o.to;
    }
}

void world::start(bool clean)
{
    ++life_;
    trace_.add("start: shards " + std::to_string(options.shards) + ", sessions_max " +
               std::to_string(options.sessions_max) + ", batch " + std::to_string(options.batch));
    store::options opts;
    opts.path = store_path;
    opts.env = &disk_->env();
    opts.by_hand = true;
    opts.block_cache_bytes = 1U << 20U;
    auto opened = store::database::open(opts);
    if (opened.has_error())
    {
        report("the store does not open");
        return;
    }
    db_ = std::move(*opened);
    if (db_->missing())
    {
        report("acknowledged records are missing after a restart");
    }
    domains_ = std::make_unique<queue::domain_table>();
    HK_ASSERT(domains_->load(db_->queue()).has_value());
    customers_.attach(*db_, *domains_);
    net::blocking_pool_options pool;
    pool.queue_max = 4096;
    pool.by_hand = true;
    pool_ = std::make_unique<net::blocking_pool>(pool);
    guard_ = std::make_unique<store::disk_guard>(store_path, 0, 0, [](const std::string&)
                                                 { return std::uint64_t{1} << 40U; });
    delivery::engine_options eo;
    eo.hostname = "sender.example";
    eo.shards = options.shards;
    eo.sessions_max = options.sessions_max;
    eo.batch = options.batch;
    eo.timeouts = options.timeouts;
    eo.connect_timeout = options.connect_timeout;
    eo.sources = make_sources();
    eo.offset_minutes = options.offset_minutes;
    const auto table = make_shaping();
    delivery::engine::dependencies deps{*db_,   *domains_, time_, engine_random_,
                                        *pool_, *guard_,   {}};
    loops_.clear();
    for (unsigned i = 0; i <= options.shards; ++i)
    {
        loops_.push_back(std::make_unique<asio::io_context>(1));
        if (i > 0)
        {
            deps.world.shard_loops.push_back(loops_.back().get());
        }
    }
    deps.world.scheduler_loop = loops_.front().get();
    deps.world.sleeper = &time_;
    deps.world.make_dialer = [this](asio::io_context& c, bool) { return peers_.make_dialer(c); };
    deps.world.make_resolver = [this](asio::io_context& c) { return zones_.make_resolver(c); };
    engine_ =
        std::make_unique<delivery::engine>(std::move(eo), table, deps, customers_.make_hooks());
    customers_.set_engine(engine_.get());
    HK_ASSERT(engine_->start(clean).has_value());
    spin();
    customers_.check_reports();
}

/// Runs the loops, in changing order, until none has anything to do at this moment.
void world::spin()
{
    for (std::size_t idle = 0; idle < loops_.size();)
    {
        const auto i = random_.below(loops_.size());
        if (loops_[i]->poll_one() > 0)
        {
            idle = 0;
        }
        else
        {
            idle = 1;
            // The others, in turn: only when all are idle we are done.
            for (std::size_t k = 1; k < loops_.size(); ++k)
            {
                idle += loops_[(i + k) % loops_.size()]->poll_one() == 0 ? 1 : 0;
            }
        }
    }
    schedule_work();
}

/// The disk and the pool take their time.
void world::schedule_work()
{
    if (!engine_ || !db_)
    {
        return;
    }
    if (!commit_planned_ && db_->backlog_bytes() > 0)
    {
        commit_planned_ = true;
        time_.after(random_.between(options.commit_min, options.commit_max),
                    [this, life = life_]
                    {
                        if (life == life_ && engine_)
                        {
                            commit_planned_ = false;
                            (void)db_->write_one();
                        }
                    });
    }
    if (!load_planned_ && pool_->queued() > 0)
    {
        load_planned_ = true;
        time_.after(random_.between(milliseconds{0}, options.load_max),
                    [this, life = life_]
                    {
                        if (life == life_ && engine_)
                        {
                            load_planned_ = false;
                            while (pool_->run_one())
                            {
                            }
                        }
                    });
    }
}

void world::at(milliseconds t, std::function<void()> what)
{
    const auto in = std::max(milliseconds{0}, t - time_.since_start());
    time_.after(in,
                [this, what = std::move(what)]() mutable
                {
                    if (is_up())
                    {
                        what();
                    }
                    else
                    {
                        at(time_.since_start() + seconds{1}, std::move(what));
                    }
                });
}

void world::run(milliseconds until)
{
    std::size_t turns = 0;
    mono_time next_check = time_.mono();
    while (broken_.empty() && time_.since_start() < until)
    {
        if (is_up() && customers_.all_finished() && !customers_.campaigns().empty())
        {
            return;
        }
        if (++turns > turns_max)
        {
            report("the world does not come to rest");
        }
        HK_ASSERT(time_.advance()); // the scheduler ticks, or a restart is planned
        if (!is_up())
        {
            continue;
        }
        spin();
        if (time_.mono() >= next_check)
        {
            next_check = time_.mono() + seconds{5};
            customers_.check_reports();
        }
    }
}

/// Ends every session, without a sound: the machine is off, or the run over.
void world::end_sessions()
{
    engine_->begin_stop();
    engine_->cut();
    spin();
    for (int i = 0; i < 10'000 && !engine_->quiet(); ++i)
    {
        while (pool_->run_one())
        {
        }
        spin();
    }
    HK_ASSERT(engine_->quiet());
}

void world::discard()
{
    customers_.set_engine(nullptr);
    ++life_;
    commit_planned_ = false;
    load_planned_ = false;
    engine_.reset();
    pool_.reset();
    loops_.clear();
    db_.reset();
    domains_.reset();
}

void world::power_off(outage how)
{
    const auto torn = static_cast<unsigned>(random_.below(101));
    customers_.lose_power();
    if (how == outage::cut_in_commit)
    {
        disk_->cut_power_at_next_sync(torn);
    }
    if (how != outage::cut_between_commits)
    {
        (void)db_->write_one();
    }
    auto image = how == outage::cut_in_commit ? disk_->take_image() : nullptr;
    if (!image)
    {
        image = disk_->cut_power();
    }
    cut_lives_.push_back(peers_.life());
    peers_.lose_sender();
    end_sessions();
    discard();
    disk_ = std::move(image);
}

void world::stop_in_order()
{
    stopping_ = true;
    engine_->begin_stop();
    const auto end = time_.mono() + stop_deadline;
    spin();
    while (!engine_->quiet() && time_.mono() < end)
    {
        HK_ASSERT(time_.advance());
        spin();
    }
    engine_->cut();
    peers_.lose_sender();
    end_sessions();
    engine_->end_stop();
    spin();
    while (db_->write_one())
    {
        spin();
    }
    customers_.lose_power();
    discard();
    stopping_ = false;
}

void world::fail(outage how, milliseconds down)
{
    trace_.add(to_string(how));
    if (how == outage::restart)
    {
        restarted_after_cut_ = restarted_after_cut_ || !cut_lives_.empty();
        stop_in_order();
    }
    else
    {
        power_off(how);
    }
    time_.after(down,
                [this, how]
                {
                    trace_.add("up again");
                    peers_.next_life();
                    start(how == outage::restart);
                });
}

} // namespace hikyaku::sim
