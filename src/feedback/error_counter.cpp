#include <hikyaku/feedback/error_counter.h>

#include "rows.h"

#include <hikyaku/store/errc.h>

#include <algorithm>

namespace hikyaku::feedback
{
namespace
{

/// Far above every threshold.
constexpr std::uint32_t score_max = 1'000'000;

} // namespace

result<std::optional<error_counter>> find_counter(const store::reader& tenant,
                                                  std::string_view normalized)
{
    const auto row = tenant.find(counter_key(normalized));
    if (row.has_error())
    {
        return row.error();
    }
    if (!*row)
    {
        return std::optional<error_counter>{};
    }
    auto c = decode_counter(**row);
    if (!c)
    {
        return store::make_error_code(store::errc::corrupt);
    }
    return c;
}

bool note_delivery(error_counter& c, campaign_id campaign)
{
    if (c.suppressed && c.score != 0)
    {
        // It got through although it had failed too often: somebody took the suppression away.
        c.suppressed = false;
        c.score = 0;
    }
    if (c.delivered_in == campaign && c.score == 0)
    {
        return c.score_before != 0;
    }
    // The delivery before this one has held: no report came.
    c.score_before = c.score;
    c.delivered_in = campaign;
    c.score = 0;
    return c.score_before != 0;
}

void note_failure(error_counter& c, std::uint32_t weight, bool is_suppressed, bool by_mail,
                  campaign_id campaign, std::string_view cls, wall_time at)
{
    if (c.suppressed && !is_suppressed)
    {
        c = {};
    }
    if (by_mail && c.delivered_in == campaign)
    {
        c.score = std::max(c.score, c.score_before);
        c.delivered_in = {};
        c.score_before = 0;
    }
    c.score = std::min(c.score + weight, score_max);
    c.at = at;
    c.campaign = campaign;
    c.cls = cls;
}

} // namespace hikyaku::feedback
