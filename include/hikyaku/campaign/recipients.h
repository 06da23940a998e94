#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/delivery/operate.h>
#include <hikyaku/feed/outcome_index.h>

namespace hikyaku::campaign
{

/// A recipient of a campaign as its owner sees it.
struct recipient_view
{
    ordinal who;
    /// As now stored, or as it was at the last attempt; empty when neither is known.
    std::string address;
    /// "waiting", or its last disposition: "deferred" and "unknown" come back while the campaign
    /// goes on.
    std::string state;
    std::optional<queue::fact> last;
};

struct recipient_page
{
    std::vector<recipient_view> entries;
    /// Pass as `cursor` for the next page; empty at the end.
    std::string next;
};

/// Why a recipient has no mail yet, or how it ended.
struct recipient_explanation
{
    ordinal who;
    std::string address;
    /// "waiting", "ended", "not_begun" (the campaign has no recipients yet) or "not_a_recipient".
    std::string state;
    /// Of the engine: domain, site, provider, source, attempts, next_try, ahead.
    delivery::explanation at_work;
    /// For the tenant's eyes: sentences of ours, never an operator's text or another tenant's.
    std::vector<delivery::hold_reason> reasons;
    std::optional<queue::fact> last;
};

/// What a tenant may know of a reason: its kind and end, in a sentence of ours. The engine's own
/// text may hold what a site said to others.
[[nodiscard]] delivery::hold_reason for_tenant(const delivery::hold_reason& r);

/// A recipient's state from its last fact and its campaign's life.
[[nodiscard]] std::string state_of(const std::optional<queue::fact>& last,
                                   const queue::lifecycle& life);

/// Recipients of campaigns, looked up. Holds nothing: make one where it is needed. Thread-safe.
class recipients
{
public:
    struct dependencies
    {
        store::database& db;
        const clock& clock_source;
        crm::services& crm;
        const campaigns& all;
        const feed::outcome_index& outcomes;
        std::function<delivery::explanation(const queue::campaign_ref&, ordinal,
                                            const std::string& domain)>
            explain{};
    };
    explicit recipients(dependencies deps) : deps_(std::move(deps)) {}

    /// Those that have a fact, newest first, each once; then those that wait for their first
    /// attempt. A page may be short (even empty) while `next` is set. What is attempted while a
    /// walk is under way may be missing from it.
    /// @error not_found, invalid (the cursor), unavailable
    [[nodiscard]] result<recipient_page, campaign_error>
    list(tenant_id tenant, campaign_id id, const std::string& cursor, std::size_t limit) const;

    /// @param whom  a contact's id, an address, or the number of a given recipient
    /// @error not_found, unavailable
    [[nodiscard]] result<recipient_explanation, campaign_error>
    explain(tenant_id tenant, campaign_id id, std::string_view whom) const;

private:
    [[nodiscard]] result<std::vector<ordinal>, campaign_error>
    find(tenant_id tenant, const campaign_row& row, bool contacts, std::string_view whom) const;
    [[nodiscard]] result<recipient_explanation, campaign_error>
    explain_one(tenant_id tenant, const campaign_row& row, bool contacts, ordinal who) const;
    void note_findings(tenant_id tenant, recipient_explanation& out) const;

    dependencies deps_;
};

} // namespace hikyaku::campaign
