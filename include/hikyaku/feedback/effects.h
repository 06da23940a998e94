#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <hikyaku/base/id.h>
#include <hikyaku/campaign/returns.h>
#include <hikyaku/crm/change_stamps.h>
#include <hikyaku/feedback/dead_addresses.h>
#include <hikyaku/feedback/tenant_settings.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/store/database.h>

namespace hikyaku::feedback
{

struct effects_options
{
    /// How long facts gather before they are folded; nobody who asks waits for it.
    std::chrono::milliseconds gather{500};
};

struct effects_stats
{
    std::uint64_t facts = 0;
    std::uint64_t batches = 0;
    /// Fact blocks that are damaged or gone.
    std::uint64_t skipped = 0;
    /// Addresses suppressed, by what led to it, and campaigns that paused themselves.
    std::uint64_t suppressed_by_bounce = 0;
    std::uint64_t suppressed_by_complaint = 0;
    std::uint64_t paused = 0;
};

/// What facts do to contacts: error counters, suppressions, the installation's dead addresses, the
/// counters of each campaign's breaker. Folded from the fact stream in order, by a thread of its
/// own; the mark of what is folded is in the same commit as the effects, so after a crash each fact
/// has had its effect once.
///
/// Sessions' own outcomes and what is reported by mail are the same to it. Deferred attempts do
/// nothing: only ends count. Thread-safe.
class effects
{
public:
    /// Facts folded by one commit, under the tenant's gate.
    static constexpr std::size_t batch_facts = 4'096;

    struct dependencies
    {
        store::database& db;
        oplog::operation_log& log;
        const clock& clock_source;
        crm::change_stamps& stamps;
        const settings_book& settings;
        dead_addresses& dead;
        /// What a campaign says of its breaker; nullopt: there is no such campaign. Asked once in a
        /// while per campaign.
        std::function<std::optional<std::optional<campaign::breaker_override>>(tenant_id,
                                                                               campaign_id)>
            breaker_of;
        /// A breaker has tripped, durably: pauses the campaign. False when it does not send (any
        /// more).
        std::function<bool(tenant_id, campaign_id, const campaign::returns&)> pause;
    };

    /// Does nothing before run(). What is in `deps` outlives the object.
    effects(dependencies deps, effects_options options);
    ~effects();
    effects(const effects&) = delete;
    effects& operator=(const effects&) = delete;

    /// Starts the thread: first what a former process left.
    void run();
    /// Ends after the batch under way.
    void stop();

    /// A fact block of the tenant is durable. Only takes a note: for the store's writer thread.
    void on_settled(tenant_id tenant);
    /// Waits until the effects of the tenant's facts up to the block are in force; also true when
    /// the tenant is gone. False at the timeout, or when stopped: they come later.
    [[nodiscard]] bool wait_for(tenant_id tenant, std::uint64_t fact_seq,
                                std::chrono::milliseconds timeout);
    [[nodiscard]] effects_stats stats() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::feedback
