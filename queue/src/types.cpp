#include <hikyaku/queue/rows.h>
#include <hikyaku/queue/types.h>

namespace hikyaku::queue
{

std::string_view to_string(disposition d) noexcept
{
    switch (d)
    {
    case disposition::delivered:
        return "delivered";
    case disposition::deferred:
        return "deferred";
    case disposition::bounced:
        return "bounced";
    case disposition::unknown:
        return "unknown";
    case disposition::expired:
        return "expired";
    case disposition::cancelled:
        return "cancelled";
    case disposition::suppressed:
        return "suppressed";
    case disposition::failed:
        return "failed";
    case disposition::oob_bounce:
        return "oob_bounce";
    case disposition::complaint:
        return "complaint";
    }
    return "damaged";
}

std::optional<disposition> parse_disposition(std::string_view text) noexcept
{
    for (std::uint8_t i = 1; i < dispositions_max; ++i)
    {
        if (to_string(static_cast<disposition>(i)) == text)
        {
            return static_cast<disposition>(i);
        }
    }
    return std::nullopt;
}

std::string_view to_string(campaign_state s) noexcept
{
    switch (s)
    {
    case campaign_state::draft:
        return "draft";
    case campaign_state::scheduled:
        return "scheduled";
    case campaign_state::expanding:
        return "expanding";
    case campaign_state::sending:
        return "sending";
    case campaign_state::paused:
        return "paused";
    case campaign_state::finished:
        return "finished";
    case campaign_state::cancelled:
        return "cancelled";
    }
    return "damaged";
}

} // namespace hikyaku::queue
