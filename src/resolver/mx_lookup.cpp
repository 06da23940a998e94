#include "resolver_impl.h"

#include <boost/asio/post.hpp>

#include <utility>

#include <hikyaku/base/assert.h>
#include <hikyaku/dns/name.h>

namespace hikyaku::resolver
{

namespace
{

std::size_t bytes_of(const dns::mx_answer& answer)
{
    std::size_t bytes = sizeof answer + answer.domain.capacity() + answer.reason.capacity() +
                        answer.site.capacity() + answer.hosts.capacity() * sizeof(dns::mx_host);
    for (const dns::mx_host& host : answer.hosts)
    {
        bytes += host.name.capacity() + host.addresses.capacity() * sizeof(dns::ip_address);
    }
    return bytes;
}

} // namespace

struct resolver::impl::mx_lookup
{
    mx_lookup(asio::io_context& context, std::string name)
        : domain(std::move(name)), deadline(context)
    {
    }
    std::string domain;
    std::vector<mx_callback> callers;
    asio::steady_timer deadline;
    mono_time deadline_at{};
    /// Set once the MX question is answered.
    bool planned = false;
    bool finished = false;
    dns::mx_answer plan;
    /// As many as plan.hosts. Those not yet answered count as temporary failures.
    std::vector<dns::host_addresses> hosts;
    std::size_t hosts_open = 0;
};

resolver::impl::impl(asio::io_context& context, resolver_options options, const clock& clock,
                     random_source& random)
    : context_(context), options_(std::move(options)), clock_(clock), random_(random),
      queries_(std::make_shared<query_pool>(context, options_, clock, random)),
      answers_(options_.mx_entries_max, options_.mx_bytes_max),
      addresses_(options_.address_entries_max, options_.address_bytes_max)
{
    HK_ASSERT(options_.lookups_in_flight_max > 0);
}

void resolver::impl::resolve(std::string_view domain, mx_callback done)
{
    ++counters_.lookups;
    std::optional<std::string> name = dns::canonical_name(domain);
    if (!name || name->empty())
    {
        post_failure(std::move(done), domain, dns::lookup_status::no_domain, "not a domain name");
        return;
    }
    if (const answer_ptr* known = answers_.find(*name, clock_.mono()))
    {
        ++counters_.cache_hits;
        post_answer(std::move(done), *known);
        return;
    }
    if (const auto at = lookups_.find(*name); at != lookups_.end())
    {
        join(*at->second, std::move(done));
        return;
    }
    if (running_ >= options_.lookups_in_flight_max &&
        waiting_.size() >= options_.lookups_waiting_max)
    {
        refuse_busy(std::move(done), *name);
        return;
    }
    const auto lookup = std::make_shared<mx_lookup>(context_, *name);
    lookup->callers.push_back(std::move(done));
    lookups_.emplace(std::move(*name), lookup);
    waiting_.push_back(lookup);
    begin_waiting();
}

void resolver::impl::join(mx_lookup& lookup, mx_callback done)
{
    if (lookup.callers.size() >= options_.waiters_per_lookup_max)
    {
        refuse_busy(std::move(done), lookup.domain);
        return;
    }
    ++counters_.joined;
    lookup.callers.push_back(std::move(done));
}

void resolver::impl::refuse_busy(mx_callback done, const std::string& domain)
{
    ++counters_.refused_busy;
    post_failure(std::move(done), domain, dns::lookup_status::temporary,
                 "too many DNS look-ups are waiting");
}

void resolver::impl::begin_waiting()
{
    while (running_ < options_.lookups_in_flight_max && !waiting_.empty())
    {
        const mx_lookup_ptr next = std::move(waiting_.front());
        waiting_.pop_front();
        begin(next);
    }
}

void resolver::impl::begin(const mx_lookup_ptr& lookup)
{
    ++running_;
    lookup->deadline_at = clock_.mono() + options_.lookup_timeout;
    lookup->deadline.expires_after(options_.lookup_timeout);
    lookup->deadline.async_wait(
        // Held weakly: the look-up owns the timer, and both end with the resolver.
        [weak = weak_from_this(),
         weak_lookup = std::weak_ptr<mx_lookup>(lookup)](const error_code& error)
        {
            const auto self = weak.lock();
            const auto expired = weak_lookup.lock();
            if (self && expired && !error)
            {
                self->on_deadline(expired);
            }
        });
    queries_->ask(lookup->domain, dns::record_type::mx, lookup->deadline_at,
                  [weak = weak_from_this(), lookup](const dns::rrset& mx)
                  {
                      if (const auto self = weak.lock())
                      {
                          self->on_mx(lookup, mx);
                      }
                  });
}

void resolver::impl::on_mx(const mx_lookup_ptr& lookup, const dns::rrset& mx)
{
    if (lookup->finished)
    {
        return;
    }
    lookup->plan = dns::plan_mx(lookup->domain, mx, random_);
    lookup->planned = true;
    if (lookup->plan.status != dns::lookup_status::ok)
    {
        finish(lookup, std::move(lookup->plan));
        return;
    }
    const std::vector<dns::mx_host> hosts = lookup->plan.hosts;
    dns::host_addresses unanswered;
    unanswered.temporary = true;
    unanswered.reason = "no answer in time for the addresses of the MX hosts";
    lookup->hosts.assign(hosts.size(), unanswered);
    lookup->hosts_open = hosts.size();
    for (std::size_t i = 0; i < hosts.size(); ++i)
    {
        find_addresses(hosts[i].name, lookup->deadline_at,
                       [weak = weak_from_this(), lookup, i](const dns::host_addresses& found)
                       {
                           if (const auto self = weak.lock())
                           {
                               self->on_host(lookup, i, found);
                           }
                       });
    }
}

void resolver::impl::on_host(const mx_lookup_ptr& lookup, std::size_t index,
                             const dns::host_addresses& addresses)
{
    if (lookup->finished)
    {
        return;
    }
    HK_ASSERT(lookup->hosts_open > 0);
    lookup->hosts[index] = addresses;
    if (--lookup->hosts_open == 0)
    {
        finish(lookup, dns::decide(std::move(lookup->plan), std::move(lookup->hosts)));
    }
}

void resolver::impl::on_deadline(const mx_lookup_ptr& lookup)
{
    if (lookup->finished)
    {
        return;
    }
    ++counters_.deadline_passed;
    if (lookup->planned)
    {
        // What is known may be enough: one host with an address.
        finish(lookup, dns::decide(std::move(lookup->plan), std::move(lookup->hosts)));
        return;
    }
    dns::mx_answer answer;
    answer.domain = lookup->domain;
    answer.status = dns::lookup_status::temporary;
    answer.reason = "no answer in time for MX of " + lookup->domain;
    finish(lookup, std::move(answer));
}

void resolver::impl::finish(const mx_lookup_ptr& lookup, dns::mx_answer answer)
{
    HK_ASSERT(!lookup->finished && running_ > 0);
    lookup->finished = true;
    lookup->deadline.cancel();
    --running_;
    if (answer.status == dns::lookup_status::temporary)
    {
        answer.ttl = options_.temporary_ttl;
    }
    count(answer);
    const auto shared = std::make_shared<const dns::mx_answer>(std::move(answer));
    answers_.put(lookup->domain, shared, bytes_of(*shared), clock_.mono() + shared->ttl);
    for (mx_callback& caller : lookup->callers)
    {
        post_answer(std::move(caller), shared);
    }
    lookup->callers.clear();
    lookups_.erase(lookup->domain);
    begin_waiting();
}

void resolver::impl::count(const dns::mx_answer& answer)
{
    if (answer.status == dns::lookup_status::ok)
    {
        ++counters_.answers_ok;
    }
    else if (dns::is_permanent(answer.status))
    {
        ++counters_.answers_permanent;
    }
    else
    {
        ++counters_.answers_temporary;
    }
}

void resolver::impl::post_answer(mx_callback done, answer_ptr answer)
{
    asio::post(
        context_,
        [weak = weak_from_this(), done = std::move(done), answer = std::move(answer)]() mutable
        {
            if (!weak.expired())
            {
                done(std::move(answer));
            }
        });
}

void resolver::impl::post_failure(mx_callback done, std::string_view domain,
                                  dns::lookup_status status, std::string reason)
{
    auto answer = std::make_shared<dns::mx_answer>();
    answer->domain = domain;
    answer->status = status;
    answer->reason = std::move(reason);
    answer->ttl = options_.temporary_ttl;
    count(*answer);
    post_answer(std::move(done), std::move(answer));
}

answer_ptr resolver::impl::cached(std::string_view domain)
{
    const mono_time now = clock_.mono();
    // Callers on the hot path have the canonical form already.
    const answer_ptr* known = answers_.find(domain, now);
    if (known == nullptr)
    {
        const std::optional<std::string> name = dns::canonical_name(domain);
        known = name && *name != domain ? answers_.find(*name, now) : nullptr;
    }
    return known != nullptr ? *known : nullptr;
}

result<void, failure> resolver::impl::reload(std::vector<std::string> servers)
{
    auto parsed = parse_servers(servers);
    if (parsed.has_error())
    {
        return parsed.error();
    }
    try
    {
        queries_->use_servers(std::move(*parsed));
    }
    catch (const std::runtime_error& e)
    {
        return failure{e.what()};
    }
    options_.servers = std::move(servers);
    return {};
}

void resolver::impl::clear()
{
    answers_.clear();
    addresses_.clear();
}

resolver_stats resolver::impl::stats() const
{
    resolver_stats out = counters_;
    out.queries = queries_->sent();
    out.malformed = queries_->malformed();
    out.in_flight = running_;
    out.waiting = waiting_.size();
    out.queries_in_flight = queries_->in_flight();
    out.mx_entries = answers_.size();
    out.mx_bytes = answers_.bytes();
    out.address_entries = addresses_.size();
    out.address_bytes = addresses_.bytes();
    return out;
}

} // namespace hikyaku::resolver
