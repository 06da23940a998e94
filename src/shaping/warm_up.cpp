#include <hikyaku/shaping/warm_up.h>

#include <algorithm>
#include <array>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{
namespace
{

constexpr std::uint64_t percent_whole = 100;

result<warm_up_plan, failure> check_caps(const std::vector<std::uint64_t>& caps)
{
    if (caps.empty() || caps.size() > warm_up_plan::days_max)
    {
        return failure{"a warm-up plan has 1 to " + std::to_string(warm_up_plan::days_max) +
                       " daily caps"};
    }
    for (std::size_t i = 0; i < caps.size(); ++i)
    {
        if (caps[i] == 0 || caps[i] > warm_up_plan::cap_max)
        {
            return failure{"a daily cap is 1 to " + std::to_string(warm_up_plan::cap_max)};
        }
        if (i > 0 && caps[i] < caps[i - 1])
        {
            return failure{"daily caps never fall: " + std::to_string(caps[i]) + " comes after " +
                           std::to_string(caps[i - 1])};
        }
    }
    return warm_up_plan{};
}

} // namespace

result<warm_up_plan, failure> make_warm_up(day_number started, std::vector<std::uint64_t> caps,
                                           std::optional<std::uint64_t> target)
{
    auto plan = check_caps(caps);
    if (plan.has_error())
    {
        return plan;
    }
    if (target)
    {
        const auto reached = std::lower_bound(caps.begin(), caps.end(), *target);
        caps.erase(reached, caps.end());
    }
    if (caps.empty())
    {
        return failure{"the target must be above the cap of the first day"};
    }
    plan->started = started;
    plan->caps = std::move(caps);
    return plan;
}

result<warm_up_plan, failure> make_warm_up(day_number started, const warm_up_growth& growth,
                                           std::uint64_t target)
{
    if (growth.percent == 0 || growth.percent > warm_up_growth::percent_max)
    {
        return failure{"the growth is 1 to " + std::to_string(warm_up_growth::percent_max) +
                       " percent a day"};
    }
    if (growth.first == 0 || target <= growth.first || target > warm_up_plan::cap_max)
    {
        return failure{"the first day has at least 1, the target is above it and at most " +
                       std::to_string(warm_up_plan::cap_max)};
    }
    std::vector<std::uint64_t> caps;
    for (std::uint64_t cap = growth.first; cap < target;)
    {
        if (caps.size() == warm_up_plan::days_max)
        {
            return failure{"the target is more than " + std::to_string(warm_up_plan::days_max) +
                           " days away; grow faster"};
        }
        caps.push_back(cap);
        // No overflow: both factors are bounded above.
        cap += std::max<std::uint64_t>(1, cap * growth.percent / percent_whole);
    }
    return make_warm_up(started, std::move(caps), std::nullopt);
}

std::optional<std::uint64_t> warm_up_cap(const warm_up_plan& plan, day_number day)
{
    if (day < plan.started)
    {
        return 0;
    }
    const auto index = static_cast<std::uint64_t>(std::int64_t{day} - plan.started);
    if (index >= plan.caps.size())
    {
        return std::nullopt;
    }
    return plan.caps[static_cast<std::size_t>(index)];
}

bool warm_up_counter::turn_to(day_number day)
{
    if (!day_ || day > *day_)
    {
        ended_ = ended_ || !used_.empty();
        used_.clear();
        changed_.clear();
        day_ = day;
    }
    return day == *day_;
}

void warm_up_counter::load(const warm_up_use& row)
{
    if (turn_to(row.day) && row.source != 0 && used_.size() < rows_max)
    {
        used_[{row.source, row.site}] = row.used;
    }
    else if (row.day < *day_)
    {
        ended_ = true;
    }
}

std::uint64_t warm_up_counter::take(source_number source, std::string_view site, day_number day,
                                    std::uint64_t cap, std::uint64_t n)
{
    HK_ASSERT(source != 0);
    // An earlier day than the latest one seen: the clock went back; go on counting there.
    static_cast<void>(turn_to(day));
    place at{source, std::string(site)};
    auto found = used_.find(at);
    const std::uint64_t before = found == used_.end() ? 0 : found->second;
    const std::uint64_t granted = before >= cap ? 0 : std::min(n, cap - before);
    if (granted == 0 || (found == used_.end() && used_.size() >= rows_max))
    {
        return 0;
    }
    if (found == used_.end())
    {
        found = used_.emplace(at, 0).first;
    }
    found->second += granted;
    changed_.insert(std::move(at));
    return granted;
}

void warm_up_counter::give_back(source_number source, std::string_view site, day_number day,
                                std::uint64_t n)
{
    place at{source, std::string(site)};
    const auto found = used_.find(at);
    if (!day_ || day != *day_ || found == used_.end() || n == 0)
    {
        return;
    }
    HK_ASSERT(n <= found->second);
    found->second -= n;
    changed_.insert(std::move(at));
}

std::uint64_t warm_up_counter::used(source_number source, std::string_view site,
                                    day_number day) const
{
    const auto found = used_.find(place{source, std::string(site)});
    return day_ && day == *day_ && found != used_.end() ? found->second : 0;
}

std::vector<warm_up_use> warm_up_counter::take_changes(std::size_t rows)
{
    std::vector<warm_up_use> out;
    while (out.size() < rows && !changed_.empty())
    {
        place at = std::move(changed_.extract(changed_.begin()).value());
        const std::uint64_t used = used_.at(at);
        out.push_back({at.first, std::move(at.second), *day_, used});
    }
    return out;
}

std::optional<day_number> warm_up_counter::take_ended_days() noexcept
{
    return std::exchange(ended_, false) ? day_ : std::nullopt;
}

std::uint8_t engagement_rank(std::optional<wall_time> engaged_at, wall_time now)
{
    constexpr std::array<int, engagement_ranks - 1> days_max{7, 30, 90, 180, 365};
    if (!engaged_at)
    {
        return days_max.size();
    }
    std::uint8_t rank = 0;
    for (const int days : days_max)
    {
        if (*engaged_at >= now - std::chrono::hours{24 * days})
        {
            break;
        }
        ++rank;
    }
    return rank;
}

} // namespace hikyaku::shaping
