#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/random.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/dkim/signer.h>
#include <hikyaku/identity/key_rotation.h>
#include <hikyaku/identity/problem.h>
#include <hikyaku/identity/sender_domain.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/store/database.h>

namespace hikyaku::identity
{

struct sender_domain_options
{
    /// The installation's host name: MX of return-path domains.
    std::string hostname = "localhost";
    /// The operator's shared return-path domain, used until a domain's own is verified. Empty:
    /// there is none.
    std::string return_path_domain;
    /// What SPF records say: a domain to include, else these addresses, else the host's own.
    std::string spf_include;
    std::vector<std::string> source_addresses;
    std::size_t domains_per_tenant_max = 100;
};

/// Sender domains and their DKIM keys. Thread-safe. Calls that change something block until
/// durable.
class sender_domains
{
public:
    /// Longer ones leave no room for "hk1r._domainkey." in front (RFC 1035 section 2.3.4).
    static constexpr std::size_t domain_bytes_max = 253 - 16;
    /// Domains whose parsed keys stay in memory, least recently used first out.
    static constexpr std::size_t cached_max = 1024;
    static constexpr std::size_t page_max = 1000;

    using identities = std::shared_ptr<const std::vector<dkim::identity>>;

    struct dependencies
    {
        store::database& db;
        oplog::operation_log& log;
        const crypto::master_key& master;
        const clock& clock_source;
        id_source& ids;
    };
    /// Everything in `deps` outlives the object.
    sender_domains(dependencies deps, sender_domain_options options);
    ~sender_domains();
    sender_domains(const sender_domains&) = delete;
    sender_domains& operator=(const sender_domains&) = delete;

    /// Makes the keys (RSA takes some 100 ms: not on an event loop thread), proves that they sign,
    /// seals and stores them.
    ///
    /// @param domain  U-labels or A-labels; at least two labels
    /// @error invalid (domain), conflict (the tenant has it already), limit, not_found (tenant),
    ///        unavailable (OpenSSL or the store refuses)
    [[nodiscard]] result<sender_domain, problem> add(const oplog::actor& who, tenant_id tenant,
                                                     std::string_view domain,
                                                     bool want_ed25519 = true);

    /// Ids > `after`, ascending, at most `limit` (and page_max). Empty for an unknown tenant.
    /// @error unavailable
    [[nodiscard]] result<std::vector<sender_domain>, problem>
    list(tenant_id tenant, std::uint64_t after, std::size_t limit) const;
    /// @error unavailable
    [[nodiscard]] result<std::optional<sender_domain>, problem> find(tenant_id tenant,
                                                                     std::uint64_t id) const;
    /// @param domain  U-labels or A-labels, any case. Text that is no domain is not found.
    /// @error unavailable
    [[nodiscard]] result<std::optional<sender_domain>, problem>
    find_by_name(tenant_id tenant, std::string_view domain) const;

    /// Keeps what a check of the DNS found.
    /// @error not_found, unavailable
    [[nodiscard]] result<sender_domain, problem> set_checks(const oplog::actor& who,
                                                            tenant_id tenant, std::uint64_t id,
                                                            const domain_checks& found);

    /// Says who uses a domain, as a sentence; nullopt: nobody. Asked under the tenant's gate: it
    /// must not open a change.
    using usage = std::function<std::optional<std::string>(const sender_domain&)>;
    /// Erases the domain with its keys; load_identities() does not know it from then on. Whoever
    /// holds identities already can still sign with them. The sealed keys leave the disk when the
    /// store compacts their table.
    /// @error not_found, conflict (what `used_by` says), unavailable
    [[nodiscard]] result<void, problem> remove(const oplog::actor& who, tenant_id tenant,
                                               std::uint64_t id, const usage& used_by);

    /// Makes keys of the next generation, one of each kind that signs now; they are pending until
    /// their records are seen (domain_watch). RSA takes some 100 ms.
    /// @error not_found, conflict (keys are pending already), limit, unavailable
    [[nodiscard]] result<sender_domain, problem> rotate(const oplog::actor& who, tenant_id tenant,
                                                        std::uint64_t id);
    struct key_progress
    {
        sender_domain domain;
        /// Which keys sign has changed.
        bool switched = false;
    };
    /// Brings the keys' states forward (key_rotation.h); durable when something changed. Signing
    /// then uses the new keys: load_identities() gives them from the return on.
    /// @error not_found, unavailable
    [[nodiscard]] result<key_progress, problem> advance_keys(tenant_id tenant, std::uint64_t id,
                                                             const std::vector<key_sighting>& seen,
                                                             milliseconds retire_after);

    /// Mechanisms that name this installation in an SPF record.
    [[nodiscard]] std::string spf_mechanisms() const;
    /// What the domain's owner publishes: DKIM of each key that is not gone, SPF of the domain
    /// (docomo checks SPF on the header's From too) and of the return path, MX of the return path,
    /// DMARC.
    [[nodiscard]] std::vector<dns_record> records_of(const sender_domain& d) const;
    /// The domain of MAIL FROM: the domain's own return path once it is verified, before that the
    /// operator's when he has one.
    [[nodiscard]] std::string envelope_domain(const sender_domain& d) const;
    /// Whether mail to that domain comes to us: its own MX was seen to, or it is the operator's.
    [[nodiscard]] bool envelope_is_ours(const sender_domain& d) const;

    /// The signing identities of a tenant's domain, RSA first. Keys are opened, parsed and probed
    /// (dkim::probe) when they are not in the cache. Shared with whoever signs, never null or
    /// empty.
    ///
    /// @error  no such domain, a key that does not open under the master key, or one that does not
    ///         sign: a sentence
    [[nodiscard]] result<identities, failure> load_identities(tenant_id tenant,
                                                              std::string_view domain) const;

private:
    [[nodiscard]] const dependencies& deps() const noexcept;
    /// Drops opened keys from memory, and what is being opened now.
    void forget(tenant_id tenant, const std::string& domain);

    struct state;
    std::unique_ptr<state> state_;
};

} // namespace hikyaku::identity
