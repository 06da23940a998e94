#include "resolver_impl.h"

#include <utility>

#include <hikyaku/base/assert.h>

namespace hikyaku::resolver
{

namespace
{

std::size_t bytes_of(const dns::host_addresses& host)
{
    return sizeof host + host.reason.capacity() +
           host.addresses.capacity() * sizeof(dns::ip_address);
}

} // namespace

struct resolver::impl::host_lookup
{
    std::string name;
    std::vector<host_callback> callers;
    dns::rrset a;
    dns::rrset aaaa;
    /// Of the two questions.
    int open = 2;
};

void resolver::impl::find_addresses(const std::string& host, mono_time deadline, host_callback done)
{
    if (const dns::host_addresses* known = addresses_.find(host, clock_.mono()))
    {
        // A copy: the callback may change the cache.
        const dns::host_addresses found = *known;
        done(found);
        return;
    }
    if (const auto at = host_lookups_.find(host); at != host_lookups_.end())
    {
        at->second->callers.push_back(std::move(done));
        return;
    }
    const auto lookup = std::make_shared<host_lookup>();
    lookup->name = host;
    lookup->callers.push_back(std::move(done));
    host_lookups_.emplace(host, lookup);
    ask_host(lookup, dns::record_type::a, deadline);
    ask_host(lookup, dns::record_type::aaaa, deadline);
}

void resolver::impl::ask_host(const host_lookup_ptr& lookup, dns::record_type type,
                              mono_time deadline)
{
    queries_->ask(lookup->name, type, deadline,
                  [weak = weak_from_this(), lookup, type](dns::rrset answer)
                  {
                      if (const auto self = weak.lock())
                      {
                          self->on_host_answer(lookup, type, std::move(answer));
                      }
                  });
}

void resolver::impl::on_host_answer(const host_lookup_ptr& lookup, dns::record_type type,
                                    dns::rrset answer)
{
    (type == dns::record_type::a ? lookup->a : lookup->aaaa) = std::move(answer);
    if (--lookup->open > 0)
    {
        return;
    }
    host_lookups_.erase(lookup->name);
    dns::host_addresses found = dns::join_addresses(lookup->a, lookup->aaaa);
    if (found.addresses.empty() && found.temporary)
    {
        found.ttl = options_.temporary_ttl;
    }
    addresses_.put(lookup->name, found, bytes_of(found), clock_.mono() + found.ttl);
    const std::vector<host_callback> callers = std::move(lookup->callers);
    for (const host_callback& caller : callers)
    {
        caller(found);
    }
}

} // namespace hikyaku::resolver
