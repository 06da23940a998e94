#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include <hikyaku/campaign/campaigns.h>

namespace hikyaku::campaign
{

/// A campaign that is alive. Work in flight holds it: `generation` and `may_send` are what the
/// last look compares.
struct live_campaign
{
    queue::campaign_ref ref;
    definition source;
    /// Rises with every change of state. Work remembers the one it was loaded under.
    std::atomic<std::uint32_t> generation{0};
    std::atomic<bool> may_send{false};
    std::atomic<bool> tenant_held{false};
    /// Held by the expansion over one page, and by whoever ends the expansion.
    std::mutex expansion;

    std::mutex content_mutex;
    std::shared_ptr<const campaign::content> compiled; // under content_mutex
    queue::lifecycle life;                             // under content_mutex

    [[nodiscard]] queue::lifecycle current()
    {
        const std::lock_guard lock(content_mutex);
        return life;
    }
};

/// What loading puts into work.payload.
struct loaded_recipient
{
    std::shared_ptr<live_campaign> live; // shared with the campaign: it may end first
    std::shared_ptr<const content> compiled;
    recipient_data data;
    std::string normalized;
    std::uint32_t generation = 0;
    std::uint32_t stamp = 0;
    std::uint32_t address_stamp = 0;
    std::string kept_bytes;
};

} // namespace hikyaku::campaign
