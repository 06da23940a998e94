#include <hikyaku/shaping/match_counters.h>

namespace hikyaku::shaping
{

match_counters::counter& match_counters::obtain(const reply_rule& rule, std::string_view scope)
{
    // Rule names hold no space.
    std::string name = rule.name;
    name += ' ';
    name += scope;
    const auto found = index_.find(name);
    if (found != index_.end())
    {
        counters_.splice(counters_.begin(), counters_, found->second);
        return counters_.front();
    }
    if (counters_.size() >= counters_max)
    {
        index_.erase(counters_.back().name);
        counters_.pop_back();
    }
    counters_.push_front({std::move(name), {}, 0});
    index_.emplace(counters_.front().name, counters_.begin());
    return counters_.front();
}

bool match_counters::count(const reply_rule& rule, std::string_view scope, mono_time now)
{
    if (!rule.threshold || rule.threshold->count <= 1)
    {
        return true;
    }
    const match_threshold& wanted = *rule.threshold;
    counter& c = obtain(rule, scope);
    if (c.times.size() > wanted.count)
    {
        // A reload lowered the number.
        c.times.clear();
        c.next = 0;
    }
    if (c.times.size() < wanted.count)
    {
        // Unroll a ring that a reload made longer, so that the oldest is first again.
        std::rotate(c.times.begin(), c.times.begin() + static_cast<std::ptrdiff_t>(c.next),
                    c.times.end());
        c.times.push_back(now);
        c.next = 0;
    }
    else
    {
        c.times[c.next] = now;
        c.next = (c.next + 1) % c.times.size();
    }
    if (c.times.size() < wanted.count || now - c.times[c.next] >= wanted.within)
    {
        return false;
    }
    index_.erase(c.name);
    counters_.pop_front();
    return true;
}

} // namespace hikyaku::shaping
