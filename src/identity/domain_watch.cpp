#include <hikyaku/identity/domain_watch.h>

#include "key_lookup.h"

#include <hikyaku/base/log.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace hikyaku::identity
{
namespace
{

/// Results that are not good are looked at again sooner by this factor.
constexpr unsigned hurry = 24;
/// Of one look for keys, and of one check, in the background.
constexpr milliseconds key_timeout{3'000};
constexpr milliseconds background_timeout{10'000};
/// A key that nobody has published for so long is looked for more seldom, by the factor `hurry`.
constexpr milliseconds patience = std::chrono::hours{24};
/// Wall clock against monotonic clock: more is a jump.
constexpr milliseconds jump_min{5'000};
/// How long a jump keeps keys as they are.
constexpr milliseconds jump_hold = std::chrono::minutes{10};
/// The part of a check's time that looking for pending keys may take.
constexpr int key_share = 4;
/// Due times are spread over this part of the interval, so that domains added together part.
constexpr std::uint64_t spread = 8;

struct due_domain
{
    tenant_id tenant;
    std::uint64_t id = 0;
    wall_time due;
};

wall_time due_at(const sender_domain& d, const domain_watch_options& o, wall_time now)
{
    if (!d.checks.checked || *d.checks.checked > now)
    {
        return d.created;
    }
    const auto state = overall_state(d.checks, now);
    const bool good = state == check_state::ok || state == check_state::warn;
    const auto every = good ? o.check_every : o.check_every / hurry;
    constexpr std::uint64_t odd = 0x9E37'79B9'7F4A'7C15ULL;
    const auto part = static_cast<std::int64_t>((d.id * odd) >> 32 & 0xFFFFU);
    return *d.checks.checked + every -
           milliseconds{every.count() / static_cast<std::int64_t>(spread) * part / 0x10000};
}

} // namespace

struct domain_watch::state
{
    dependencies deps;
    domain_watch_options options;
    std::atomic<bool> enforced;
    std::atomic<bool> stopping{false};
    std::mutex mutex;
    std::condition_variable wake;
    std::size_t running = 0; // under mutex
    std::thread thread;
    domain_watch* owner = nullptr;
    std::uint64_t rounds = 0; // of the background's thread
    /// How far the wall clock was ahead of the monotonic one in the last round.
    std::optional<milliseconds> ahead; // of the background's thread
    std::atomic<mono_time> held_until{mono_time::min()};
    std::function<void(tenant_id, const std::string&)> on_switched;

    state(dependencies d, domain_watch_options o)
        : deps(std::move(d)), options(std::move(o)), enforced(options.enforce)
    {
    }

    /// One of checks_max places, waited for until `deadline`, held as long as this lives.
    class place
    {
    public:
        place(state& of, mono_time deadline) : of_(of)
        {
            std::unique_lock lock(of_.mutex);
            held_ = of_.wake.wait_until(lock, deadline,
                                        [&] { return of_.stopping || of_.running < checks_max; }) &&
                    !of_.stopping;
            of_.running += held_ ? 1 : 0;
        }
        ~place()
        {
            const std::lock_guard lock(of_.mutex);
            of_.running -= held_ ? 1 : 0;
            of_.wake.notify_all();
        }
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        [[nodiscard]] bool held() const noexcept { return held_; }

    private:
        state& of_;
        bool held_ = false;
    };

    [[nodiscard]] domain_check_input make_input(const sender_domain& d) const
    {
        domain_check_input in;
        in.domain = d;
        in.envelope_domain = deps.domains.envelope_domain(d);
        in.hostname = options.hostname;
        in.sources = options.sources;
        in.sources_without_address = options.sources_without_address;
        in.spf_mechanisms = deps.domains.spf_mechanisms();
        in.records = deps.domains.records_of(d);
        in.now = deps.clock_source.wall();
        return in;
    }

    /// Asks until the check has all it needs or the time is over.
    [[nodiscard]] std::vector<check_finding> look(const sender_domain& d, mono_time deadline) const
    {
        domain_check check(make_input(d));
        while (!check.questions().empty())
        {
            const auto left = std::chrono::duration_cast<milliseconds>(
                deadline - std::chrono::steady_clock::now());
            if (left <= milliseconds{0} || stopping)
            {
                check.give_up();
                break;
            }
            check.take(deps.dns.ask(check.questions(), left, [this] { return stopping.load(); }));
        }
        return check.findings();
    }

    /// Checks and keeps the result. @error not_found, unavailable
    [[nodiscard]] result<sender_domain, problem>
    run_check(const oplog::actor& who, const sender_domain& d, mono_time deadline)
    {
        auto found = look(d, deadline);
        if (stopping)
        {
            return problem{problem_kind::unavailable, "", "the daemon stops"};
        }
        const auto now = deps.clock_source.wall();
        return deps.domains.set_checks(
            who, d.tenant, d.id,
            sum_up(d, merge_findings(d.checks.findings, std::move(found), now), now));
    }

    /// After a jump of the wall clock nothing expires for a while: it may be set right again.
    void watch_clock()
    {
        const auto mono = deps.clock_source.mono();
        const auto now_ahead = deps.clock_source.wall().time_since_epoch() -
                               std::chrono::duration_cast<milliseconds>(mono.time_since_epoch());
        if (ahead && (now_ahead - *ahead > jump_min || *ahead - now_ahead > jump_min))
        {
            held_until = mono + jump_hold;
            log::warning("domain_keys_held", {{"clock_jump_ms", (now_ahead - *ahead).count()}});
        }
        ahead = now_ahead;
    }

    /// Looks for pending keys, lets old ones go. @error not_found, unavailable
    [[nodiscard]] result<sender_domain, problem> run_keys(const sender_domain& d,
                                                          mono_time deadline)
    {
        if (deps.clock_source.mono() < held_until.load())
        {
            return d;
        }
        const auto left =
            std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
        const auto seen = look_for_keys(d, deps.dns, std::max(left, milliseconds{0}),
                                        [this] { return stopping.load(); });
        if (seen.empty() &&
            !has_expired_key(d.keys, deps.clock_source.wall(), options.retire_after))
        {
            return d;
        }
        auto done = deps.domains.advance_keys(d.tenant, d.id, seen, options.retire_after);
        if (done.has_error())
        {
            return done.error();
        }
        if (done->switched && on_switched)
        {
            on_switched(d.tenant, d.domain);
        }
        return std::move(done->domain);
    }

    /// @error not_found, unavailable
    [[nodiscard]] result<sender_domain, problem> get(tenant_id tenant, std::uint64_t id) const
    {
        auto row = deps.domains.find(tenant, id);
        if (row.has_error())
        {
            return row.error();
        }
        return row->has_value() ? result<sender_domain, problem>(std::move(**row))
                                : problem{problem_kind::not_found, "", "there is no such domain"};
    }

    /// Whether this round looks at the keys: tenants that rotate and never publish must not keep
    /// the others waiting.
    [[nodiscard]] bool is_keys_turn(const sender_domain& d, wall_time now) const
    {
        const bool waits_long = std::any_of(d.keys.begin(), d.keys.end(),
                                            [&](const auto& key)
                                            {
                                                return key.state == key_state::pending &&
                                                       !key.seen && key.since &&
                                                       now - *key.since > patience;
                                            });
        return !waits_long || (rounds + d.id) % hurry == 0;
    }

    void poll_domain(const sender_domain& d, wall_time now, std::vector<due_domain>& due)
    {
        const auto keys = is_keys_turn(d, now)
                              ? run_keys(d, std::chrono::steady_clock::now() + key_timeout)
                              : result<sender_domain, problem>(d);
        if (keys.has_error())
        {
            log::warning("domain_keys_failed",
                         {{"domain", d.domain}, {"reason", keys.error().text}});
        }
        const auto at = due_at(d, options, now);
        if (at <= now)
        {
            due.push_back({d.tenant, d.id, at});
        }
    }
    /// Every domain of every tenant; returns how many there are.
    std::size_t poll_all(wall_time now, std::vector<due_domain>& due)
    {
        std::size_t count = 0;
        ++rounds;
        for (const auto tenant : deps.db.tenants())
        {
            std::uint64_t after = 0;
            while (!stopping)
            {
                const auto page = deps.domains.list(tenant, after, sender_domains::page_max);
                if (page.has_error() || page->empty())
                {
                    break;
                }
                for (const auto& d : *page)
                {
                    poll_domain(d, now, due);
                }
                count += page->size();
                after = page->back().id;
            }
        }
        return count;
    }
    /// How many checks one round begins: all domains get one within the interval.
    [[nodiscard]] std::size_t checks_per_poll(std::size_t domains) const
    {
        const auto polls = std::max<std::int64_t>(1, options.check_every / options.poll_every);
        return checks_per_poll_min + 2 * domains / static_cast<std::size_t>(polls);
    }
    void run_thread()
    {
        std::unique_lock lock(mutex);
        while (!stopping)
        {
            wake.wait_for(lock, options.poll_every, [this] { return stopping.load(); });
            if (stopping)
            {
                return;
            }
            lock.unlock();
            try
            {
                owner->poll();
            }
            catch (const std::exception& e)
            {
                // A tenant that was dropped meanwhile; the next round finds it gone.
                log::warning("domain_watch_failed", {{"reason", e.what()}});
            }
            lock.lock();
        }
    }
};

domain_watch::domain_watch(dependencies deps, domain_watch_options options)
    : state_(std::make_unique<state>(std::move(deps), std::move(options)))
{
    state_->owner = this;
}
domain_watch::~domain_watch()
{
    stop();
}

bool domain_watch::enforces() const noexcept
{
    return state_->enforced;
}
void domain_watch::set_enforced(bool on) noexcept
{
    state_->enforced = on;
}
void domain_watch::on_switched(std::function<void(tenant_id, const std::string&)> call)
{
    state_->on_switched = std::move(call);
}

result<sender_domain, problem> domain_watch::check(const oplog::actor& who, tenant_id tenant,
                                                   std::uint64_t id, milliseconds timeout)
{
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const auto row = state_->get(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    const state::place place(*state_, deadline);
    if (!place.held())
    {
        return problem{problem_kind::unavailable, "", "too many checks are running: try again"};
    }
    const auto with_keys =
        state_->run_keys(*row, std::chrono::steady_clock::now() + timeout / key_share);
    return with_keys.has_error() ? with_keys : state_->run_check(who, *with_keys, deadline);
}

result<domain_watch::clearance, problem> domain_watch::clear_start(const oplog::actor& who,
                                                                   tenant_id tenant,
                                                                   std::string_view domain,
                                                                   bool look_only)
{
    auto row = state_->deps.domains.find_by_name(tenant, domain);
    if (row.has_error())
    {
        return row.error();
    }
    if (!row->has_value())
    {
        return problem{problem_kind::not_found, "", "there is no such domain"};
    }
    const auto now = state_->deps.clock_source.wall();
    const auto& checks = (*row)->checks;
    const bool is_fresh = checks.checked && *checks.checked <= now &&
                          now - *checks.checked <= fresh_for &&
                          overall_state(checks, now) != check_state::fail;
    if (!look_only && enforces() && !is_fresh)
    {
        auto checked = check(who, tenant, (*row)->id, start_timeout);
        if (checked.has_error())
        {
            return checked.error();
        }
        *row = std::move(*checked);
    }
    clearance out;
    for (const auto& f : (*row)->checks.findings)
    {
        if (state_in_force(f, state_->deps.clock_source.wall()) == check_state::fail)
        {
            out.failing.push_back(f);
        }
    }
    return out;
}

void domain_watch::poll()
{
    const auto now = state_->deps.clock_source.wall();
    state_->watch_clock();
    std::vector<due_domain> due;
    const std::size_t domains = state_->poll_all(now, due);
    std::sort(due.begin(), due.end(),
              [](const due_domain& a, const due_domain& b) { return a.due < b.due; });
    due.resize(std::min(due.size(), state_->checks_per_poll(domains)));
    for (const auto& one : due)
    {
        const auto row = state_->get(one.tenant, one.id);
        const auto done =
            row.has_error() || state_->stopping
                ? row
                : state_->run_check(oplog::system_actor(), *row,
                                    std::chrono::steady_clock::now() + background_timeout);
        if (done.has_error() && done.error().kind != problem_kind::not_found)
        {
            log::warning("domain_check_failed",
                         {{"tenant", one.tenant.value}, {"reason", done.error().text}});
        }
    }
}

void domain_watch::run()
{
    state_->thread = std::thread([s = state_.get()] { s->run_thread(); });
}

void domain_watch::stop()
{
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
        state_->wake.notify_all();
    }
    if (state_->thread.joinable())
    {
        state_->thread.join();
    }
}

std::string to_text(const dns_record& record)
{
    return record.type + " " + record.name + " " +
           (record.type == "TXT" ? "\"" + record.value + "\"" : record.value);
}

} // namespace hikyaku::identity
