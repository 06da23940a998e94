#include "scheduler.h"

#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::delivery
{

shaping::instant scheduler::now() const
{
    return {deps_.clock_source.wall(), deps_.clock_source.mono()};
}

shaping::rule_decision scheduler::match_rules(path& p, const queue::campaign_ref& c, int code,
                                              const smtp::enhanced_code& enhanced,
                                              smtp::stage stage, const std::string& text)
{
    site& s = p.where;
    const auto* rule = shaping_->rules().match(s.provider, code, enhanced, stage, text);
    if (rule == nullptr)
    {
        return {};
    }
    shaping::adaptation_subject who;
    who.site = s.key;
    who.source = p.adaptation.source();
    who.tenant = tenant_text(c.tenant);
    who.campaign = campaign_text(c.campaign);
    std::vector<shaping::adaptation_event> events;
    const auto decided =
        shaping::apply_rule(*rule, who, text, p.adaptation, suspensions_, matches_, now(), events);
    if (decided.table_full)
    {
        log::warning("suspension_table_full", {{"rule", rule->name}, {"site", s.key}});
    }
    if (!events.empty())
    {
        adapted_.insert(&p);
        unsaved_.insert(&p);
        p.apply_limits(deps_.clock_source.mono(), started_);
        renew_plan(p);
        on_events(events);
    }
    return decided;
}

/// What an attempt says about its site, and what the rules make of it.
void scheduler::note_attempt(attempt& a)
{
    transactions_.add(milliseconds{a.o.f.session_ms});
    const auto found = sessions_.find(a.session);
    if (found == sessions_.end())
    {
        return;
    }
    auto& entry = found->second;
    path& p = *entry.where;
    ++entry.messages;
    entry.urgent -= entry.urgent > 0 ? 1 : 0;
    if (a.completed)
    {
        p.window.on_success();
    }
    const bool refused =
        a.o.f.what == queue::disposition::deferred || a.o.f.what == queue::disposition::bounced;
    if (a.o.f.what == queue::disposition::delivered)
    {
        return;
    }
    if (!a.o.f.reply.empty())
    {
        p.last_reply = a.o.f.reply;
        p.where.last_reply = a.o.f.reply;
    }
    if (!refused)
    {
        return;
    }
    const auto shard = entry.shard;
    const auto decided =
        match_rules(p, a.o.l.campaign, a.o.f.code, a.enhanced, a.stage, a.o.f.reply);
    if (decided.verdict == shaping::verdict_change::bounce)
    {
        a.o.f.what = queue::disposition::bounced;
    }
    else if (decided.verdict == shaping::verdict_change::defer)
    {
        a.o.f.what = queue::disposition::deferred;
        a.o.f.contact = 0;
    }
    if (decided.next_mx)
    {
        const bool other_left = skip_host(p, a.o.f.mx);
        a.at_once = other_left && a.o.f.what == queue::disposition::deferred;
    }
    if (decided.reopen)
    {
        a.at_once = a.at_once || a.o.f.what == queue::disposition::deferred;
    }
    // A server that says so again and again is waited for like any other.
    a.at_once = a.at_once && a.o.f.attempt < at_once_attempts_max;
    if (decided.next_mx || decided.reopen)
    {
        shards_[shard]->retire(a.session);
    }
}

/// New sessions pass the host over for a while.
/// @returns whether another one is left; when all have been passed over, all may be tried again
bool scheduler::skip_host(path& p, const std::string& host)
{
    const auto mono = deps_.clock_source.mono();
    const auto& hosts = p.where.mx->hosts;
    if (hosts.size() < 2 || host.empty())
    {
        return false;
    }
    p.skipped[host] = mono + skip_mx_for;
    const bool left = std::any_of(hosts.begin(), hosts.end(),
                                  [&](const dns::mx_host& h)
                                  {
                                      const auto found = p.skipped.find(h.name);
                                      return found == p.skipped.end() || found->second <= mono;
                                  });
    if (!left)
    {
        p.skipped.clear();
    }
    renew_plan(p);
    return left;
}

/// Sessions of a suspended site, or of one source there, end after their transaction.
void scheduler::on_suspended(const shaping::adaptation_event& e)
{
    const bool all = e.scope == shaping::suspension_kind::site;
    auto* s = all || e.scope == shaping::suspension_kind::source_site ? find_site(e.subject.site)
                                                                      : nullptr;
    if (s == nullptr)
    {
        return;
    }
    for (auto& [number, p] : s->paths)
    {
        if (all || p->adaptation.source() == e.subject.source)
        {
            retire_sessions(*p);
        }
    }
    if (all)
    {
        postpone_parked(*s, e.ends);
    }
}

void scheduler::on_events(std::vector<shaping::adaptation_event>& events)
{
    for (auto& e : events)
    {
        const bool of_path = e.what != shaping::adapted::suspended ||
                             e.scope == shaping::suspension_kind::source_site;
        suspensions_unsaved_ = suspensions_unsaved_ || !of_path;
        adaptations_ += e.phase == shaping::adaptation_phase::began ? 1 : 0;
        log::info("adaptation", {{"phase", shaping::to_string(e.phase)},
                                 {"what", shaping::to_string(e.what)},
                                 {"scope", shaping::to_string(e.scope)},
                                 {"site", e.subject.site},
                                 {"source", e.subject.source},
                                 {"tenant", e.subject.tenant},
                                 {"rule", e.cause.rule},
                                 {"value", e.value},
                                 {"configured", e.configured},
                                 {"ends_unix_ms", e.ends.time_since_epoch().count()}});
        if (e.phase == shaping::adaptation_phase::began && e.what == shaping::adapted::suspended)
        {
            on_suspended(e);
        }
        history_.push_back(std::move(e));
        if (history_.size() > adaptation_history_max)
        {
            history_.pop_front();
        }
    }
    events.clear();
}

/// Ends what has run out, raises what has been quiet.
void scheduler::step_adaptations()
{
    const auto at = now();
    std::vector<shaping::adaptation_event> events;
    for (auto it = adapted_.begin(); it != adapted_.end();)
    {
        path& p = **it;
        const auto next = p.adaptation.next_step();
        if (next && *next <= at.mono)
        {
            p.adaptation.step(at, events);
            p.apply_limits(at.mono, started_);
            renew_plan(p);
            unsaved_.insert(&p);
        }
        it = p.adaptation.is_idle() ? adapted_.erase(it) : std::next(it);
    }
    const auto next = suspensions_.next_step();
    if (next && *next <= at.mono)
    {
        suspensions_.step(at, events);
    }
    on_events(events);
    save_adaptations();
}

shaping::adaptation_subject scheduler::subject_of(const scope& what)
{
    shaping::adaptation_subject who;
    switch (what.what)
    {
    case scope::kind::site:
        who.site = what.site;
        break;
    case scope::kind::tenant:
        who.tenant = tenant_text(what.tenant);
        break;
    case scope::kind::campaign:
        who.campaign = campaign_text(what.campaign.campaign);
        break;
    }
    return who;
}

} // namespace hikyaku::delivery
