#include "daemon.h"

#include <hikyaku/bounce/classifier.h>

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
    const auto contacts_of = [this](tenant_id tenant, campaign_id id)
    { return campaigns_->has_contacts(tenant, id); };
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
    unsubscriber_ = std::make_unique<feedback::unsubscriber>(
        feedback::unsubscriber::dependencies{*db_, *crm_, *outcomes_, contacts_of});
    std::vector<std::string> always{settings_.hostname};
    if (!settings_.delivery.return_path_domain.empty())
    {
        always.push_back(settings_.delivery.return_path_domain);
    }
    our_domains_ =
        std::make_unique<feedback::our_domains>(*db_, *domains_, system_clock(), std::move(always));
    intake_ = std::make_unique<feedback::intake>(
        feedback::intake::dependencies{
            *db_, *master_, system_clock(), *outcomes_, *effects_, *unsubscriber_,
            [this](tenant_id tenant, std::vector<queue::fact> facts, store::record rows)
            { return engine_->append_facts(tenant, std::move(facts), std::move(rows)); },
            contacts_of, [this] { return classifier_now(); },
            [this](std::string_view domain) { return our_domains_->has(domain); }},
        feedback::intake_options{settings_.feedback.report_addresses});
}

} // namespace hikyaku::app
