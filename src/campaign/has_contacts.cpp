#include <hikyaku/campaign/campaigns.h>

namespace hikyaku::campaign
{

std::optional<bool> campaigns::has_contacts(tenant_id tenant, campaign_id id) const
{
    const auto row = find(tenant, id);
    if (row.has_error())
    {
        return std::nullopt;
    }
    return row->source.audience.kind == audience_kind::where ||
           row->source.audience.kind == audience_kind::contacts;
}

} // namespace hikyaku::campaign
