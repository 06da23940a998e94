#include <hikyaku/campaign/recipients.h>

#include <algorithm>
#include <iterator>

namespace hikyaku::campaign
{
namespace
{

struct sentence
{
    std::string_view what;
    std::string_view text;
};

constexpr sentence sentences[] = {
    {"campaign_paused", "The campaign is paused; resume it to go on."},
    {"draft", "The campaign is a draft; start it."},
    {"not_started", "The campaign has not begun yet."},
    {"not_due", "The last attempt did not get through; the next one is due then."},
    {"put_off", "It was put off before its first attempt."},
    {"expanding", "The campaign's recipients are still being gathered."},
    {"suspended_site", "All mail to this receiving site is suspended."},
    {"suspended_source", "The receiving site has asked this sending address to wait."},
    {"suspended_tenant_site", "Your mail to this receiving site is suspended."},
    {"suspended_tenant", "All of your mail is suspended."},
    {"suspended_campaign", "The campaign is suspended by the operator."},
    {"unreachable", "The receiving site could not be reached; it is tried again then."},
    {"dns", "The mail servers of the receiving domain are not known yet."},
    {"message_rate", "The rate of messages to this receiving site is used up for the moment."},
    {"connection_rate",
     "The rate of connections to this receiving site is used up for the moment."},
    {"connections", "Every connection allowed to this receiving site is busy."},
    {"provider", "The limit for this mail provider is used up for the moment."},
    {"warm_up", "Today's share of an address that is being warmed up is used."},
    {"quota", "Your quota is used up."},
    {"held", "All sending is held by the operator."},
    {"others_first", "Others of this campaign at the same domain go out before."},
    {"next", "Nothing holds it: it is being sent, or goes next."},
    {"suppressed", "The address is on your suppression list: it will get nothing."},
    {"contact_deleted", "The contact does not exist any more: nothing will be sent."},
    {"no_address", "The contact has no address: nothing can be sent."},
    {"bad_address", "The address is not one that mail can be sent to."},
    {"left_out",
     "It is none of the campaign's recipients: its address was missing, wrong or somebody "
     "else's too, or it was not in the audience."},
};

} // namespace

delivery::hold_reason for_tenant(const delivery::hold_reason& r)
{
    const auto* found = std::find_if(std::begin(sentences), std::end(sentences),
                                     [&](const sentence& s) { return s.what == r.what; });
    delivery::hold_reason out{r.what, "", r.until};
    out.detail =
        found == std::end(sentences) ? std::string("It has to wait.") : std::string(found->text);
    return out;
}

std::string state_of(const std::optional<queue::fact>& last, const queue::lifecycle& life)
{
    if (last && queue::is_final(last->what))
    {
        return std::string(queue::to_string(last->what));
    }
    if (life.state == queue::campaign_state::cancelled)
    {
        return "cancelled";
    }
    if (life.state == queue::campaign_state::finished)
    {
        // Not knowing how the last attempt ended stays an end of its own.
        return last && last->what == queue::disposition::unknown ? "unknown" : "expired";
    }
    return last ? std::string(queue::to_string(last->what)) : std::string("waiting");
}

} // namespace hikyaku::campaign
