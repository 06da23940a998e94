#include <hikyaku/shaping/rule_effects.h>

#include <algorithm>

namespace hikyaku::shaping
{
namespace
{

// Names one scope; '\n' is in no id and no host name.
std::string scope_of(const reply_rule& rule, const adaptation_subject& who)
{
    const auto suspend = std::ranges::find(rule.actions, action_kind::suspend, &rule_action::kind);
    const auto kind = suspend == rule.actions.end() ? suspension_kind::source_site : suspend->scope;
    switch (kind)
    {
    case suspension_kind::site:
        return who.site;
    case suspension_kind::source_site:
        return who.site + '\n' + who.source;
    case suspension_kind::tenant_site:
        return who.site + '\n' + who.tenant;
    case suspension_kind::campaign:
        return who.campaign;
    case suspension_kind::tenant:
        return who.tenant;
    }
    return {};
}

// The part that is about the reply at hand.
void decide(const rule_action& action, rule_decision& out)
{
    switch (action.kind)
    {
    case action_kind::bounce:
        out.verdict = verdict_change::bounce;
        break;
    case action_kind::defer:
        out.verdict = verdict_change::defer;
        break;
    case action_kind::next_mx:
        out.next_mx = true;
        break;
    case action_kind::reopen:
        out.reopen = true;
        break;
    case action_kind::back_off:
    case action_kind::suspend:
        break;
    }
}

} // namespace

rule_decision apply_rule(const reply_rule& rule, const adaptation_subject& who,
                         std::string_view reply, path_adaptation& path,
                         suspension_table& suspensions, match_counters& counters, instant now,
                         std::vector<adaptation_event>& out)
{
    rule_decision decision;
    for (const rule_action& action : rule.actions)
    {
        decide(action, decision);
    }
    decision.acted = counters.count(rule, rule.threshold ? scope_of(rule, who) : "", now.mono);
    if (!decision.acted)
    {
        return decision;
    }
    const adaptation_cause cause = make_cause(rule.name, reply);
    for (const rule_action& action : rule.actions)
    {
        if (action.kind == action_kind::suspend && action.scope != suspension_kind::source_site)
        {
            const auto done =
                suspensions.suspend(action.scope, who, action.duration, false, cause, now, out);
            decision.table_full = decision.table_full || done.has_error();
        }
        else
        {
            path.on_action(action, cause, now, out);
        }
    }
    return decision;
}

} // namespace hikyaku::shaping
