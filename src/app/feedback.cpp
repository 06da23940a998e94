#include "daemon.h"

namespace hikyaku::app
{

feedback::dead_address_options daemon::dead_options() const
{
    const auto& f = settings_.feedback;
    return {f.dead_addresses, f.dead_expires_after, f.dead_tenants_min};
}

/// Which of a tenant's addresses are proven not to exist, when the tenant wants to know.
void daemon::find_dead(tenant_id tenant, std::span<const std::string> addresses,
                       std::vector<bool>& out) const
{
    out.assign(addresses.size(), false);
    if (!dead_->enabled() || dead_->size() == 0)
    {
        return;
    }
    const auto s = tenant_settings_->find(tenant);
    if (s.has_value() && s->use_dead_addresses)
    {
        dead_->find_many(addresses, out);
    }
}

void daemon::open_feedback()
{
    tenant_settings_ = std::make_unique<feedback::settings_book>(*db_, *log_);
    dead_ = std::make_unique<feedback::dead_addresses>(*db_, *log_, *master_, system_clock(),
                                                       dead_options());
    feedback::effects::dependencies of_facts{*db_,
                                             *log_,
                                             system_clock(),
                                             crm_->stamps,
                                             *tenant_settings_,
                                             *dead_,
                                             /*breaker_of*/ {},
                                             /*pause*/ {}};
    of_facts.breaker_of =
        [this](tenant_id tenant,
               campaign_id id) -> std::optional<std::optional<campaign::breaker_override>>
    {
        const auto row = campaigns_->find(tenant, id);
        return row.has_value() ? std::optional(row->source.breaker) : std::nullopt;
    };
    of_facts.pause = [this](tenant_id tenant, campaign_id id, const campaign::returns& why)
    { return campaigns_->pause_itself(tenant, id, why).has_value(); };
    effects_ =
        std::make_unique<feedback::effects>(std::move(of_facts), feedback::effects_options{});
}

} // namespace hikyaku::app
