#pragma once

#include <string_view>
#include <vector>

#include <hikyaku/shaping/adaptation.h>
#include <hikyaku/shaping/match_counters.h>
#include <hikyaku/shaping/suspension_table.h>

namespace hikyaku::shaping
{

/// How a rule changes what becomes of the recipient at hand.
enum class verdict_change
{
    keep,
    /// Permanent, whatever its code.
    bounce,
    /// Temporary, whatever its code.
    defer,
};

/// What the caller does after a rule matched.
struct rule_decision
{
    verdict_change verdict = verdict_change::keep;
    /// Try this recipient at the next MX of the site.
    bool next_mx = false;
    /// Close the connection and open another; no attempt failed, no back-off.
    bool reopen = false;
    /// The threshold was reached (or there is none): back_off, suspend and reopen's number took
    /// effect, as told by the events.
    bool acted = false;
    /// A suspension found no room in the table (see suspension_table): worth a warning.
    bool table_full = false;
};

/// Does what `rule` asks for after `reply`: into the path, the table and the returned decision.
/// bounce, defer, next_mx and reopen are about the reply at hand and hold for every match;
/// back_off, suspend and reopen's number wait for the threshold, which is counted in the scope of
/// the rule's first suspend action, without one per site and source.
/// @param who    site, source, tenant and campaign of the recipient, all set
/// @param reply  text as received, cleaned or not
[[nodiscard]] rule_decision apply_rule(const reply_rule& rule, const adaptation_subject& who,
                                       std::string_view reply, path_adaptation& path,
                                       suspension_table& suspensions, match_counters& counters,
                                       instant now, std::vector<adaptation_event>& out);

} // namespace hikyaku::shaping
