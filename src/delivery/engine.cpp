#include "scheduler.h"

#include <boost/asio/post.hpp>

#include <future>

namespace hikyaku::delivery
{

struct engine::impl
{
    dependencies deps;
    engine_options options;
    hooks to_campaigns;
    /// The loops run on the caller's thread.
    bool is_driven = false;
    scheduler decider;
    bool started = false;

    impl(engine_options o, std::shared_ptr<const shaping::shaping_table> shaping, dependencies d,
         hooks h)
        : deps(d), options(std::move(o)), to_campaigns(std::move(h)),
          is_driven(deps.world.scheduler_loop != nullptr),
          decider(options, std::move(shaping), d, to_campaigns)
    {
    }

    template <class F> void post(F f) { asio::post(decider.context(), std::move(f)); }

    /// Runs f on the scheduler thread and waits for its value. Before start and after stop there
    /// is no such thread: f runs here.
    template <class F> auto ask(F f) -> decltype(f())
    {
        if (!started || is_driven)
        {
            return f();
        }
        std::promise<decltype(f())> answer;
        post([&] { answer.set_value(f()); });
        return answer.get_future().get();
    }
};

engine::engine(engine_options options, std::shared_ptr<const shaping::shaping_table> shaping,
               dependencies deps, hooks h)
    : impl_(std::make_unique<impl>(std::move(options), std::move(shaping), deps, std::move(h)))
{
}

engine::~engine()
{
    stop(milliseconds{0});
}

result<void> engine::start(bool clean)
{
    const auto started = impl_->decider.start(clean);
    impl_->started = started.has_value();
    return started;
}

void engine::stop(milliseconds deadline)
{
    if (impl_->started && !impl_->is_driven)
    {
        impl_->decider.stop(deadline);
        impl_->started = false;
    }
}

void engine::begin_stop()
{
    impl_->decider.begin_stop();
}
void engine::cut()
{
    impl_->decider.cut();
}
bool engine::quiet() const
{
    return impl_->decider.quiet();
}
void engine::end_stop()
{
    impl_->decider.end_stop();
}

void engine::open_campaign(const queue::campaign_ref& c, const queue::lifecycle& l,
                           const queue::expansion_state& e)
{
    impl_->post([i = impl_.get(), c, l, e] { i->decider.open_campaign(c, l, e); });
}
void engine::set_lifecycle(const queue::campaign_ref& c, const queue::lifecycle& l)
{
    impl_->post([i = impl_.get(), c, l] { i->decider.set_lifecycle(c, l); });
}
void engine::grow(const queue::campaign_ref& c, const queue::expansion_state& e,
                  std::vector<queue::lane_growth> lanes)
{
    impl_->post([i = impl_.get(), c, e, lanes = std::move(lanes)]
                { i->decider.grow(c, e, lanes); });
}
void engine::close_campaign(const queue::campaign_ref& c, queue::disposition how)
{
    impl_->post([i = impl_.get(), c, how] { i->decider.close_campaign(c, how); });
}
void engine::forget(const queue::campaign_ref& c)
{
    impl_->post([i = impl_.get(), c] { i->decider.forget(c); });
}
void engine::hurry(const queue::campaign_ref& c)
{
    impl_->post([i = impl_.get(), c] { i->decider.hurry(c); });
}
std::uint64_t engine::append_facts(tenant_id tenant, std::vector<queue::fact> facts,
                                   store::record rows)
{
    // Shared: the writer thread may still be inside set_value() when the wait here is over.
    const auto durable = std::make_shared<std::promise<void>>();
    auto done = durable->get_future();
    const auto seq = impl_->ask(
        [&]
        {
            return impl_->decider.append_facts(tenant, facts, std::move(rows),
                                               [durable] { durable->set_value(); });
        });
    if (seq != 0)
    {
        done.wait();
    }
    return seq;
}
void engine::hold(bool on, std::string because)
{
    impl_->ask(
        [&]
        {
            impl_->decider.hold(on, std::move(because));
            return true;
        });
}
bool engine::suspend(const scope& what, milliseconds duration, const std::string& why)
{
    return impl_->ask([&] { return impl_->decider.suspend(what, duration, why); });
}
bool engine::resume(const scope& what)
{
    return impl_->ask([&] { return impl_->decider.resume(what); });
}
bool engine::retry(const scope& what)
{
    return impl_->ask([&] { return impl_->decider.retry(what); });
}
bool engine::bounce(const scope& what, milliseconds duration, const std::string& why)
{
    return impl_->ask([&] { return impl_->decider.bounce(what, duration, why); });
}
explanation engine::explain(const queue::campaign_ref& c, ordinal who,
                            const std::string& domain) const
{
    const auto id = impl_->deps.domains.find(domain);
    const auto place = id ? queue::find_recipient(impl_->deps.db.queue(), c, *id, who)
                          : result<std::optional<queue::recipient_place>>(std::nullopt);
    if (place.has_error() || !*place)
    {
        explanation nothing;
        nothing.domain = domain;
        nothing.state = "unknown_here";
        return nothing;
    }
    return impl_->ask([&] { return impl_->decider.explain(c, domain, **place); });
}
std::vector<forecast_line>
engine::forecast(const std::vector<std::pair<std::string, std::uint64_t>>& recipients_by_domain,
                 const std::string& pool) const
{
    return impl_->ask([&] { return impl_->decider.forecast(recipients_by_domain, pool); });
}
std::vector<session_view> engine::sessions() const
{
    return impl_->ask([&] { return impl_->decider.sessions(); });
}
trace_hub& engine::trace() noexcept
{
    return impl_->decider.trace();
}
void engine::reload(std::shared_ptr<const shaping::shaping_table> shaping,
                    std::shared_ptr<const shaping::source_table> sources,
                    std::vector<std::string> dns_servers,
                    std::shared_ptr<const bounce::classifier> classifier)
{
    impl_->post([i = impl_.get(), shaping = std::move(shaping), sources = std::move(sources),
                 dns_servers = std::move(dns_servers), classifier = std::move(classifier)]
                { i->decider.reload(shaping, sources, dns_servers, classifier); });
}
void engine::reload_tenant(tenant_id tenant)
{
    impl_->post([i = impl_.get(), tenant] { i->decider.reload_tenant(tenant); });
}
engine_view engine::view() const
{
    return impl_->ask([&] { return impl_->decider.view(); });
}
std::optional<campaign_view> engine::view_campaign(const queue::campaign_ref& c) const
{
    return impl_->ask([&] { return impl_->decider.view_campaign(c); });
}

} // namespace hikyaku::delivery
