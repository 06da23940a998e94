#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/dns/ip_address.h>
#include <hikyaku/dns/rrset.h>
#include <hikyaku/dns/spf.h>
#include <hikyaku/identity/sender_domain.h>

namespace hikyaku::identity
{

/// An address that mail leaves from.
struct source_address
{
    std::string source;
    dns::ip_address ip;
    std::string ehlo_name;
};

/// Whose records are looked at, and what they should say.
struct domain_check_input
{
    sender_domain domain;
    /// The domain that MAIL FROM has now: the own return path or the operator's.
    std::string envelope_domain;
    /// Where mail to return-path domains must go.
    std::string hostname;
    std::vector<source_address> sources;
    /// Sources whose address the system chooses: SPF can't be evaluated for them.
    std::vector<std::string> sources_without_address;
    /// What an SPF record needs to let the sources pass: "ip4:192.0.2.1".
    std::string spf_mechanisms;
    /// What the owner was asked to publish (sender_domains::records_of).
    std::vector<dns_record> records;
    wall_time now{};
};

/// Checks one sender domain without I/O: gives questions, takes answers, until there are findings.
///
///     domain_check check(input);
///     while (!check.questions().empty())
///         check.take(answers to check.questions(), in that order);
///     use(check.findings());
///
/// Any answers end it: SPF is bounded (dns::spf_check), the rest asks a handful of questions. Not
/// thread-safe.
class domain_check
{
public:
    /// Longer texts of the DNS are cut in findings.
    static constexpr std::size_t seen_bytes_max = 512;

    explicit domain_check(domain_check_input input);
    ~domain_check();
    domain_check(const domain_check&) = delete;
    domain_check& operator=(const domain_check&) = delete;

    /// What to ask next, all at once; empty when there are findings. Valid until take().
    [[nodiscard]] const std::vector<dns::spf_question>& questions() const noexcept;
    /// @pre one answer per question; their status is not `follow`
    void take(const std::vector<dns::rrset>& answers);
    /// The time is over: whatever is not answered is unknown.
    void give_up();
    /// In the order of check_kind. `last` and `last_at` are of this check only: merge_findings().
    /// @pre questions().empty()
    [[nodiscard]] const std::vector<check_finding>& findings() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// The new findings with what was known before: an unknown keeps the last definite state.
[[nodiscard]] std::vector<check_finding> merge_findings(const std::vector<check_finding>& before,
                                                        std::vector<check_finding> now_found,
                                                        wall_time now);

/// The flags that the findings in force amount to, with the findings.
[[nodiscard]] domain_checks sum_up(const sender_domain& d, std::vector<check_finding> findings,
                                   wall_time now);

/// The worst state in force; unknown when there are no findings. Order: ok, warn, unknown, fail.
[[nodiscard]] check_state overall_state(const domain_checks& checks, wall_time now) noexcept;

/// True when a TXT record holds the same DKIM key as ours (RFC 6376 section 3.6.1): the bytes of
/// p=, and tags that let it be used for mail with SHA-256. Otherwise why not, for its owner.
struct key_comparison
{
    bool same = false;
    std::string why;
};
[[nodiscard]] key_comparison compare_key_record(std::string_view published, std::string_view ours);

} // namespace hikyaku::identity
