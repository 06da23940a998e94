#include <hikyaku/feed/outcome_index.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include <ctime>

#include "outcome_folder.h"

namespace hikyaku::feed
{
namespace
{

/// Rows of one contact that last_in() reads before it gives up.
constexpr std::size_t rows_walked_max = 1'000;

std::chrono::nanoseconds thread_cpu()
{
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

/// Decodes fact blocks, and keeps the last one: neighbours ask for the same.
class block_source
{
public:
    explicit block_source(const store::reader& rows) : rows_(rows) {}

    /// nullptr when the block is gone or damaged.
    [[nodiscard]] result<const std::vector<queue::fact>*> read(std::uint64_t block)
    {
        if (block != at_)
        {
            const auto bytes = rows_.find(queue::fact_key(block));
            if (!bytes)
            {
                return bytes.error();
            }
            facts_ = *bytes ? queue::decode_facts(**bytes) : std::nullopt;
            at_ = block;
        }
        return facts_ ? &*facts_ : nullptr;
    }
    [[nodiscard]] result<std::optional<found_outcome>> read(const fact_place& place)
    {
        const auto facts = read(place.block);
        if (!facts)
        {
            return facts.error();
        }
        if (*facts == nullptr || place.index >= (*facts)->size())
        {
            return std::optional<found_outcome>{};
        }
        return std::optional(found_outcome{place, (**facts)[place.index]});
    }

private:
    const store::reader& rows_;
    std::uint64_t at_ = 0;
    std::optional<std::vector<queue::fact>> facts_;
};

bool is_before(const fact_place& p, const std::optional<fact_place>& limit)
{
    return !limit || p.block < limit->block || (p.block == limit->block && p.index < limit->index);
}

/// Newest place about the recipient in the campaign.
result<std::optional<fact_place>> find_last(const store::reader& rows, const recipient_ref& who,
                                            campaign_id campaign, std::uint64_t upto)
{
    auto at = rows.scan(outcome_key(who, upto), store::prefix_end(outcome_prefix(who)));
    for (std::size_t walked = 0; at.valid() && walked < rows_walked_max; at.next(), ++walked)
    {
        const auto entries = decode_outcomes(at.value());
        if (!entries)
        {
            continue;
        }
        for (const auto& e : *entries)
        {
            if (e.campaign == campaign)
            {
                return std::optional(fact_place{block_of_key(at.key()), e.index});
            }
        }
    }
    if (const auto status = at.status(); !status)
    {
        return status.error();
    }
    return std::optional<fact_place>{};
}

} // namespace

class outcome_index::impl
{
public:
    impl(store::database& db, outcome_index_options options)
        : db_(db), gather_(options.gather), folder_(db, std::move(options.has_contacts))
    {
        for (const auto tenant : db_.tenants())
        {
            round_.insert(tenant); // what a former process left
        }
        thread_ = std::thread(&impl::run, this);
    }
    ~impl()
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        thread_.join();
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    void on_settled(tenant_id tenant)
    {
        bool first = false;
        {
            const std::lock_guard lock(mutex_);
            first = waiting_.empty();
            waiting_.insert(tenant);
        }
        if (first)
        {
            wake_.notify_all();
        }
    }
    bool catch_up(tenant_id tenant, std::chrono::milliseconds timeout)
    {
        std::unique_lock lock(mutex_);
        // A batch under way may have begun before what the caller wants to see.
        const auto wanted = rounds_[tenant] + (current_ == tenant ? 2U : 1U);
        wanted_[tenant] = std::max(wanted_[tenant], wanted);
        urgent_.insert(tenant);
        wake_.notify_all();
        return caught_up_.wait_for(lock, timeout,
                                   [&] { return rounds_[tenant] >= wanted || stopping_; }) &&
               !stopping_;
    }
    outcome_index_stats stats() const
    {
        const std::lock_guard lock(mutex_);
        return stats_;
    }
    [[nodiscard]] std::shared_ptr<const store::tenant_store> rows_of(tenant_id tenant) const
    {
        return db_.find_tenant(tenant);
    }

private:
    /// The tenant whose turn it is; nullopt to stop.
    [[nodiscard]] std::optional<tenant_id> wait_for_turn()
    {
        std::unique_lock lock(mutex_);
        const auto ready = [&] { return stopping_ || !urgent_.empty(); };
        if (round_.empty())
        {
            wake_.wait(lock, [&] { return ready() || !waiting_.empty(); });
            wake_.wait_for(lock, gather_, ready);
            round_.swap(waiting_);
        }
        if (stopping_)
        {
            return std::nullopt;
        }
        const auto& from = urgent_.empty() ? round_ : urgent_;
        // The next number after the last, so that nobody waits for ever.
        const auto after = from.upper_bound(last_);
        last_ = after == from.end() ? *from.begin() : *after;
        current_ = last_;
        round_.erase(last_);
        waiting_.erase(last_);
        return last_;
    }
    void finish_turn(tenant_id tenant, bool more)
    {
        const std::lock_guard lock(mutex_);
        current_.reset();
        if (more)
        {
            round_.insert(tenant);
        }
        else
        {
            ++rounds_[tenant];
            const auto asked = urgent_.find(tenant);
            if (asked != urgent_.end() && rounds_[tenant] >= wanted_[tenant])
            {
                urgent_.erase(asked);
            }
            caught_up_.notify_all();
        }
        stats_ = {folder_.facts, folder_.batches, folder_.skipped, thread_cpu()};
    }
    void run()
    {
        while (const auto tenant = wait_for_turn())
        {
            finish_turn(*tenant, folder_.fold(*tenant));
        }
        const std::lock_guard lock(mutex_);
        caught_up_.notify_all();
    }

    store::database& db_;
    const std::chrono::milliseconds gather_;
    outcome_folder folder_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable caught_up_;
    /// Tenants that may have something to fold: in the next round, in this one, and those that
    /// somebody waits for.
    std::set<tenant_id> waiting_;
    std::set<tenant_id> round_;
    std::set<tenant_id> urgent_;
    /// Batches of a tenant that left nothing.
    std::unordered_map<tenant_id, std::uint64_t> rounds_;
    /// How many of them those who wait for the tenant want to see.
    std::unordered_map<tenant_id, std::uint64_t> wanted_;
    std::optional<tenant_id> current_;
    tenant_id last_;
    bool stopping_ = false;
    outcome_index_stats stats_;
    std::thread thread_;
};

outcome_index::outcome_index(store::database& db, outcome_index_options options)
    : impl_(std::make_unique<impl>(db, std::move(options)))
{
}
outcome_index::~outcome_index() = default;

void outcome_index::on_settled(tenant_id tenant)
{
    impl_->on_settled(tenant);
}

bool outcome_index::catch_up(tenant_id tenant, std::chrono::milliseconds timeout)
{
    return impl_->catch_up(tenant, timeout);
}

outcome_index_stats outcome_index::stats() const
{
    return impl_->stats();
}

result<std::uint64_t> outcome_index::folded(tenant_id tenant) const
{
    const auto rows = impl_->rows_of(tenant);
    if (!rows)
    {
        return std::uint64_t{0};
    }
    const auto mark = rows->find(folded_key());
    if (!mark)
    {
        return mark.error();
    }
    return *mark ? decode_number(**mark).value_or(0) : 0;
}

result<outcome_page> outcome_index::of_recipient(tenant_id tenant, const recipient_ref& who,
                                                 std::optional<fact_place> before,
                                                 std::size_t limit) const
{
    outcome_page out;
    const auto rows = impl_->rows_of(tenant);
    if (!rows)
    {
        return out;
    }
    block_source blocks(*rows);
    auto at = rows->scan(outcome_key(who, before ? before->block : UINT64_MAX),
                         store::prefix_end(outcome_prefix(who)));
    for (; at.valid(); at.next())
    {
        const auto entries = decode_outcomes(at.value());
        const auto block = block_of_key(at.key());
        for (std::size_t i = 0; entries && i < entries->size(); ++i)
        {
            const fact_place place{block, (*entries)[i].index};
            if (!is_before(place, before))
            {
                continue;
            }
            if (out.entries.size() == limit)
            {
                out.next = out.entries.back().place;
                return out;
            }
            auto found = blocks.read(place);
            if (!found)
            {
                return found.error();
            }
            if (*found) // else retention has taken the fact
            {
                out.entries.push_back(std::move(**found));
            }
        }
    }
    if (const auto status = at.status(); !status)
    {
        return status.error();
    }
    return out;
}

result<std::optional<found_outcome>> outcome_index::last_in(tenant_id tenant,
                                                            const recipient_ref& who,
                                                            campaign_id campaign,
                                                            std::uint64_t upto) const
{
    const auto rows = impl_->rows_of(tenant);
    if (!rows)
    {
        return std::optional<found_outcome>{};
    }
    const auto place = find_last(*rows, who, campaign, upto);
    if (!place)
    {
        return place.error();
    }
    return *place ? block_source(*rows).read(**place)
                  : result<std::optional<found_outcome>>(std::optional<found_outcome>{});
}

result<outcome_page> outcome_index::of_campaign(tenant_id tenant, campaign_id campaign,
                                                bool has_contacts, std::uint64_t upto,
                                                std::optional<fact_place> before,
                                                std::size_t limit) const
{
    outcome_page out;
    const auto rows = impl_->rows_of(tenant);
    if (!rows)
    {
        return out;
    }
    block_source blocks(*rows);
    std::size_t looked = 0;
    const auto first = before ? std::min(upto, before->block) : upto;
    auto at = rows->scan(campaign_block_key(campaign, first),
                         store::prefix_end(campaign_block_key(campaign, 0).substr(0, 9)));
    for (; at.valid(); at.next())
    {
        const auto block = block_of_key(at.key());
        const auto facts = blocks.read(block);
        if (!facts)
        {
            return facts.error();
        }
        for (std::size_t left = *facts != nullptr ? (*facts)->size() : 0; left > 0; --left)
        {
            const fact_place place{block, left - 1};
            const auto& f = (**facts)[place.index];
            if (f.campaign != campaign || f.who.value == 0 || !is_before(place, before))
            {
                continue;
            }
            if (out.entries.size() == limit || looked == look_facts_max)
            {
                out.next = fact_place{block, left}; // is_before() excludes it
                return out;
            }
            ++looked;
            const recipient_ref who{has_contacts ? campaign_id{} : campaign, f.who};
            const auto last = find_last(*rows, who, campaign, upto);
            if (!last)
            {
                return last.error();
            }
            if (*last && (**last).block == place.block && (**last).index == place.index)
            {
                out.entries.push_back({place, f});
            }
        }
    }
    if (const auto status = at.status(); !status)
    {
        return status.error();
    }
    return out;
}

} // namespace hikyaku::feed
