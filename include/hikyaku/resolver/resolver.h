#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/random.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/dns/mx_answer.h>
#include <hikyaku/dns/rrset.h>
#include <hikyaku/resolver/mx_resolver.h>

namespace hikyaku::resolver
{

namespace asio = boost::asio;

/// Where and how hard the resolver asks. Owned by this module, filled by `config`.
struct resolver_options
{
    /// "127.0.0.1:53", "192.0.2.1", "[2001:db8::1]:53"; in the order they are tried. Port 53 when
    /// not given. Empty: every look-up ends as temporary.
    std::vector<std::string> servers;
    /// From the start of a look-up to its answer, all questions together.
    milliseconds lookup_timeout{20'000};
    /// First try of one question; doubled when all servers were asked.
    milliseconds try_timeout{2'000};
    /// Tries of one question, spread over the servers (each server gets at least one).
    int tries = 3;
    /// Domains being looked up; more wait their turn.
    std::size_t lookups_in_flight_max = 256;
    /// Domains waiting for their turn; more end as temporary at once.
    std::size_t lookups_waiting_max = 65'536;
    /// Questions on the wire; more wait their turn. 256 small datagrams just fit the receive
    /// buffer that Linux gives a DNS server by default: more of them are lost in bursts.
    std::size_t queries_in_flight_max = 256;
    /// Callers waiting for one domain; more end as temporary at once.
    std::size_t waiters_per_lookup_max = 4'096;
    /// Cache: the least recently used entry goes first.
    std::size_t mx_entries_max = 50'000;
    std::size_t mx_bytes_max = 12u << 20;
    std::size_t address_entries_max = 20'000;
    std::size_t address_bytes_max = 4u << 20;
    /// How long a temporary failure is remembered, so that a broken domain isn't asked for anew
    /// by every lane.
    std::chrono::seconds temporary_ttl{30};
    /// Questions asked from one UDP port; then a new socket, and so a new random port, is used.
    std::size_t queries_per_port_max = 64;
};

/// Counters since construction, and levels.
struct resolver_stats
{
    std::uint64_t lookups = 0;
    std::uint64_t cache_hits = 0;
    std::uint64_t joined = 0;
    std::uint64_t queries = 0;
    std::uint64_t answers_ok = 0;
    std::uint64_t answers_temporary = 0;
    std::uint64_t answers_permanent = 0;
    std::uint64_t refused_busy = 0;
    std::uint64_t malformed = 0;
    std::uint64_t deadline_passed = 0;
    std::size_t in_flight = 0;
    std::size_t waiting = 0;
    std::size_t queries_in_flight = 0;
    std::size_t mx_entries = 0;
    std::size_t mx_bytes = 0;
    std::size_t address_entries = 0;
    std::size_t address_bytes = 0;
};

/// Checks a list of servers without using it.
/// @error failure  names the entry that is not an address with an optional port
[[nodiscard]] result<void, failure> check_servers(const std::vector<std::string>& servers);

/// Looks up where mail for a domain goes, over c-ares on one io_context, with a bounded cache.
///
/// Thread: everything, construction and destruction included, happens on the one thread that runs
/// the io_context. Answers are immutable and may be handed to other threads.
/// Destruction with look-ups under way is safe: no callback is called after it, they are
/// destroyed; waiting coroutines are unwound when the io_context runs or is destroyed.
/// `context`, `clock` and `random` outlive the resolver.
class resolver final : public mx_resolver
{
public:
    /// @throws std::runtime_error when c-ares can't be set up or a server is not an address
    resolver(asio::io_context& context, resolver_options options, const clock& clock,
             random_source& random);
    ~resolver() override;
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;

    /// Resolves a routing domain (ASCII; IDNs as A-labels): MX, then A and AAAA of its hosts.
    /// Cached; callers of the same domain share one look-up. Every failure is a status of the
    /// answer. `done` is called exactly once from the io_context, never from inside this call.
    void resolve_mx(std::string_view domain_ascii, mx_callback done) override;

    /// The same for a coroutine on this io_context.
    [[nodiscard]] asio::awaitable<dns::mx_answer> resolve_mx(std::string domain_ascii);

    using records_callback = std::function<void(dns::rrset)>;

    /// Asks for the records of one type, through aliases; always of the servers, nothing is cached.
    /// A status that is not `follow`; `failed` also when there is no answer by `deadline`, which is
    /// in this resolver's clock. `done` is called as that of resolve_mx.
    /// @pre name is of canonical_query_name's form and not the root
    void look_up(std::string name, dns::record_type type, mono_time deadline,
                 records_callback done);

    /// The same for a coroutine on this io_context.
    [[nodiscard]] asio::awaitable<dns::rrset> look_up(std::string name, dns::record_type type,
                                                      mono_time deadline);

    /// The cached answer, also a cached failure; nullptr when absent or expired. Asks nothing.
    [[nodiscard]] std::shared_ptr<const dns::mx_answer> cached_mx(std::string_view domain) const;

    /// Uses other servers for questions from now on; those under way end with the old ones. The
    /// cache stays.
    /// @error failure  an entry is not an address; nothing changes
    [[nodiscard]] result<void, failure> reload(std::vector<std::string> servers) override;

    /// Forgets everything cached (an operator's command).
    void clear_cache() override;

    [[nodiscard]] resolver_stats stats() const;

private:
    class impl;
    /// Shared with posted completions and timers, which hold it weakly.
    std::shared_ptr<impl> impl_;
};

} // namespace hikyaku::resolver
