#include <hikyaku/feedback/our_domains.h>

namespace hikyaku::feedback
{

our_domains::our_domains(const store::database& db, const identity::sender_domains& domains,
                         const clock& clock_source, std::vector<std::string> always)
    : db_(db), domains_(domains), clock_(clock_source), always_(always.begin(), always.end())
{
}

void our_domains::read_again() const
{
    std::unordered_set<std::string> found;
    for (const auto tenant : db_.tenants())
    {
        std::uint64_t after = 0;
        while (true)
        {
            const auto page = domains_.list(tenant, after, identity::sender_domains::page_max);
            if (page.has_error() || page->empty())
            {
                break;
            }
            for (const auto& d : *page)
            {
                found.insert(d.return_path_domain);
            }
            after = page->back().id;
        }
    }
    of_tenants_ = std::move(found);
    read_at_ = clock_.mono();
    was_read_ = true;
}

bool our_domains::has(std::string_view domain) const
{
    const std::string name(domain);
    if (name.empty() || always_.contains(name))
    {
        return !name.empty();
    }
    const std::lock_guard lock(mutex_);
    const auto age = clock_.mono() - read_at_;
    const bool known = of_tenants_.contains(name);
    if (!was_read_ || age > old_after || (!known && age > again_after))
    {
        read_again();
        return of_tenants_.contains(name);
    }
    return known;
}

} // namespace hikyaku::feedback
