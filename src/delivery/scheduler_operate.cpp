#include "scheduler.h"

#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::delivery
{
namespace
{

shaping::suspension_kind kind_of(scope::kind k)
{
    switch (k)
    {
    case scope::kind::site:
        return shaping::suspension_kind::site;
    case scope::kind::tenant:
        return shaping::suspension_kind::tenant;
    case scope::kind::campaign:
        return shaping::suspension_kind::campaign;
    }
    return shaping::suspension_kind::site;
}

constexpr std::string_view by_operator = "operator";

} // namespace

/// Campaigns of a scope; every campaign of a site's lanes is none of them.
std::vector<queue::campaign_ref> scheduler::campaigns_of(const scope& what) const
{
    std::vector<queue::campaign_ref> out;
    for (const auto& c : queue_.campaigns())
    {
        const bool is_its =
            what.what == scope::kind::tenant ? c.tenant == what.tenant : c == what.campaign;
        if (what.what != scope::kind::site && is_its)
        {
            out.push_back(c);
        }
    }
    return out;
}

bool scheduler::suspend(const scope& what, milliseconds duration, const std::string& why)
{
    scope exact = what;
    const auto its = campaigns_of(what);
    if (what.what == scope::kind::site)
    {
        const auto* s = find_site(what.site);
        if (s == nullptr)
        {
            return false;
        }
        exact.site = s->key;
    }
    else if (what.what == scope::kind::campaign && its.empty())
    {
        return false;
    }
    std::vector<shaping::adaptation_event> events;
    const auto done = suspensions_.suspend(kind_of(what.what), subject_of(exact), duration, true,
                                           shaping::make_cause(by_operator, why), now(), events);
    if (done.has_error())
    {
        log::warning("suspension_refused", {{"reason", done.error().text}});
        return false;
    }
    on_events(events);
    const auto until = now().wall + duration;
    for (const auto& c : its)
    {
        reclaim(c);
        for (const auto lane : queue_.lane_indexes(c))
        {
            hold_lane(lane, until);
        }
    }
    save_adaptations();
    return true;
}

bool scheduler::resume(const scope& what)
{
    scope exact = what;
    site* s = nullptr;
    if (what.what == scope::kind::site)
    {
        // After a restart a site is not there before its first domain is looked up; what was
        // ordered about it is.
        s = find_site(what.site);
        exact.site = s != nullptr ? s->key : what.site;
    }
    std::vector<shaping::adaptation_event> events;
    bool found = suspensions_.resume(kind_of(what.what), subject_of(exact), false, now(), events);
    if (s != nullptr)
    {
        found = true;
        s->bounce_until = {};
        for (auto& [number, p] : s->paths)
        {
            p->adaptation.clear(now(), events);
            p->health.resume();
            p->skipped.clear();
            p->apply_limits(deps_.clock_source.mono(), started_);
            renew_plan(*p);
            unsaved_.insert(p.get());
        }
    }
    on_events(events);
    save_adaptations();
    // What was put off until the end of the suspension is due now.
    if (what.what == scope::kind::site && s == nullptr)
    {
        for (const auto& c : found ? queue_.campaigns() : std::vector<queue::campaign_ref>())
        {
            (void)retry({scope::kind::campaign, {}, c.tenant, c});
        }
        return found;
    }
    return retry(exact) || found;
}

bool scheduler::retry(const scope& what)
{
    const auto named = campaigns_of(what);
    std::set<queue::campaign_ref> its(named.begin(), named.end());
    site* s = nullptr;
    if (what.what == scope::kind::site)
    {
        s = find_site(what.site);
        if (s == nullptr)
        {
            return false;
        }
        for (auto& [number, p] : s->paths)
        {
            p->health.resume();
        }
        // Those of its lanes, and all with tail lanes: their waiting rows don't tell where they go.
        for (const auto& c : queue_.campaigns())
        {
            for (const auto lane : queue_.lane_indexes(c))
            {
                const auto id = queue_.id_of(lane);
                const auto d = id.is_tail() ? domains_.end() : domains_.find(domain_id{id.value});
                if (id.is_tail() || (d != domains_.end() && d->second->where == s))
                {
                    its.insert(c);
                }
            }
        }
    }
    for (const auto& c : its)
    {
        queue_.hurry(c);
        for (const auto lane : queue_.lane_indexes(c))
        {
            holds_.erase(lane);
            wake_lane(lane);
        }
    }
    if (s != nullptr)
    {
        pump(*s);
    }
    return s != nullptr || !its.empty();
}

bool scheduler::bounce(const scope& what, milliseconds duration, const std::string& why)
{
    log::warning("operator_bounce", {{"scope", static_cast<int>(what.what)}, {"site", what.site}});
    if (what.what == scope::kind::site)
    {
        auto* s = find_site(what.site);
        if (s == nullptr)
        {
            return false;
        }
        s->bounce_until =
            deps_.clock_source.mono() + std::max(duration, milliseconds{tick_every * 10});
        s->bounce_reason = why.empty() ? "given up by the operator" : why;
        return retry(what);
    }
    const auto its = campaigns_of(what);
    for (const auto& c : its)
    {
        close_campaign(c, queue::disposition::bounced);
    }
    return !its.empty();
}

void scheduler::reload(std::shared_ptr<const shaping::shaping_table> shaping,
                       std::shared_ptr<const shaping::source_table> sources,
                       std::vector<std::string> dns_servers,
                       std::shared_ptr<const bounce::classifier> classifier)
{
    shaping_ = std::move(shaping);
    if (classifier != nullptr)
    {
        classifier_ = std::move(classifier);
    }
    if (sources != nullptr)
    {
        reload_sources(*sources);
    }
    const auto changed = resolver_->reload(std::move(dns_servers));
    if (changed.has_error())
    {
        log::error("dns_servers_refused", {{"reason", changed.error().text}});
    }
    resolver_->clear_cache(); // what the servers before said, "no answer" above all
    for (auto& [key, s] : sites_)
    {
        for (auto& [number, p] : s->paths)
        {
            renew_path(*p);
        }
    }
    // Limits are looked up again as domains are attached to their sites.
    for (auto& [id, d] : domains_)
    {
        if (d->now == domain_entry::state::resolved)
        {
            attach(*d);
        }
        else if (d->now == domain_entry::state::refused)
        {
            d->expires = deps_.clock_source.mono(); // and so may the deny list
        }
        else if (d->now == domain_entry::state::waiting)
        {
            d->retry_at = deps_.clock_source.mono(); // other name servers may know it
        }
    }
}

/// Other sources and pools: paths keep their source by its number; stands are filled anew.
void scheduler::reload_sources(const shaping::source_table& next)
{
    if (const auto adopted = adopt_sources(next); adopted.has_error())
    {
        log::error("sources_refused", {{"reason", adopted.error().text}});
        return;
    }
    for (auto& [key, s] : sites_)
    {
        std::vector<queue::lane_index> lanes;
        std::vector<queue::lease> parked;
        for (auto& [name, st] : s->stands)
        {
            const auto its = st.flows.extract([](queue::lane_index) { return true; });
            lanes.insert(lanes.end(), its.begin(), its.end());
            const auto waiting = st.flows.unpark([](const queue::lease&) { return true; });
            parked.insert(parked.end(), waiting.begin(), waiting.end());
        }
        s->stands.clear();
        for (auto it = s->paths.begin(); it != s->paths.end();)
        {
            auto& p = *(it++)->second;
            if (const auto found = sources_->find_number(p.number))
            {
                p.source = *found;
                p.retired = false;
            }
            else
            {
                retire(p);
                if (p.sessions.empty())
                {
                    forget_path(p);
                }
            }
        }
        for (const auto lane : lanes)
        {
            enter_site(*s, lane);
        }
        for (const auto& l : parked)
        {
            const auto* life = queue_.find_lifecycle(l.campaign);
            stand_of(*s, l.campaign)
                .flows.park({l.campaign.tenant, life != nullptr && life->transactional}, l);
        }
    }
}

void scheduler::reload_tenant(tenant_id id)
{
    const auto found = tenants_.find(id);
    if (found == tenants_.end() || !hooks_.terms_of)
    {
        return;
    }
    auto& t = found->second;
    t.terms = hooks_.terms_of(id);
    const bool was_blocked = t.quota->blocked(date_of(t)).has_value();
    t.quota->set_limits(t.terms.quota);
    const bool may_go_on = was_blocked && !t.quota->blocked(date_of(t));
    for (const auto& c : campaigns_of({scope::kind::tenant, {}, id, {}}))
    {
        if (may_go_on)
        {
            queue_.hurry(c); // what was put aside until the quota's next day is due now
        }
        for (const auto lane : queue_.lane_indexes(c))
        {
            holds_.erase(lane);
            wake_lane(lane);
        }
    }
}

} // namespace hikyaku::delivery
