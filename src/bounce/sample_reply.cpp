#include "sample_reply.h"

#include <hikyaku/bounce/reply_line.h>

namespace hikyaku::bounce
{
namespace
{

reply_context context_of(const reply_sample& s, const reply_rule& rule)
{
    reply_context out;
    out.stage = s.stage ? *s.stage : rule.stages.empty() ? smtp::stage::rcpt : rule.stages.front();
    out.mx = !s.mx.empty() || rule.mx.empty() ? s.mx : rule.mx.front();
    out.domain = !s.domain.empty() || rule.domains.empty() ? s.domain : rule.domains.front();
    const auto line = split_reply(s.reply);
    out.code = line.code;
    out.enhanced = line.enhanced;
    out.text = line.text;
    return out;
}

} // namespace

std::string try_samples(const classifier& c, const reply_rule& rule)
{
    const auto decided_by = [&](const reply_sample& s)
    { return c.classify(context_of(s, rule)).rule; };
    for (const auto& s : rule.matches)
    {
        const auto by = decided_by(s);
        if (by != rule.name)
        {
            return "the sample '" + s.reply + "' is decided by " +
                   (by.empty() ? "no rule" : "rule '" + std::string(by) + "'");
        }
    }
    for (const auto& s : rule.others)
    {
        if (decided_by(s) == rule.name)
        {
            return "the sample '" + s.reply + "' is under others, but this rule decides it";
        }
    }
    return {};
}

} // namespace hikyaku::bounce
