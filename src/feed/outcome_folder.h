#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include <hikyaku/feed/outcome_index.h>

#include "outcome_rows.h"

namespace hikyaku::feed
{

/// Folds fact blocks into rows, a batch at a time. The index's thread only, but for `counted`.
class outcome_folder
{
public:
    outcome_folder(store::database& db, campaign_has_contacts has_contacts)
        : db_(db), has_contacts_(std::move(has_contacts))
    {
    }

    /// Folds the next batch of the tenant and waits until it is durable. Returns true when some is
    /// left.
    [[nodiscard]] bool fold(tenant_id tenant);

    /// Since the start.
    std::uint64_t facts = 0;
    std::uint64_t batches = 0;
    std::uint64_t skipped = 0;

private:
    struct entry
    {
        recipient_ref who;
        std::uint64_t block = 0;
        outcome_entry what;
    };
    struct batch
    {
        std::vector<entry> entries;
        std::uint64_t facts = 0;
        std::uint64_t last = 0;
        bool more = false;
    };
    [[nodiscard]] batch gather(tenant_id tenant, const store::reader& rows, std::uint64_t after);
    void gather_singly(tenant_id tenant, const store::reader& rows, batch& b);
    void add(tenant_id tenant, std::uint64_t block, std::string_view bytes, batch& b);
    void skip(tenant_id tenant, std::uint64_t block, std::string_view why);
    [[nodiscard]] std::optional<bool> has_contacts(tenant_id tenant, campaign_id campaign);
    static void write(batch& b, store::record& out);

    store::database& db_;
    campaign_has_contacts has_contacts_;
    std::unordered_map<std::uint64_t, bool> known_; // by campaign; ids are unique over tenants
};

} // namespace hikyaku::feed
