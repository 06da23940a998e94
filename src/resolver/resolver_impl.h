#pragma once

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hikyaku/dns/mx_plan.h>
#include <hikyaku/resolver/resolver.h>

#include "lru_cache.h"
#include "query_pool.h"

namespace hikyaku::resolver
{

using answer_ptr = std::shared_ptr<const dns::mx_answer>;

/// The resolver behind its public face. A look-up of a domain is: waiting (in `waiting_`) →
/// asking for MX → asking for the hosts' addresses → finished (cached, its callers posted, gone).
/// Look-ups of host addresses are shared by the domains that name the host.
///
/// Invariants: a domain is in lookups_ from its first caller to its answer;
/// running_ <= lookups_in_flight_max; waiting_.size() <= lookups_waiting_max.
class resolver::impl : public std::enable_shared_from_this<resolver::impl>
{
public:
    impl(asio::io_context& context, resolver_options options, const clock& clock,
         random_source& random);

    void resolve(std::string_view domain, mx_callback done);
    void look_up(std::string name, dns::record_type type, mono_time deadline,
                 records_callback done);
    [[nodiscard]] answer_ptr cached(std::string_view domain);
    [[nodiscard]] result<void, failure> reload(std::vector<std::string> servers);
    void clear();
    [[nodiscard]] resolver_stats stats() const;

private:
    struct mx_lookup;
    struct host_lookup;
    struct name_lookup;
    using mx_lookup_ptr = std::shared_ptr<mx_lookup>;
    using host_lookup_ptr = std::shared_ptr<host_lookup>;
    using host_callback = std::function<void(const dns::host_addresses&)>;

    // Look-ups of domains: mx_lookup.cpp.
    void join(mx_lookup& lookup, mx_callback done);
    void refuse_busy(mx_callback done, const std::string& domain);
    void begin(const mx_lookup_ptr& lookup);
    void on_mx(const mx_lookup_ptr& lookup, const dns::rrset& mx);
    void on_host(const mx_lookup_ptr& lookup, std::size_t index,
                 const dns::host_addresses& addresses);
    void on_deadline(const mx_lookup_ptr& lookup);
    void finish(const mx_lookup_ptr& lookup, dns::mx_answer answer);
    void begin_waiting();
    void count(const dns::mx_answer& answer);
    void post_answer(mx_callback done, answer_ptr answer);
    void post_failure(mx_callback done, std::string_view domain, dns::lookup_status status,
                      std::string reason);

    // Look-ups of hosts: host_lookup.cpp.
    void find_addresses(const std::string& host, mono_time deadline, host_callback done);
    void ask_host(const host_lookup_ptr& lookup, dns::record_type type, mono_time deadline);
    void on_host_answer(const host_lookup_ptr& lookup, dns::record_type type, dns::rrset answer);

    // Look-ups of any records: name_lookup.cpp.
    void finish(name_lookup& lookup, dns::rrset answer);

    asio::io_context& context_;
    resolver_options options_;
    const clock& clock_;
    random_source& random_;
    std::shared_ptr<query_pool> queries_;
    lru_cache<answer_ptr> answers_;
    lru_cache<dns::host_addresses> addresses_;
    std::unordered_map<std::string, mx_lookup_ptr> lookups_;
    std::unordered_map<std::string, host_lookup_ptr> host_lookups_;
    std::deque<mx_lookup_ptr> waiting_;
    std::size_t running_ = 0;
    resolver_stats counters_;
};

} // namespace hikyaku::resolver
