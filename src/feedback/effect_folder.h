#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <hikyaku/crm/suppression.h>
#include <hikyaku/feedback/effects.h>
#include <hikyaku/feedback/error_counter.h>
#include <hikyaku/queue/fact.h>

namespace hikyaku::feedback
{

/// Folds a tenant's facts into effects, a batch at a time. One thread.
class effect_folder
{
public:
    explicit effect_folder(effects::dependencies deps) : deps_(std::move(deps)) {}

    struct progress
    {
        /// The last block whose effects are in force; UINT64_MAX: there is no such tenant.
        std::uint64_t folded = 0;
        bool more = false;
        /// Nothing could be folded now: the store can't be read, or not be written for the tenant.
        bool stuck = false;
    };
    /// @param hurry  somebody waits for it
    [[nodiscard]] progress fold(tenant_id tenant, bool hurry);
    /// Campaigns whose breaker tripped just before the last process ended.
    void pause_tripped(tenant_id tenant);

    effects_stats stats;

private:
    struct batch;
    void gather(const store::tenant_store& rows, batch& b);
    void gather_singly(const store::tenant_store& rows, batch& b);
    void add(batch& b, std::uint64_t block, std::string_view bytes);
    [[nodiscard]] bool load(const store::tenant_store& rows, batch& b);
    void apply(batch& b, const queue::fact& f, const std::string& address);
    void apply_failure(batch& b, const queue::fact& f, const std::string& address);
    void apply_complaint(batch& b, const queue::fact& f, const std::string& address);
    void apply_delivery(batch& b, const queue::fact& f, const std::string& address);
    void suppress(batch& b, const queue::fact& f, const std::string& address,
                  crm::suppression_reason reason, std::optional<milliseconds> lasts);
    void count_return(batch& b, const queue::fact& f);
    void judge_campaigns(batch& b);
    void write(batch& b, store::record& data, store::record& platform);
    [[nodiscard]] std::optional<campaign::breaker_limits>
    limits_of(tenant_id tenant, campaign_id campaign, const tenant_settings& settings);

    effects::dependencies deps_;
    /// What campaigns say of their breakers: it never changes.
    std::unordered_map<std::uint64_t, std::optional<campaign::breaker_override>> breakers_;
};

} // namespace hikyaku::feedback
