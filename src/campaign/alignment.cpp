#include "live.h"

#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::campaign
{
namespace
{

/// "SPF of …: no record. Publish TXT …".
content_error explain(const identity::check_finding& f)
{
    std::string text = f.about + ": " + f.seen + "; expected " + f.expected + ".";
    if (f.record)
    {
        text += " Publish " + identity::to_text(*f.record);
    }
    return {"/from/email", "alignment_" + std::string(identity::to_string(f.what)),
            std::move(text)};
}

} // namespace

result<std::vector<content_error>, campaign_error>
campaigns::check_sender(tenant_id tenant, const oplog::actor& who, const definition& d,
                        const std::string& domain) const
{
    std::vector<content_error> failing;
    if (deps_.watch == nullptr)
    {
        return failing;
    }
    // Nothing waits for DNS where nothing would be refused.
    const bool is_refused =
        !d.transactional && !d.sandbox && !d.alignment_override && deps_.watch->enforces();
    // The check is not what the request is about: it must not carry its idempotency key.
    const oplog::actor checking{who.name, who.group, who.ip, who.request_id, {}};
    const bool look_only = d.transactional || d.sandbox;
    const auto clear = deps_.watch->clear_start(checking, tenant, domain, look_only);
    if (clear.has_error())
    {
        return campaign_error{campaign_error::kind::unavailable,
                              "the records of " + domain +
                                  " can't be checked now: " + clear.error().text,
                              {}};
    }
    for (const auto& f : clear->failing)
    {
        failing.push_back(explain(f));
    }
    if (failing.empty() || !is_refused)
    {
        return failing;
    }
    return campaign_error{campaign_error::kind::not_aligned,
                          "records of " + domain +
                              " are missing or wrong, so receivers would refuse or distrust this "
                              "campaign; publish what is named, or set alignment_override",
                          std::move(failing)};
}

void campaigns::take_switched_keys(tenant_id tenant, const content& compiled)
{
    const auto now_signs = deps_.domains.load_identities(tenant, compiled.from_domain);
    if (now_signs.has_value() && *now_signs != compiled.identities)
    {
        use_new_keys(tenant, compiled.from_domain);
    }
}

void campaigns::use_new_keys(tenant_id tenant, const std::string& domain)
{
    std::vector<live_ptr> affected;
    {
        const std::shared_lock lock(live_mutex_);
        for (const auto& [ref, live] : live_)
        {
            if (ref.tenant == tenant)
            {
                affected.push_back(live);
            }
        }
    }
    for (const auto& live : affected)
    {
        {
            const std::lock_guard lock(live->content_mutex);
            if (live->compiled != nullptr && live->compiled->from_domain != domain)
            {
                continue;
            }
        }
        const auto compiled = compile(tenant, live->ref.campaign, live->source);
        if (compiled.has_error())
        {
            // It goes on with the keys it has: their records stay published for days.
            log::error("campaign_keeps_old_keys", {{"campaign", public_id(live->ref.campaign)},
                                                   {"reason", compiled.error().text}});
            continue;
        }
        const std::lock_guard lock(live->content_mutex);
        live->compiled = *compiled;
    }
}

} // namespace hikyaku::campaign
