#pragma once

#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/segment/condition.h>

namespace hikyaku::campaign
{

/// Walks a campaign's audience in ascending ordinal order, page by page, from a cursor: contacts
/// that existed when it began, or given recipients. One thread.
class audience_reader
{
public:
    struct dependencies
    {
        store::database& db;
        crm::services& crm;
        queue::domain_table& routing;
        const clock& clock_source;
        /// Numbers for routing domains in the place of `routing`'s, which keeps what it is asked
        /// for; empty: `routing`.
        std::function<domain_id(const std::string&)> number_of{};
    };
    audience_reader(dependencies deps, queue::campaign_ref campaign, const definition& d);

    /// Goes to the cursor of the last durable page; empty at the beginning.
    [[nodiscard]] result<void, failure> open(const std::string& cursor, bool complete);
    /// The next page: at most `limit` members of the audience. `state` is advanced: cursor,
    /// counts, and complete after the last page. New routing domains are added to `platform`,
    /// rows of uploaded recipients to `rows`.
    [[nodiscard]] result<std::vector<queue::chunk_entry>, failure>
    next(std::size_t limit, queue::expansion_state& state, store::record& platform,
         store::record& rows);

private:
    using page = std::vector<queue::chunk_entry>;
    [[nodiscard]] result<page, failure>
    next_contacts(std::size_t limit, queue::expansion_state& state, store::record& platform);
    [[nodiscard]] result<page, failure> next_given(std::size_t limit, queue::expansion_state& state,
                                                   store::record& platform);
    [[nodiscard]] result<page, failure> next_uploaded(std::size_t limit,
                                                      queue::expansion_state& state,
                                                      store::record& platform, store::record& rows);
    void add(ordinal who, std::string_view email, bool check_twins, page& out,
             queue::expansion_state& state, store::record& platform);
    [[nodiscard]] bool is_older_twin(ordinal who, const std::string& normalized) const;
    [[nodiscard]] result<void, failure> recall_addresses(std::uint64_t upto);
    [[nodiscard]] std::string encode_cursor() const;
    void advance(queue::expansion_state& state, bool complete);

    dependencies deps_;
    queue::campaign_ref campaign_;
    const definition& source_;
    std::shared_ptr<const store::tenant_store> store_;
    crm::schema_ptr schema_;
    segment::condition condition_;
    bool email_is_unique_ = false;
    int offset_minutes_ = crm::default_offset_minutes;

    /// Next ordinal, and one past the last one that belongs to the audience.
    std::uint64_t at_ = 1;
    std::uint64_t end_ = 1;
    /// Uploads: how far the file was read.
    std::uint64_t file_at_ = 0;
    std::ifstream file_;
    /// Addresses seen among given recipients (128 bits of their hash).
    std::unordered_set<std::string> seen_;
};

} // namespace hikyaku::campaign
