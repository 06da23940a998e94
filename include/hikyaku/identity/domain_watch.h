#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/identity/domain_check.h>
#include <hikyaku/identity/sender_domains.h>

namespace hikyaku::identity
{

/// How a domain's records are asked for: the seam to the resolver, which is a layer of its own.
/// Called from any thread; blocks until every answer is there, `timeout` is over or `stop` says so.
/// What is not answered has status `failed`. Never throws.
struct dns_access
{
    using questions = std::vector<dns::spf_question>;
    using answers = std::vector<dns::rrset>;
    using stop_predicate = std::function<bool()>;

    /// One answer per question, in that order.
    std::function<answers(const questions&, milliseconds timeout, const stop_predicate& stop)> ask;
    /// The same of each configured server on its own: one list per server.
    std::function<std::vector<answers>(const questions&, milliseconds timeout,
                                       const stop_predicate& stop)>
        ask_each_server;
};

struct domain_watch_options
{
    /// False: broadcasts start whatever the DNS says.
    bool enforce = true;
    /// How old a good result may become. What is not good is looked at again after a 24th of it.
    milliseconds check_every = std::chrono::hours{24};
    /// How often pending keys are looked for, and due checks begun.
    milliseconds poll_every = std::chrono::seconds{60};
    /// How long a replaced key stays published.
    milliseconds retire_after = std::chrono::hours{7 * 24};
    /// MX of return-path domains.
    std::string hostname = "localhost";
    std::vector<source_address> sources;
    std::vector<std::string> sources_without_address;
};

/// Looks at the records of sender domains: when somebody asks, before a broadcast starts, and
/// daily; and waits for the records of new keys. Thread-safe; calls block for DNS and the store.
class domain_watch
{
public:
    /// Of one check that somebody waits for.
    static constexpr milliseconds check_timeout{20'000};
    /// Of the one before a broadcast starts.
    static constexpr milliseconds start_timeout{5'000};
    /// A result so young needs no other check before a start.
    static constexpr milliseconds fresh_for{30'000};
    /// Checks that requests run at once: each may hold a thread for its timeout.
    static constexpr std::size_t checks_max = 4;
    /// Domains checked in the background per poll at least; more when there are more to spread
    /// over the day.
    static constexpr std::size_t checks_per_poll_min = 2;

    struct dependencies
    {
        store::database& db;
        sender_domains& domains;
        const clock& clock_source;
        dns_access dns;
    };
    /// Everything in `deps` outlives the object.
    domain_watch(dependencies deps, domain_watch_options options);
    /// stop()
    ~domain_watch();
    domain_watch(const domain_watch&) = delete;
    domain_watch& operator=(const domain_watch&) = delete;

    /// `call` is called after other keys sign for a domain, from the thread that noticed it. Set
    /// before run() and before requests come.
    void on_switched(std::function<void(tenant_id, const std::string& domain)> call);

    /// Checks now and keeps the result; pending keys are looked for too.
    /// @error not_found; unavailable: too many checks run already, or the store refuses
    [[nodiscard]] result<sender_domain, problem> check(const oplog::actor& who, tenant_id tenant,
                                                       std::uint64_t id,
                                                       milliseconds timeout = check_timeout);

    /// What a campaign's start has to know of its sender domain.
    struct clearance
    {
        /// Definite failures in force. With enforcement they refuse a broadcast.
        std::vector<check_finding> failing;
    };
    /// Checks first, within start_timeout, unless the last result is fresh and has no failure. With
    /// enforcement off, or `look_only`, it asks nothing: what is known.
    /// @param who  carries no with_commit: the check is not what the request is about
    /// @error not_found, unavailable
    [[nodiscard]] result<clearance, problem> clear_start(const oplog::actor& who, tenant_id tenant,
                                                         std::string_view domain, bool look_only);

    [[nodiscard]] bool enforces() const noexcept;
    void set_enforced(bool on) noexcept;

    /// One round of the background's work: keys, then due checks. What run() does every poll.
    void poll();
    /// Starts the background thread.
    void run();
    /// Ends it, and checks under way. Idempotent.
    void stop();

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// "TXT hk1r._domainkey.shop.example "v=DKIM1; …"": one line for a person.
[[nodiscard]] std::string to_text(const dns_record& record);

} // namespace hikyaku::identity
