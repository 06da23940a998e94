#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/feed/log_line.h>
#include <hikyaku/queue/fact.h>
#include <hikyaku/store/database.h>

namespace hikyaku::feed
{

/// Whose ordinal a fact carries: a contact's of the tenant (no campaign), or one of a recipient
/// that was given with its campaign.
struct recipient_ref
{
    /// {} for contacts.
    campaign_id given_in;
    ordinal who;
    friend constexpr auto operator<=>(const recipient_ref&, const recipient_ref&) = default;
};

/// Whether a campaign's recipients are contacts; nullopt when nobody knows the campaign. Called on
/// the index's thread, once in a while per campaign.
using campaign_has_contacts = std::function<std::optional<bool>(tenant_id, campaign_id)>;

/// A fact and where it stands.
struct found_outcome
{
    fact_place place;
    queue::fact what;
};

/// Newest first.
struct outcome_page
{
    std::vector<found_outcome> entries;
    /// Pass as `before` for the next page; nullopt at the end.
    std::optional<fact_place> next;
};

struct outcome_index_options
{
    campaign_has_contacts has_contacts;
    /// How long facts gather before they are folded; nobody who asks waits for it.
    std::chrono::milliseconds gather{500};
};

struct outcome_index_stats
{
    std::uint64_t facts = 0;
    std::uint64_t batches = 0;
    /// Fact blocks that are damaged, or whose campaign nobody knows.
    std::uint64_t skipped = 0;
    /// CPU time of the folding thread, for what a fact costs.
    std::chrono::nanoseconds cpu{0};
};

/// Which facts are about a recipient and about a campaign: rows in the tenant's family, folded from
/// fact blocks in sorted batches by a thread of its own (src/feed/FORMAT.md). The mark of what is
/// folded is in the same commit as the rows: after a crash it goes on there, without repeats or
/// gaps, and removing the mark and the rows rebuilds them.
///
/// Public methods are thread-safe. `db` outlives the index.
class outcome_index
{
public:
    /// Facts folded by one commit.
    static constexpr std::size_t batch_facts = 16'384;
    /// Facts that one call of of_campaign looks at; the page may then be short.
    static constexpr std::size_t look_facts_max = 5'000;

    outcome_index(store::database& db, outcome_index_options options);
    /// Ends after the batch under way; the rest is folded at the next start.
    ~outcome_index();
    outcome_index(const outcome_index&) = delete;
    outcome_index& operator=(const outcome_index&) = delete;

    /// A fact block of the tenant is durable. Only takes a note: for the store's writer thread.
    void on_settled(tenant_id tenant);
    /// Waits until what is durable now is folded. False when the timeout was shorter: pages then
    /// lack the newest facts.
    bool catch_up(tenant_id tenant, std::chrono::milliseconds timeout);

    /// Every attempt and end of one recipient. @error the store can't be read
    [[nodiscard]] result<outcome_page> of_recipient(tenant_id tenant, const recipient_ref& who,
                                                    std::optional<fact_place> before,
                                                    std::size_t limit) const;
    /// The newest fact about the recipient in the campaign, of block `upto` or before. Looks at no
    /// more than a thousand facts of a contact. @error as above
    [[nodiscard]] result<std::optional<found_outcome>>
    last_in(tenant_id tenant, const recipient_ref& who, campaign_id campaign,
            std::uint64_t upto = UINT64_MAX) const;
    /// Recipients of a campaign that have a fact, each once with its newest of block `upto` or
    /// before, by the time of that. A page may be short (even empty) while `next` is set.
    /// @param has_contacts  of the campaign
    /// @error as above
    [[nodiscard]] result<outcome_page> of_campaign(tenant_id tenant, campaign_id campaign,
                                                   bool has_contacts, std::uint64_t upto,
                                                   std::optional<fact_place> before,
                                                   std::size_t limit) const;
    /// Number of the last block that is folded; 0: none.
    [[nodiscard]] result<std::uint64_t> folded(tenant_id tenant) const;
    [[nodiscard]] outcome_index_stats stats() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::feed
